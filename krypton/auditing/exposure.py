"""``audit exposure``: after an unmerge, who saw which data of one identity as belonging to the other.

An access is an exposure if it was open while the two were one person, and showed data of one side in a record requested
for the other. The *sides* are the persons that the two are now; if they are still one person, each side is the identity
alone. What left an establishment meanwhile (orders presented or scheduled elsewhere, studies sent to be read, and
results) is listed too, without what an opposition to feeding withholds; ``withheld`` counts the items of which
something is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from domain.actors import Caller
from domain.times import iso
from krypton.auditing.accesses import Opening, openings
from krypton.auditing.asking import answering
from krypton.auditing.holdings import shown
from krypton.auditing.persons import FOREVER, Persons, Span
from krypton.auditing.replayed import Past
from krypton.auditing.withheld import Withheld
from krypton.bootstrap import Krypton
from projections.identity_index import queries as identities
from schemas.event import LedgerEvent

Document = dict[str, Any]
SENT: Final = {
    "order.placed": ("site", "ordered_by"),
    "order.presented": ("site", None),
    "order.scheduled": ("site", None),
    "order.resulted": (None, None),
    "reading.requested": ("to_site", None),
    "reading.accepted": (None, "by"),
    "reading.reported": (None, "by"),
}
"""Events that send data to somebody, with the fields that name the establishment and the professional, if any."""

LOOKED: Final = ("access.viewed", "access.listed")


def exposure(ours: Krypton, one: str, other: str, caller: Caller, *, whole: bool = False) -> Document:
    """The ``audit exposure`` document. Raises SameIdentity (L1), and as ``answering`` does."""
    with answering(ours, caller, "audit.exposure", one, other, accesses=True, whole=whole) as (past, _):
        return DataExposure(past, *past.asked).document()


@dataclass(frozen=True)
class DataExposure:
    """What was exposed while two identities were one person, computed from the replayed events."""

    past: Past
    one: str
    other: str

    @cached_property
    def persons(self) -> Persons:
        """Who was one person with whom."""
        return self.withheld.persons

    @cached_property
    def withheld(self) -> Withheld:
        """What of their records the auditor is not shown."""
        return Withheld.of(self.past.identities, self.past.events)

    @cached_property
    def sides(self) -> tuple[frozenset[str], frozenset[str]]:
        """Which identities belong to which side."""
        last = self.persons.steps[-1]
        one, other = frozenset(last.of(self.one)), frozenset(last.of(self.other))
        return (frozenset([self.one]), frozenset([self.other])) if one == other else (one, other)

    @cached_property
    def together(self) -> list[Span]:
        """The periods in which the two were one person."""
        return [span for span in self.persons.spans() if self.other in span.step.of(self.one)]

    def document(self) -> Document:
        """The whole report."""
        accesses = [found for opening in openings(self.past).values() if (found := self._access(opening))]
        sent = [self._sent(event) for event in self.past.events if self._is_sent(event)]
        looks = [self._look(event) for event in self.past.events if self._is_look(event)]
        return {
            "identities": self._named(),
            "still_one_person": self.persons.steps[-1].of(self.one) == self.persons.steps[-1].of(self.other),
            "sides": [sorted(side) for side in self.sides],
            "together": self._periods(),
            "accesses": accesses,
            "sent": sent,
            "looks": looks,
            "withheld": self.withheld.number,
            "counts": self._counts(accesses, sent),
            "position": self.past.position,
            "unread": list(self.past.unread),
        }

    def _named(self) -> list[Document]:
        erased = self.past.erased(self.past.identities)
        rows = [identities.show(self.past.views, one, erased) for one in (self.one, self.other)]
        return [{name: row[name] for name in ("identity", "assigner", "local_id", "person")} for row in rows]

    def _periods(self) -> list[Document]:
        """Each period in which the two were one person, with the statements that started and ended it."""
        periods: list[list[Span]] = []
        for span in self.together:
            if periods and periods[-1][-1].end == span.start:
                periods[-1].append(span)
            else:
                periods.append([span])
        after = {span.start: span.step.event for span in self.persons.spans()}
        return [
            {
                "from": iso(period[0].start),
                "to": None if period[-1].end == FOREVER else iso(period[-1].end),
                "began": self._statement(period[0].step.event),
                "ended": self._statement(after.get(period[-1].end)),
            }
            for period in periods
        ]

    def _statement(self, event: LedgerEvent | None) -> Document | None:
        if event is None:
            return None
        kept = ("actor", "reason", "rule", "rule_version", "score", "compared", "differing", "low", "high")
        return {"position": event.position, "type": event.type} | {name: event.data.get(name) for name in kept}

    def _access(self, opening: Opening) -> Document | None:
        """One access, if it showed data of one side as the other's; otherwise None."""
        foreign: dict[tuple[str, str], Document] = {}
        spans = [span for span in self.together if max(span.start, opening.start) < min(span.end, opening.end)]
        for span in spans:
            foreign = {**self._foreign(opening, span), **foreign}
        if not foreign:
            return None
        data = opening.event.data
        kept = ("rpps", "site", "actor", "rule", "purpose", "reason")
        return {name: data[name] for name in kept} | {
            "access": opening.event.aggregate_id,
            "position": opening.event.position,
            "asked_for": opening.identity,
            "ground": data.get("ground", "emergency"),
            "opened_at": iso(opening.start),
            "ended_at": iso(opening.end),
            "exposed_from": iso(max(spans[0].start, opening.start)),
            "exposed_to": iso(min(spans[-1].end, opening.end)),
            "foreign": list(foreign.values()),
        }

    def _foreign(self, opening: Opening, span: Span) -> Mapping[tuple[str, str], Document]:
        """What was visible within a period and belongs to the other side; if the request was for neither side, of
        both.
        """
        person = span.step.of(opening.identity)
        if self.one not in person:
            return {}
        asked = next((side for side in self.sides if opening.identity in side), frozenset[str]())
        start, end = max(span.start, opening.start), min(span.end, opening.end)
        seen = shown(self.withheld.shown, person, start, end, opening.event.data.get("exclusions", ()))
        return {
            key: found
            for key, found in seen.items()
            if any(found["identity"] in side for side in self.sides) and found["identity"] not in asked
        }

    def _during(self, event: LedgerEvent) -> bool:
        return any(span.start <= event.data["recorded_at"] < span.end for span in self.together)

    def _is_sent(self, event: LedgerEvent) -> bool:
        both = self.sides[0] | self.sides[1]
        told = event.type in SENT and event.data["identity_id"] in both and self._during(event)
        return told and not self.withheld.keeps(event)

    def _sent(self, event: LedgerEvent) -> Document:
        site, professional = SENT[event.type]
        data = event.data
        return {
            "position": event.position,
            "recorded_at": iso(data["recorded_at"]),
            "type": event.type,
            "actor": data["actor"],
            "identity": data["identity_id"],
            "id": event.aggregate_id,
            "study": data.get("study_id"),
            "to_site": data[site] if site else None,
            "from_site": data.get("from_site"),
            "to_professional": data[professional] if professional else None,
        }

    def _is_look(self, event: LedgerEvent) -> bool:
        """Whether the event is a reading in that time whose answer may have covered both sides."""
        if event.type not in LOOKED or not self._during(event):
            return False
        members = event.data["identities" if event.type == "access.listed" else "members"]
        return all(not side.isdisjoint(members) for side in self.sides)

    def _look(self, event: LedgerEvent) -> Document:
        kept = ("actor", "role", "kind", "reason")
        told = {name: event.data[name] for name in kept}
        more = {"access": event.data.get("access_id"), "unsealed": event.data.get("unsealed", False)}
        return {"position": event.position, "recorded_at": iso(event.data["recorded_at"])} | told | more

    def _counts(self, accesses: Sequence[Document], sent: Sequence[Document]) -> Document:
        foreign = {(one["kind"], one["id"]) for access in accesses for one in access["foreign"]}
        return {
            "accesses": len(accesses),
            "professionals": len({access["rpps"] for access in accesses}),
            "establishments": len({access["site"] for access in accesses if access["site"]}),
            "exposed": {kind: sum(k == kind for k, _ in foreign) for kind in sorted({k for k, _ in foreign})},
            "sent": len(sent),
        }
