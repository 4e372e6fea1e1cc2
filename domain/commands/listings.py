"""The command that decides and records who may read a list of several people (see ``viewings``)."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from domain.actors import Caller
from domain.aggregates.identity import Identity
from domain.aggregates.professional import Professional
from domain.aggregates.viewing import LISTED, REFUSED, Viewing
from domain.commands.accesses import why
from domain.commands.viewings import TASK, Judged, asked_as, from_enrolled, site_of, standing
from domain.errors import UnfitReason
from domain.grounds import LONGEST, tells_of
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class ListPeople:
    """Somebody asks for a list of several people. ``shown``: the identities on it; ``asked``: which limits it has."""

    caller: Caller
    task: str
    shown: tuple[UUID, ...] = ()
    asked: tuple[str, ...] = ()
    viewing: UUID = field(default_factory=uuid4)

    def touches(self) -> set[UUID]:
        """Who is on it, and who asks."""
        return {*self.shown} | ({Professional.create_id(self.caller.rpps)} if self.caller.rpps else set())

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReasonMissing (X3), UnfitReason (X15), UnknownSite (S1)."""
        reason = why(self.caller.reason or "")
        judged = standing(work, self.caller, self.task) or self._judged(work)
        if judged.ground is not None:
            self._refuse_names(work, reason)
        judged = from_enrolled(work, judged)
        asked = asked_as(work, self.caller, self.task, self.asked, reason, judged)
        told: dict[str, Any] = {"viewing": str(self.viewing), "rule": judged.rule, "site": judged.site}
        if judged.ground is None:
            nobody: dict[str, Any] = {"identity_id": None, "other_id": None, "members": ()}
            work.add(Viewing.refuse(self.viewing, asked, actor=self.caller.actor, rule=judged.rule, **nobody))
            return told | {"decision": REFUSED}
        on_it: dict[str, Any] = {"identities": map(str, self.shown), "rule": judged.rule, "ground": judged.ground}
        work.add(Viewing.list_people(self.viewing, asked, actor=self.caller.actor, **on_it))
        return told | {"decision": LISTED, "ground": judged.ground}

    def _judged(self, work: Work) -> Judged:
        """A professional's list is that of the establishment they act from (X2)."""
        if self.caller.rpps is None:
            return Judged("W2", TASK, self.caller.site)
        professional = work.get(Professional, Professional.create_id(self.caller.rpps))
        site = site_of(self.caller, professional)
        return Judged("W2", TASK, site) if site else Judged("X2")

    def _refuse_names(self, work: Work, reason: str) -> None:
        """Raises UnfitReason (X15)."""
        if len(reason) > LONGEST:
            raise UnfitReason(f"the reason for a list has up to {LONGEST} characters: say it in short")
        people = (work.get(Identity, one) for one in self.shown)
        if any(tells_of(reason, identity.traits, identity.local_id) for identity in people):
            raise UnfitReason(
                "the reason for a list stays readable, and this one holds a name, a birth date or a number of "
                "somebody who is on it: say it without"
            )
