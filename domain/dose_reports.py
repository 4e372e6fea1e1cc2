"""Of two dose reports of one study, which stands for the other; and which of a report's values count."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.dose_alerts import QUANTITIES, WATCHED


@dataclass
class Held:
    """What the Dose aggregate keeps of one report.

    ``at``: its content time as encoded; ``events``: irradiation event UID to its values, in the order of QUANTITIES.
    """

    at: str | None
    events: dict[str, tuple[float | None, ...]]
    totals: dict[str, float | None]
    implausible: frozenset[tuple[str, str]]  # event UID, or nothing for a total; and the quantity
    accepted: bool = False

    @staticmethod
    def of(
        at: str | None, exposures: list[dict[str, Any]], totals: Mapping[str, float | None], implausible: Iterable[str]
    ) -> "Held":
        """Of a report as the event states it."""
        doubtful = [("", name) for name in implausible]
        doubtful += [(e["irradiation_event_uid"], name) for e in exposures for name in e.get("implausible", ())]
        return Held(
            at,
            {e["irradiation_event_uid"]: tuple(e.get(q) for q in QUANTITIES) for e in exposures},
            {quantity: totals.get(quantity) for quantity in WATCHED},
            frozenset(doubtful),
        )

    def supersedes(self, other: "Held", *, later: bool = False) -> bool:
        """Whether it stands for the other: it holds all of its events, and the other corrects none of them.

        Of two with the same events, the one of the later content time; without such times the one recorded first.
        ``later``: this one is being recorded, the other was before.
        """
        if not other.events or not other.events.keys() <= self.events.keys():
            return False
        if self.at and other.at and self.at != other.at:
            same = all(self.events[uid] == values for uid, values in other.events.items())
            return self.at > other.at or (same and len(self.events) > len(other.events))
        return not later or len(self.events) > len(other.events)

    def values(self, quantity: str) -> Iterator[tuple[str, float]]:
        """The known and plausible values of a quantity, by event."""
        place = QUANTITIES.index(quantity)
        for uid, values in self.events.items():
            if (value := values[place]) is not None and (self.accepted or (uid, quantity) not in self.implausible):
                yield uid, value

    def total(self, quantity: str) -> float | None:
        """The report's own total, where it is known and plausible."""
        return self.totals[quantity] if self.accepted or ("", quantity) not in self.implausible else None

    def doubtful(self) -> bool:
        """Whether any of its values is implausible."""
        return bool(self.implausible)
