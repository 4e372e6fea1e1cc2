"""Commands on consents: grant, revoke, oppose, lift an opposition, and issue one-time codes."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.aggregates.consent import Consent
from domain.aggregates.establishment import Establishment
from domain.aggregates.identity import Identity
from domain.aggregates.professional import Professional
from domain.consent_code import normal, salted_hash
from domain.consent_statements import EVERYONE, Scope
from domain.errors import BadCode, Erased, UnknownParty
from domain.times import iso, micros
from domain.work import Work

LEAST_SIGNS = 8
A_DAY = timedelta(hours=24)


def consent_of(work: Work, identity: UUID) -> Consent:
    """The identity's consent aggregate, created if there is none. Raises NotFound, Erased (I7)."""
    if work.get(Identity, identity).erased:
        raise Erased(f"identity {identity} was erased: no statement is taken on its behalf any more")
    consent_id = Consent.create_id(work.ids, identity)
    known = work.find(Consent, consent_id)
    return known or work.add(Consent(consent_id, identity))


def party_of(work: Work, name: str, *, may_be_everyone: bool) -> str:
    """The party in stored form, checked against the directory. Raises UnknownParty (C1)."""
    scheme, _, who = name.partition(":")
    if scheme == "rpps" and work.find(Professional, Professional.create_id(work.ids, who)):
        return name
    if scheme == "site" and work.find(Establishment, Establishment.create_id(who)):
        return name
    if name == EVERYONE and may_be_everyone:
        return name
    expected = "rpps:<registered number> or site:<enrolled code>" + (f", or {EVERYONE}" if may_be_everyone else "")
    raise UnknownParty(f"the directory knows nobody by the name given: write {expected}")


def said(words: str | None) -> str | None:
    """The text; None where it says nothing: it has no letter and no digit, or none that can be seen."""
    text = (words or "").strip()
    return text if any(map(str.isalnum, text)) else None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Consent to consultation by ``party``: ``rpps:<number>`` or ``site:<code>``.

    ``expires_at`` has a time zone; ``exclusions`` leave out ``author:rpps:…``, ``study:<uid>``, ``period:<day>/<day>``.
    """

    identity: UUID
    party: str
    expires_at: datetime | None = None
    exclusions: list[str] = field(default_factory=list)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownParty (C1), StatementUnchanged (C2), StillOpposed (C3), BadLimit (C5)."""
        consent = consent_of(work, self.identity)
        consent.grant(
            party=party_of(work, self.party, may_be_everyone=False),
            expires_at=micros(self.expires_at) if self.expires_at else None,
            exclusions=self.exclusions,
            now=micros(work.now),
        )
        return {"identity": str(self.identity), "party": self.party}


@dataclass(frozen=True, kw_only=True)
class Revoke:
    """Withdraw a consent."""

    identity: UUID
    party: str
    reason: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownParty (C1), StatementUnchanged (C2)."""
        party = party_of(work, self.party, may_be_everyone=False)
        consent_of(work, self.identity).revoke(party=party, reason=said(self.reason))
        return {"identity": str(self.identity), "party": party}


@dataclass(frozen=True, kw_only=True)
class Oppose:
    """Oppose consultation, or feeding, by ``party``: ``rpps:…``, ``site:…`` or ``everyone``."""

    identity: UUID
    party: str = EVERYONE
    scope: Scope = Scope.CONSULT
    reason: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownParty (C1), StatementUnchanged (C2), NoLegitimateReason (C4)."""
        party = party_of(work, self.party, may_be_everyone=True)
        consent_of(work, self.identity).oppose(scope=self.scope, party=party, reason=said(self.reason))
        return {"identity": str(self.identity), "scope": self.scope.value, "party": party}


@dataclass(frozen=True, kw_only=True)
class LiftOpposition:
    """Withdraw an opposition."""

    identity: UUID
    party: str = EVERYONE
    scope: Scope = Scope.CONSULT
    reason: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownParty (C1), StatementUnchanged (C2)."""
        party = party_of(work, self.party, may_be_everyone=True)
        consent_of(work, self.identity).lift(scope=self.scope, party=party, reason=said(self.reason))
        return {"identity": str(self.identity), "scope": self.scope.value, "party": party}


@dataclass(frozen=True, kw_only=True)
class IssueCode:
    """Issue a one-time code that the person hands to a professional outside the care team.

    ``code`` is made by the caller (``domain.consent_code.derive``) and shown once; only its salted hash is stored.
    """

    identity: UUID
    code: str = field(repr=False)
    lives: timedelta = A_DAY

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises BadCode (C6), BadLimit (C5)."""
        if len(normal(self.code)) < LEAST_SIGNS:
            raise BadCode(f"a code of fewer than {LEAST_SIGNS} signs could be guessed: make a longer one")
        salt = secrets.token_bytes(16)
        expires_at = micros(work.now + self.lives)
        code_id = consent_of(work, self.identity).issue_code(
            salt=salt.hex(), hashed=salted_hash(self.code, salt), expires_at=expires_at, now=micros(work.now)
        )
        return {"identity": str(self.identity), "code_id": str(code_id), "expires_at": iso(expires_at)}


@dataclass(frozen=True, kw_only=True)
class ExpireConsent:
    """A consent reached its end."""

    identity: UUID
    statement: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, NotRunOut (C7)."""
        consent = work.get(Consent, Consent.create_id(work.ids, self.identity))
        consent.expire(statement_id=self.statement, now=micros(work.now))
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class ExpireCode:
    """A one-time code reached its end, and nobody used it."""

    identity: UUID
    code_id: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, NotRunOut (C7)."""
        consent = work.get(Consent, Consent.create_id(work.ids, self.identity))
        consent.expire_code(code_id=self.code_id, now=micros(work.now))
        return {"identity": str(self.identity)}
