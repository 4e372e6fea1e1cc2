"""The Consent aggregate: one local identity's statements on sharing: consents, oppositions and one-time codes.

Its id is made from the identity's.

C1  A statement names a registered professional or an enrolled establishment; an opposition may name everyone.
C2  A statement changes the state: none is repeated for the same party, and only one that stands is taken back.
C3  A grant to a party that the same identity opposes is refused: lift the opposition first.
C4  Opposition to feeding needs a legitimate reason; opposition to consultation needs none.
C5  A grant's end lies ahead; its exclusions name an author, a study or a period; a code lives a week at most.
C6  A code has at least 8 signs, and is used once.
C7  A consent with an end, and a code that nobody used, are over at that time: that is an event of its own, once.
What was not collected is neither yes nor no. Statements in words are sealed under the identity.
Source: CSP L1110-4, R1111-46 (consultation inside the care team), L1111-15, R1111-47 (feeding), L1111-17 III (outside
the care team); IHE PCF (consent that expires, or leaves out an author, a document, a period).
"""

from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.consent_code import Code, refuse_life
from domain.consent_statements import EVERYONE, Origin, Said, Scope, Statement, refuse_limits
from domain.errors import NoLegitimateReason, NotRunOut, StatementUnchanged, StillOpposed
from domain.ids import Ids


class Consent(Aggregate):
    """Keeps the statements in force. A party is ``rpps:…``, ``site:…`` or ``everyone``; times: µs since 1970, UTC."""

    TOPIC = "consent"

    class Created(Aggregate.Created):
        TOPIC = "consent.created"

    class Opened(Created):
        TOPIC = "consent.opened"
        identity_id: UUID

    class Granted(Aggregate.Event):
        TOPIC = "consent.granted"
        identity_id: UUID
        statement_id: UUID
        party: str
        expires_at: int | None
        exclusions: list[str]

    class Revoked(Aggregate.Event):
        TOPIC = "consent.revoked"
        identity_id: UUID
        statement_id: UUID
        party: str
        reason: str | None

    class Expired(Aggregate.Event):
        TOPIC = "consent.expired"
        identity_id: UUID
        statement_id: UUID
        party: str

    class OppositionExpressed(Aggregate.Event):
        TOPIC = "consent.opposition_expressed"
        identity_id: UUID
        statement_id: UUID
        scope: str
        party: str
        reason: str | None
        from_identity_id: UUID | None
        from_statement_id: UUID | None

    class OppositionLifted(Aggregate.Event):
        TOPIC = "consent.opposition_lifted"
        identity_id: UUID
        statement_id: UUID
        scope: str
        party: str
        reason: str | None

    class CodeIssued(Aggregate.Event):
        TOPIC = "consent.code_issued"
        identity_id: UUID
        code_id: UUID
        salt: str
        hash: str
        expires_at: int

    class CodeUsed(Aggregate.Event):
        TOPIC = "consent.code_used"
        identity_id: UUID
        code_id: UUID
        access_id: UUID
        rpps: str

    class CodeExpired(Aggregate.Event):
        TOPIC = "consent.code_expired"
        identity_id: UUID
        code_id: UUID

    @staticmethod
    def create_id(ids: Ids, identity_id: UUID) -> UUID:
        """One per identity."""
        return ids.of("consent", str(identity_id))

    @event(Opened)
    def __init__(self, id: UUID, identity_id: UUID) -> None:
        self.identity_id = identity_id
        self.grants: dict[str, Statement] = {}
        self.oppositions: dict[tuple[str, str], Statement] = {}
        self.codes: dict[UUID, Code] = {}

    def grant(self, *, party: str, expires_at: int | None, exclusions: list[str], now: int) -> None:
        """Consent to consultation by one party. Raises BadLimit (C5), StillOpposed (C3), StatementUnchanged (C2)."""
        refuse_limits(expires_at, exclusions, now)
        if (Scope.CONSULT, party) in self.oppositions:
            raise StillOpposed(f"identity {self.identity_id} opposes consultation by {party}: lift that first")
        if (held := self.grants.get(party)) and held.holds(now):
            raise StatementUnchanged(f"identity {self.identity_id} consents to {party} already: revoke that first")
        self._granted(self.identity_id, self._next_id(), party, expires_at, sorted(set(exclusions)))

    @event(Granted)
    def _granted(
        self, identity_id: UUID, statement_id: UUID, party: str, expires_at: int | None, exclusions: list[str]
    ) -> None:
        self.grants[party] = Statement(statement_id, expires_at, tuple(exclusions))

    def revoke(self, *, party: str, reason: str | None) -> None:
        """Withdraw a consent, at any time. Raises StatementUnchanged (C2)."""
        if (held := self.grants.get(party)) is None:
            raise StatementUnchanged(f"identity {self.identity_id} has no consent to {party}: nothing to revoke")
        self._revoked(self.identity_id, held.id, party, reason)

    @event(Revoked)
    def _revoked(self, identity_id: UUID, statement_id: UUID, party: str, reason: str | None) -> None:
        del self.grants[party]

    def expire(self, *, statement_id: UUID, now: int) -> None:
        """Note that a consent has run out. Raises NotRunOut (C7)."""
        found = next(((party, held) for party, held in self.grants.items() if held.id == statement_id), None)
        if found is None:
            raise NotRunOut(f"consent {statement_id} was taken back, or ran out already: nothing runs out")
        if found[1].holds(now):
            raise NotRunOut(f"consent {statement_id} holds still", not_before=found[1].expires_at)
        self._expired(self.identity_id, statement_id, found[0])

    @event(Expired)
    def _expired(self, identity_id: UUID, statement_id: UUID, party: str) -> None:
        del self.grants[party]

    def oppose(self, *, scope: Scope, party: str, reason: str | None, carried: Origin | None = None) -> None:
        """Oppose feeding or consultation. ``carried``: from which statement.

        Raises NoLegitimateReason (C4), StatementUnchanged (C2).
        """
        if scope is Scope.FEED and not reason:
            raise NoLegitimateReason("opposition to feeding needs a legitimate reason: give one (CSP R1111-47)")
        if (scope, party) in self.oppositions:
            raise StatementUnchanged(f"identity {self.identity_id} opposes {scope} by {party} already: nothing to do")
        origin = carried or (None, None)
        self._opposition_expressed(self.identity_id, self._next_id(), scope, party, reason, *origin)

    @event(OppositionExpressed)
    def _opposition_expressed(
        self,
        identity_id: UUID,
        statement_id: UUID,
        scope: str,
        party: str,
        reason: str | None,
        from_identity_id: UUID | None,
        from_statement_id: UUID | None,
    ) -> None:
        carried = from_identity_id and from_statement_id and Origin(from_identity_id, from_statement_id)
        self.oppositions[Scope(scope), party] = Statement(statement_id, carried=carried or None)

    def lift(self, *, scope: Scope, party: str, reason: str | None) -> None:
        """Withdraw an opposition, at any time. Raises StatementUnchanged (C2)."""
        if (held := self.oppositions.get((scope, party))) is None:
            raise StatementUnchanged(f"identity {self.identity_id} does not oppose {scope} by {party}: nothing to lift")
        self._opposition_lifted(self.identity_id, held.id, scope, party, reason)

    @event(OppositionLifted)
    def _opposition_lifted(
        self, identity_id: UUID, statement_id: UUID, scope: str, party: str, reason: str | None
    ) -> None:
        del self.oppositions[Scope(scope), party]

    def issue_code(self, *, salt: str, hashed: str, expires_at: int, now: int) -> UUID:
        """Record a one-time code for the person to hand over. Raises BadLimit (C5). Returns the code's id."""
        refuse_life(expires_at, now)
        code_id = self._next_id()
        self._code_issued(self.identity_id, code_id, salt, hashed, expires_at)
        return code_id

    @event(CodeIssued)
    def _code_issued(self, identity_id: UUID, code_id: UUID, salt: str, hash: str, expires_at: int) -> None:
        self.codes[code_id] = Code(code_id, salt, hash, expires_at)

    def code_of(self, typed: str, now: int) -> UUID | None:
        """The id of the code typed, if it was issued here, has not expired and was not used (C6)."""
        return next((code.id for code in self.codes.values() if code.is_typed(typed, now)), None)

    def use_code(self, *, code_id: UUID, access_id: UUID, rpps: str) -> None:
        """Use up a code found by ``code_of`` for one access (C6)."""
        self._code_used(self.identity_id, code_id, access_id, rpps)

    @event(CodeUsed)
    def _code_used(self, identity_id: UUID, code_id: UUID, access_id: UUID, rpps: str) -> None:
        del self.codes[code_id]

    def expire_code(self, *, code_id: UUID, now: int) -> None:
        """Note that a code has run out. Raises NotRunOut (C7)."""
        code = self.codes.get(code_id)
        if code is None:
            raise NotRunOut(f"code {code_id} was used, or ran out already: nothing runs out")
        if now < code.expires_at:
            raise NotRunOut(f"code {code_id} holds still", not_before=code.expires_at)
        self._code_expired(self.identity_id, code_id)

    @event(CodeExpired)
    def _code_expired(self, identity_id: UUID, code_id: UUID) -> None:
        del self.codes[code_id]

    def opposition(self, scope: Scope, parties: set[str]) -> Statement | None:
        """An opposition to one of these parties or to everyone; None if there is none."""
        named = (self.oppositions.get((scope, party)) for party in (*sorted(parties), EVERYONE))
        return next((held for held in named if held), None)

    def consent_to(self, parties: set[str], now: int) -> Statement | None:
        """A consent to one of these parties in force at ``now``; None if there is none."""
        named = (self.grants.get(party) for party in sorted(parties))
        return next((held for held in named if held and held.holds(now)), None)

    def says(self, parties: set[str], now: int) -> Said:
        """The position on consultation by these parties: an opposition wins; without any statement neither yes nor
        no.
        """
        if self.opposition(Scope.CONSULT, parties):
            return Said.NO
        return Said.YES if self.consent_to(parties, now) else Said.NOT_COLLECTED

    def origin(self, held: Statement) -> Origin:
        """Where a statement that stands here was first said."""
        return held.carried or Origin(self.identity_id, held.id)

    def carried(self) -> list[tuple[Scope, str]]:
        """Scope and party of what stands here since an identity was split."""
        return [(Scope(scope), party) for (scope, party), held in self.oppositions.items() if held.carried]

    def _next_id(self) -> UUID:
        return uuid5(self.id, str(self.version + 1))
