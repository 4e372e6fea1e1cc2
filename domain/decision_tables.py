"""Says what an event changes of what decisions look up by key: pairs of identities, AE titles, and rules.

What is looked up is a pure function of the events, and is stored with them in one transaction
(``adapters.eventstore.decision_tables``): a process that decides keeps nothing of the region in memory.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from domain.membership import HELD_BY_EVENT, Merging, said_by


class PairStated(NamedTuple):
    """A pair of identities is ``merged``, ``barred`` or ``open``, by a ``rule`` or a human. ``low`` sorts first."""

    low: str
    high: str
    held: str
    rule: str


class TitleGiven(NamedTuple):
    """An AE title belongs to an establishment, unless it belongs to one already."""

    ae_title: str
    site: str


class RulesPublished(NamedTuple):
    """A version of a kind's rules is known."""

    kind: str
    version: int


class RulesPromoted(NamedTuple):
    """A version of a kind's rules decides, if it is known."""

    kind: str
    version: int


Change = PairStated | TitleGiven | RulesPublished | RulesPromoted
TYPES: Final = (
    *(event_type for event_type, held in HELD_BY_EVENT.items() if held),
    "establishment.device_registered",
    "rules.published",
    "view.promoted",
    "view.rolled_back",
)
"""The events that change something."""


def changes(event_type: str, data: Mapping[str, Any]) -> Iterator[Change]:
    """What an event changes, in order. Ids may be UUIDs."""
    match event_type:
        case "establishment.device_registered":
            yield TitleGiven(data["ae_title"], data["code"])
        case "rules.published":
            yield RulesPublished(data["kind"], data["version"])
        case "view.promoted" | "view.rolled_back":
            yield from (RulesPromoted(kind, version) for kind, version in data["rules"].items())
        case _ if held := HELD_BY_EVENT.get(event_type):
            yield PairStated(str(data["low"]), str(data["high"]), held, said_by(data))


class Pair(NamedTuple):
    """A pair that is ``merged`` or ``barred`` now. ``position``, ``rule``: of the last statement on it."""

    low: str
    high: str
    held: str
    position: int
    rule: str

    @property
    def merging(self) -> Merging:
        """Who merged it, and when; of a merged pair."""
        return Merging.of(self.rule, self.position)


class KnownRules(NamedTuple):
    """A version of a kind's rules. ``published``, ``promoted``: where it last was; None: never."""

    kind: str
    version: int
    published: int | None
    promoted: int | None
