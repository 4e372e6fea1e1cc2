"""The Viewing aggregate: a question about personal data, of one person or a list, answered or refused.

X11 Who reads is on record before the answer is given: who, in which role, for which task, on which ground and why. A
    refusal is on record too. Where that cannot be recorded, nothing is shown. Whose task it is not is refused (W2).
X12 A professional reads of a person under an access of theirs that is open, and only while its ground holds: they are
    not suspended (X4), nobody opposes it since (X5), the consent it rests on was not taken back, the person is still
    known where they act from, and still the person that it was opened for. An emergency goes past X5.
X13 A patient reads of themself: of the person that their own identity is in.
X15 The reason for reading a list names nobody whom it names: it is sealed under the caller's own key, so it stays
    readable when one of them is erased. Of others on it nothing is compared: a refusal would tell that a guess is
    right.
X18 A list of a professional names a person only where they read of that person under an open access (X12), or are of
    the care team and nobody opposes it (X6, X5). Other rows show ids, and what was written where they act from; against
    an opposition to consultation, nothing clinical.
X19 What the person's consents to a professional, or to where they act from, leave out is in no answer to them,
    whichever access they read under; an emergency shows it, and is reviewed. What is not known enough to tell is left
    out.
X20 An establishment's own system (a PACS) finds and fetches studies of a person whom the establishment knows by a
    number of its own, or for whom an order is open there that another one placed which does: presented or scheduled,
    and not reported, cancelled or run out. An order of its own lets it in nowhere (X6). An opposition to the
    establishment or to everyone refuses it (X5), and so does an erasure (X14). What the person's consents to the
    establishment leave out is left out (X19).
Source: GDPR Art. 5(2), 15 and 32; CSP L1110-4, R1111-46; HL7 v3 ActReason (TREAT, BTG, PATRQT, HCOMPL, SYSADMIN,
HOPERAT); DICOM PS3.15 A.5.3.10 (Query) and ITI-20.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

CALLERS = UUID("5a1c7e94-2f0b-5d38-8c66-91e40b7ad2f3")  # namespace of callers' keys: stored state, never change it
VIEWED, REFUSED, LISTED = "viewed", "refused", "listed"


def key_of(actor: str) -> UUID:
    """The subject under whose key the reasons of a caller's lists are sealed."""
    return uuid5(CALLERS, actor)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question as recorded, whatever the outcome.

    ``role``, ``kind``: the caller's role and the task; ``site``: the establishment acted from; ``purpose``: of use;
    ``asked``: its limits as name=value, which name only professionals; ``situation``: see ``Caller``.
    """

    role: str
    kind: str
    site: str | None
    purpose: str
    asked: list[str]
    reason: str
    situation: str | None = None


class Viewing(Aggregate):
    """A question and its outcome: a single event."""

    TOPIC = "viewing"

    class Created(Aggregate.Created):
        TOPIC = "viewing.created"
        AGGREGATE = "viewing"
        role: str
        kind: str
        site: str | None
        purpose: str
        asked: list[str]
        reason: str
        situation: str | None
        rule: str

    class Viewed(Created):
        TOPIC = "access.viewed"
        identity_id: UUID
        other_id: UUID | None
        members: list[str]
        ground: str
        access_id: UUID | None
        unsealed: bool

    class Refused(Created):
        TOPIC = "access.view_refused"
        caller_id: UUID
        identity_id: UUID | None
        other_id: UUID | None
        members: list[str]

    class Listed(Created):
        TOPIC = "access.listed"
        caller_id: UUID
        identities: list[str]
        ground: str

    def __init__(self, rule: str) -> None:
        self.rule = rule

    @classmethod
    def view(
        cls,
        viewing_id: UUID,
        asked: Asked,
        *,
        identity_id: UUID,
        other_id: UUID | None,
        members: Iterable[str],
        rule: str,
        ground: str,
        access_id: UUID | None,
        unsealed: bool,
    ) -> "Viewing":
        """Record that a question about a person is answered, and on which ground (X11)."""
        return cls._create(
            cls.Viewed,
            id=viewing_id,
            **asdict(asked),
            identity_id=identity_id,
            other_id=other_id,
            members=sorted(members),
            rule=rule,
            ground=ground,
            access_id=access_id,
            unsealed=unsealed,
        )

    @classmethod
    def refuse(
        cls,
        viewing_id: UUID,
        asked: Asked,
        *,
        actor: str,
        identity_id: UUID | None,
        other_id: UUID | None,
        members: Iterable[str],
        rule: str,
    ) -> "Viewing":
        """Record that a question is not answered, and by which rule (X11). Of a list no identity is named."""
        return cls._create(
            cls.Refused,
            id=viewing_id,
            **asdict(asked),
            caller_id=key_of(actor),
            identity_id=identity_id,
            other_id=other_id,
            members=sorted(members),
            rule=rule,
        )

    @classmethod
    def list_people(
        cls, viewing_id: UUID, asked: Asked, *, actor: str, identities: Iterable[str], rule: str, ground: str
    ) -> "Viewing":
        """Record that a list was shown, and of whom (X11, X15)."""
        return cls._create(
            cls.Listed,
            id=viewing_id,
            **asdict(asked),
            caller_id=key_of(actor),
            identities=sorted(identities),
            rule=rule,
            ground=ground,
        )
