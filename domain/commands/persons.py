"""What decides who may read of one person: where the person is known, and what was said on their behalf."""

from collections.abc import Iterable
from uuid import UUID

from domain.aggregates.access import EMERGENCY, Access
from domain.aggregates.consent import Consent
from domain.aggregates.identity import Identity
from domain.consent_statements import Scope
from domain.work import Work


class Person:
    """One person's identities, and the statements on behalf of each.

    An identity that was erased lets nobody in: no ground rests on it. What was opposed and excluded on its behalf still
    binds. Nor is a person known by one that a split emptied (I16): it was nobody.
    """

    def __init__(self, work: Work, members: Iterable[str]) -> None:
        self.members = list(members)
        people = [UUID(member) for member in self.members]
        work.fetch([*people, *(Consent.create_id(work.ids, one) for one in people)])
        found = (work.find(Consent, Consent.create_id(work.ids, one)) for one in people)
        self.consents = [consent for consent in found if consent]
        known = [identity for one in people if (identity := work.find(Identity, one)) and not identity.erased]
        self.known_at = {identity.assigner for identity in known if not identity.is_closed}
        self.living = {identity.id for identity in known}
        self.granting = [consent for consent in self.consents if consent.identity_id in self.living]

    def opposition(self, parties: set[str]) -> tuple[UUID, UUID] | None:
        """Whose opposition to consultation by these parties stands, and which statement it is (X5)."""
        for consent in self.consents:
            if held := consent.opposition(Scope.CONSULT, parties):
                return consent.identity_id, held.id
        return None

    def exclusions(self, parties: set[str], now: int) -> set[str]:
        """What the person's consents to these parties leave out, each as far as it holds at ``now`` (µs) (X19)."""
        granted = (held for consent in self.consents for party, held in consent.grants.items() if party in parties)
        return {exclusion for held in granted if held.holds(now) for exclusion in held.exclusions}

    def ended(self, access: Access, now: int, stances: Iterable[str | None]) -> str | None:
        """The rule by which an open access no longer allows reading; None: its ground still holds.

        ``stances``: where its professional may be acting from, at least one; None: from nowhere.
        """
        if access.decision == EMERGENCY:
            return None
        if all(self.opposition(parties(access.rpps, [stance])) for stance in stances):
            return "X5"
        return None if self._grounded(access, now) else "X12"

    def _grounded(self, access: Access, now: int) -> bool:
        if access.ground == "care_team":
            return access.site in self.known_at
        stated = next((one for one in self.granting if one.identity_id == access.consenting_id), None)
        if stated is None:
            return False
        held = (one for one in stated.grants.values() if one.id == access.statement_id)
        return access.ground == "code" or any(one.holds(now) for one in held)


def parties(rpps: str, sites: Iterable[str | None]) -> set[str]:
    """A professional, and where they act from, as statements name them."""
    return {f"rpps:{rpps}"} | {f"site:{site}" for site in sites if site}
