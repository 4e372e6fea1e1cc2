"""Computes who is one person: connected components over merged pairs, without any barred pair inside.

Pairs that humans merged are taken first, then those that rules merged; each in the order in which they were merged. A
pair that would join two records barred from each other is *held back*: it waits for a human, and counts again once the
bar is lifted or the other pair is unmerged. So a rule's merge gives way to a human's, whichever was said first, and the
result depends only on the statements, never on the order of queries.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from domain.held import HUMAN

K = TypeVar("K")  # identity ids: str in views, UUID text in the domain
MERGED, BARRED, OPEN = "merged", "barred", "open"


class Merging(NamedTuple):
    """Who merged a pair, and the position of that; pairs are taken in the order of these."""

    by_rule: bool
    position: int

    @classmethod
    def of(cls, rule: str, position: int) -> "Merging":
        """``rule``: as the event names it, ``HUMAN`` for a human."""
        return cls(rule != HUMAN, position)


@dataclass
class Cluster(Generic[K]):
    """All records connected by statements that still hold.

    ``members``: record to its registration position. ``merged``: pair to who merged it, and when.
    """

    members: dict[K, int] = field(default_factory=dict)
    merged: dict[tuple[K, K], Merging] = field(default_factory=dict)
    barred: set[tuple[K, K]] = field(default_factory=set)
    _found: "_Persons[K] | None" = field(default=None, init=False, repr=False, compare=False)

    def absorb(self, other: "Cluster[K]") -> None:
        """Add the records of another cluster."""
        self._found = None
        self.members |= other.members
        self.merged |= other.merged
        self.barred |= other.barred

    def state(self, pair: tuple[K, K], held: str, position: int, rule: str = HUMAN) -> None:
        """Set the state of one pair: ``merged`` by a rule since ``position``, ``barred`` or ``open``."""
        self._found = None
        self.merged.pop(pair, None)
        self.barred.discard(pair)
        if held == MERGED:
            self.merged[pair] = Merging.of(rule, position)
        elif held == BARRED:
            self.barred.add(pair)

    def split(self) -> Iterator["Cluster[K]"]:
        """The connected parts, by merges and bars."""
        parts = _components(self.members, [*self.merged, *self.barred])
        for part in parts:
            yield Cluster(
                {m: self.members[m] for m in part},
                {p: at for p, at in self.merged.items() if p[0] in part},
                {p for p in self.barred if p[0] in part},
            )

    def persons(self) -> tuple[list[set[K]], list[tuple[K, K]]]:
        """The persons, and the merged pairs that are held back because of a bar. Change neither."""
        found = self._worked_out()
        return [person.members for person in dict.fromkeys(found.person_of.values())], found.held_back

    def person_of(self, member: K) -> set[K]:
        """All records of the same person as this one. Do not change it."""
        return self._worked_out().person_of[member].members

    def connected(self, member: K) -> set[K]:
        """All whom merged pairs connect to this record, those that a bar holds back too. Do not change it."""
        held_back = self._worked_out().held_back
        return _components((member,), self.merged)[0] if held_back else self.person_of(member)

    def person_id(self, member: K) -> K:
        """The stable id of this record's person."""
        person = self._worked_out().person_of[member]
        if person.id is None:
            person.id = self.earliest(person.members)
        return person.id

    def _worked_out(self) -> "_Persons[K]":
        """Worked out once between two statements: of a cluster of thousands each member may be asked for."""
        if self._found is None:
            self._found = _persons(self)
        return self._found

    def earliest(self, person: Iterable[K]) -> K:
        """The stable id of a person: its earliest registered member."""
        return min(person, key=lambda m: (self.members[m], str(m)))


@dataclass(slots=True, eq=False)
class _Person(Generic[K]):
    """Who belongs to it so far, from whom one of them is barred, and its stable id, once somebody asked for it."""

    members: set[K]
    barred: set[K] = field(default_factory=set)
    id: K | None = None


class _Persons(NamedTuple, Generic[K]):
    """Each record's person, and the merged pairs that are held back."""

    person_of: dict[K, _Person[K]]
    held_back: list[tuple[K, K]]


def _persons(cluster: Cluster[K]) -> _Persons[K]:
    """Join pair by pair, the smaller person into the larger."""
    person_of: dict[K, _Person[K]] = {member: _Person({member}) for member in cluster.members}
    for one, other in cluster.barred:
        person_of[one].barred.add(other)
        person_of[other].barred.add(one)
    held_back = []
    for pair in sorted(cluster.merged, key=cluster.merged.__getitem__):
        left, right = person_of[pair[0]], person_of[pair[1]]
        if left is right:
            continue
        if not left.barred.isdisjoint(right.members):
            held_back.append(pair)
            continue
        if len(left.members) < len(right.members):
            left, right = right, left
        left.members |= right.members
        left.barred |= right.barred
        for member in right.members:
            person_of[member] = left
    return _Persons(person_of, held_back)


def _components(members: Iterable[K], pairs: Iterable[tuple[K, K]]) -> list[set[K]]:
    near: dict[K, list[K]] = defaultdict(list)
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    seen: set[K] = set()
    parts = []
    for start in members:
        if start in seen:
            continue
        part, frontier = {start}, [start]
        while frontier:
            for next_one in near[frontier.pop()]:
                if next_one not in part:
                    part.add(next_one)
                    frontier.append(next_one)
        seen |= part
        parts.append(part)
    return parts


HELD_BY_EVENT = {
    "link.proposed": None,
    "link.review_requested": None,
    "link.merged": MERGED,
    "link.unmerged": OPEN,
    "link.barred": BARRED,
    "link.unbarred": OPEN,
    "link.dismissed": None,
    "link.postponed": None,
    "link.assigned": None,
}
"""The state of the pair after each event; None: unchanged."""


class Said(NamedTuple):
    """What a link event says of a pair. ``registered``: of both sides, their registration positions."""

    registered: dict[str, int]
    pair: tuple[str, str]
    held: str
    rule: str


def said_by(data: Mapping[str, Any]) -> str:
    """The rule that a link event names, ``HUMAN`` for a human; an event that names none is a human's alone."""
    return str(data.get("rule", HUMAN))


def statement(event_type: str, data: Mapping[str, Any]) -> Said | None:
    """What a link event says, or None if it changes no membership."""
    if (held := HELD_BY_EVENT[event_type]) is None:
        return None
    low, high = data["low"], data["high"]
    return Said({low: data["low_registered"], high: data["high_registered"]}, (low, high), held, said_by(data))


LATER = 2**62  # above every ledger position


class Membership:
    """The clusters that statements make, one statement after the other: the fold of the log."""

    TYPES: ClassVar[tuple[str, ...]] = tuple(HELD_BY_EVENT)

    def __init__(self, clusters: MutableMapping[str, Cluster[str]] | None = None) -> None:
        self._clusters: MutableMapping[str, Cluster[str]] = {} if clusters is None else clusters
        self._later = count(LATER)

    def foresee(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Apply a link event that is not stored yet, after all others. Ids may be UUIDs."""
        self.apply(event_type, next(self._later), {**data, "low": str(data["low"]), "high": str(data["high"])})

    def apply(self, event_type: str, position: int, data: Mapping[str, Any]) -> None:
        """Fold one link event."""
        if (said := statement(event_type, data)) is None:
            return
        whole: Cluster[str] = Cluster(said.registered)
        for member in said.pair:
            whole.absorb(self._clusters.get(member) or Cluster())
        whole.state(said.pair, said.held, position, said.rule)
        for part in whole.split():
            for member in part.members:
                self._clusters[member] = part

    def person_of(self, identity: str) -> set[str]:
        """All identities of the same person, itself included."""
        cluster = self._clusters.get(identity)
        return cluster.person_of(identity) if cluster else {identity}

    def connected(self, identity: str) -> set[str]:
        """All whom merged pairs connect to an identity, itself and those that a bar holds back included."""
        cluster = self._clusters.get(identity)
        return cluster.connected(identity) if cluster else {identity}

    def person_id(self, identity: str) -> str:
        """The stable id of the identity's person."""
        cluster = self._clusters.get(identity)
        return cluster.person_id(identity) if cluster else identity

    def bar_between(self, one: str, other: str) -> tuple[str, str] | None:
        """A barred pair that merging the two would bring together, or None."""
        cluster = self._clusters.get(one)
        left, right = self.person_of(one), self.person_of(other)
        bars = cluster.barred if cluster else set()
        other_cluster = self._clusters.get(other)
        bars = bars | (other_cluster.barred if other_cluster else set())
        return next(((a, b) for a, b in bars if (a in left and b in right) or (a in right and b in left)), None)
