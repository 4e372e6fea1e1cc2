"""Computes what is withheld from an auditor because an opposition to feeding was in force when it arrived.

It is computed from the replayed events, as the ledger stood at the position in question.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from adapters.eventstore.histories import StoredEvent
from domain.consent_statements import Scope
from domain.sight import Opposition, Sight
from krypton.auditing.holdings import Holding, holdings
from krypton.auditing.persons import Persons
from schemas.event import LedgerEvent

ALONE: Final = ("order", "reading")
"""Items that are an aggregate each."""
GROW: Final = ("study", *ALONE)
LATER: Final = frozenset(
    {
        "study.extended",
        *(f"order.{step}" for step in ("presented", "scheduled", "performed", "resulted", "cancelled")),
        *(f"reading.{step}" for step in ("accepted", "declined", "reported")),
    }
)
"""Events by which something comes in of an item that is there."""


@dataclass(frozen=True)
class Withheld:
    """``identities``: all ever merged with those asked about; ``events``: in ledger order."""

    identities: Collection[str]
    events: Sequence[LedgerEvent]
    persons: Persons = field(repr=False)

    @staticmethod
    def of(identities: Collection[str], events: Sequence[LedgerEvent]) -> "Withheld":
        """As of the last of these events."""
        return Withheld(identities, events, Persons.of(identities, events))

    @cached_property
    def held(self) -> list[Holding]:
        """Every item ever added."""
        return holdings(self.events)

    @cached_property
    def kept_back(self) -> list[Holding]:
        """The items that are withheld."""
        return [one for one in self.held if self._keeps(one)]

    @cached_property
    def shown(self) -> list[Holding]:
        """The items that are not."""
        back = {id(one) for one in self.kept_back}
        return [one for one in self.held if id(one) not in back]

    @cached_property
    def _standing(self) -> dict[str, list[Opposition]]:
        """Oppositions to feeding by the identity on whose behalf they stand."""
        stated: dict[tuple[str, str], Opposition] = {}
        said: dict[str, int] = {}
        for event in self.events:
            if not event.type.startswith("consent.opposition") or event.data["scope"] != Scope.FEED:
                continue
            key = event.data["identity_id"], event.data["party"]
            if event.type == "consent.opposition_expressed":
                said[event.data["statement_id"]] = self._since(event, said)
                stated[key] = Opposition(said[event.data["statement_id"]], event.data["party"])
            else:
                stated.pop(key, None)
        found: dict[str, list[Opposition]] = {}
        for (identity, _), opposition in stated.items():
            found.setdefault(identity, []).append(opposition)
        return found

    @staticmethod
    def _since(event: LedgerEvent, said: Mapping[str, int]) -> int:
        """From where on an opposition counts: where it was first said; from the start, if that is not among these."""
        origin = event.data["from_statement_id"]
        return event.position if origin is None else said.get(origin, 0)

    def sight(self, members: Iterable[str]) -> Sight:
        """An auditor's view of the person with these identities."""
        oppositions = tuple(one for member in members for one in self._standing.get(member, ()))
        return Sight(oppositions=oppositions, counts=True)

    def _keeps(self, one: Holding) -> bool:
        return self._keeps_from(one, one.position)

    def _keeps_from(self, one: Holding, position: int) -> bool:
        """Whether what came in of an item at that position is withheld."""
        owner = one.owners[-1][1]
        return self.sight(self.persons.steps[-1].of(owner)).withholds(position, one.sites, one.author)

    @cached_property
    def _late(self) -> list[tuple[Holding, LedgerEvent]]:
        """What came in later of an item that is shown, and is withheld."""
        held = {one.aggregate: one for one in self.shown if one.kind in GROW}
        later = ((held.get(event.aggregate_id), event) for event in self.events if event.type in LATER)
        return [(one, event) for one, event in later if one is not None and self._keeps_from(one, event.position)]

    @cached_property
    def grown_late(self) -> list[Holding]:
        """The items that are shown without what came in of them later, each since the first of that."""
        first: dict[int, Holding] = {}
        for one, event in self._late:
            first.setdefault(id(one), replace(one, since=event.data["recorded_at"]))
        return [*first.values()]

    @cached_property
    def number(self) -> int:
        """How many items are withheld, whole or in what came in of them later."""
        return len(self.kept_back) + len(self.grown_late)

    def keeps(self, event: LedgerEvent) -> bool:
        """Whether an event of an order or a reading is withheld: with the item, or by itself."""
        return event.aggregate_id in self._hidden or event.position in self._late_at

    @cached_property
    def _hidden(self) -> set[str]:
        return {one.aggregate for one in self.kept_back if one.kind in ALONE}

    @cached_property
    def _late_at(self) -> set[int]:
        return {event.position for _, event in self._late}

    def cuts(self) -> dict[str, int]:
        """Aggregate to the position from which its events are withheld: the first that added a withheld item, or a
        withheld step or batch to one that is shown; 0, where nothing that is shown came before it."""
        found: dict[str, int] = {}
        for one in self.kept_back:
            found[one.aggregate] = min(one.position, found.get(one.aggregate, one.position))
        for one, event in self._late:
            found[one.aggregate] = min(event.position, found.get(one.aggregate, event.position))
        begun = {one.aggregate for one in self.shown if one.position < found.get(one.aggregate, 0)}
        return {aggregate: position if aggregate in begun else 0 for aggregate, position in found.items()}

    def left(self, stored: Iterable[StoredEvent]) -> list[StoredEvent]:
        """The stored events that are not withheld. Each history is complete from its first event up to the cut."""
        cuts = self.cuts()
        return [one for one in stored if one.aggregate_id not in cuts or one.position < cuts[one.aggregate_id]]
