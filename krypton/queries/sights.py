"""What a caller is shown of studies of several people, as the ledger decides: foreseen, to cut a page; then recorded.

What is recorded counts: whoever is not shown any more by then is not.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from domain.actors import Caller, Role
from domain.aggregates.access import Access
from domain.aggregates.viewing import REFUSED
from domain.commands.study_listings import ListStudies
from domain.sight import Exclusions, Sight
from domain.tasks import may
from domain.times import micros
from domain.work import Work, touched_by
from krypton.bootstrap import Krypton
from krypton.queries.fed import counted
from krypton.queries.gate import LATELY, decided, open_orders, oppositions
from krypton.queries.study_rows import Scope


class Sights:
    """``of``: by identity, for those of whom studies are shown."""

    def __init__(self, ours: Krypton, caller: Caller, task: str, asked: tuple[str, ...] = ()) -> None:
        self._ours, self._caller, self._task, self._asked = ours, caller, task, asked
        self._known: set[str] = set()
        self.of: dict[str, Sight] = {}

    def decided(self, identities: Iterable[str], sight: Sight) -> None:
        """What was decided already of one person."""
        self.of |= dict.fromkeys(identities, sight)
        self._known |= self.of.keys()

    def scope(self) -> Scope | None:
        """Among whose studies is sought; None: among nobody's, for it is not the caller's task."""
        caller = self._caller
        if not may(caller.role, self._task) or (caller.role is Role.SERVICE and caller.site is None):
            return None
        if caller.rpps is None:
            return Scope(site=caller.site)
        return Scope(self._ours.ledger.membership().members_of(self._accesses.values()))

    def command(self, identities: Iterable[str]) -> ListStudies:
        """What is asked of the ledger about these identities."""
        ours, caller = self._ours, self._caller
        identities = sorted(identities)
        members = ours.ledger.membership().members_of(identities)
        ours.vault.prefetch({*identities, *members})
        return ListStudies(
            caller=caller,
            task=self._task,
            shown=tuple(map(UUID, identities)),
            asked=self._asked,
            accesses=tuple(UUID(access) for access, one in sorted(self._accesses.items()) if one in members),
            expected=tuple(members),
            orders=open_orders(ours, caller, self._task, members),
        )

    def foresee(self, identities: Collection[str]) -> None:
        """Find out about those that are not known yet; nothing is recorded. Raises ViewRefused, which is."""
        if not (new := {*identities} - self._known):
            return
        self._known |= new
        command = self.command(new)
        result: Mapping[str, Any] = command.decide(Work(self._ours.ledger, touched_by(self._ours.ids, command)))
        if result["decision"] == REFUSED:
            result = decided(self._ours, self._caller, command).result
        self.of |= self._of(result, new)

    def record(self, identities: Collection[str]) -> None:
        """Have it decided and recorded that studies of these are shown; of others none are. Raises ViewRefused."""
        result = decided(self._ours, self._caller, self.command(identities)).result
        self.of = self._of(result, identities)

    def shows(self, row: Mapping[str, Any]) -> bool:
        """Whether the caller sees a study at all."""
        sight = self.of.get(row["identity"])
        if sight is None or sight.exclusions.study(row["study_uid"], row["date"]):
            return False
        return not sight.withholds(row["first_position"], [row["site"]])

    def counted(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What a study holds for this caller, where more of it came in against an opposition; else nothing."""
        sight = self.of[row["identity"]]
        if not sight.withholds(row["last_position"], [row["site"]]):
            return {}
        with self._ours.snapshot() as connection:
            return counted(connection, self._ours.codec, [row["study"]], sight).get(row["study"], {})

    def _of(self, result: Mapping[str, Any], identities: Iterable[str]) -> dict[str, Sight]:
        return {
            one: Sight(
                Exclusions.of(result["exclusions"].get(one, ())),
                oppositions(self._ours, result["feeding"].get(one, ())),
                site=result["sites"][one],
            )
            for one in identities
            if one in result["sites"]
        }

    @cached_property
    def _accesses(self) -> dict[str, str]:
        """A professional's accesses that may be open, each with the identity that it was asked for."""
        rpps = self._caller.rpps
        if rpps is None:
            return {}
        from adapters.eventstore.histories import opened_speaking_of
        from projections.access_history import queries

        with self._ours.snapshot() as connection:
            known = queries.open_by(connection, rpps, micros(self._ours.ledger.clock()))
            late = {*opened_speaking_of(connection, [rpps], LATELY)} - known.keys()
        opened = self._ours.ledger.load([UUID(one) for one in late]).values()
        return known | {str(one.id): str(one.identity_id) for one in opened if isinstance(one, Access)}
