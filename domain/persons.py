"""Tells a decision who is one person with whom: looks up the pairs around the identities that it asks about.

What is loaded is as of one moment. Where links or rules were stored between two looks, everything is looked up again
together, so that two parts never contradict each other. Statements that are not stored yet come on top. Persons are
those of ``domain.membership``.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import count
from typing import Any

from domain.decision_tables import Pair
from domain.membership import BARRED, LATER, MERGED, OPEN, Cluster, Merging, statement

Look = Callable[[Collection[str]], tuple[int, Iterable[Pair]]]
"""``domain.ports.CommandLog.pairs_around``."""
Sides = tuple[str, str]
"""Two identities, the one whose id sorts first before the other."""


class Persons:
    """The persons around the identities asked for. Not thread-safe: each command has its own."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._asked: set[str] = set()
        self._loaded: set[str] = set()  # whose pairs are all here
        self._pairs: dict[Sides, Pair] = {}
        self._near: dict[str, set[Sides]] = defaultdict(set)
        self._barred: set[Sides] = set()
        self._foreseen: dict[Sides, Pair] = {}
        self._later = count(LATER)
        self._person: dict[str, set[str]] = {}
        self._at = -1
        self.upto: int | None = None
        """The position as of which the first was loaded; None: none is."""

    def load(self, identities: Iterable[str]) -> None:
        """Look up those that are not loaded, in one query: a hint, for speed."""
        if not (unknown := {*identities} - self._loaded):
            return
        self._asked |= unknown
        at, pairs = self._look(unknown)
        if self.upto is None:
            self.upto = at
        elif at != self._at:
            at, pairs = self._look(self._asked)
            for known in (self._pairs, self._near, self._barred, self._loaded, self._person):
                known.clear()
        self._at = at
        self._loaded |= self._asked
        for pair in pairs:
            self._state(pair)
            if pair.held == MERGED:
                self._loaded.add(pair.low)
                self._loaded.add(pair.high)
        for pair in self._foreseen.values():
            self._state(pair)

    def foresee(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Apply a link event that is not stored yet, after all others. Ids may be UUIDs."""
        if (said := statement(event_type, data)) is None:
            return
        low, high = map(str, said.pair)
        self._foreseen[low, high] = Pair(low, high, said.held, next(self._later), said.rule)
        self._state(self._foreseen[low, high])
        self._person.clear()

    def person_of(self, identity: str) -> set[str]:
        """All identities of the same person, itself included."""
        if identity not in self._person:
            persons = self._persons(self._whole(identity))
            self._person |= {member: person for person in persons for member in person}
        return self._person[identity]

    def around(self, people: Iterable[str]) -> dict[str, set[str]]:
        """These people, and all whom merged pairs connect to them, those that a bar holds back too: each identity with
        its person.
        """
        people = [*people]
        self.load(people)
        return {member: self.person_of(member) for one in people for member in self._whole(one)}

    def merged_in(self, identity: str) -> dict[Sides, Merging]:
        """The merged pairs that make up the identity's person, each with who merged it, and when."""
        return self._merged(self.person_of(identity))

    def merged_without(self, one: str, other: str) -> dict[Sides, Merging]:
        """The merged pairs that make up the person of ``one`` once the pair is unmerged: that may free a human's merge,
        which a bar holds back by now, and rules' merges give way to it.
        """
        cluster = self._cluster(self._whole(one) | self._whole(other))
        cluster.state((min(one, other), max(one, other)), OPEN, 0)
        person = cluster.person_of(one)
        return {pair: merging for pair, merging in cluster.merged.items() if person.issuperset(pair)}

    def members_of(self, people: Iterable[str]) -> list[str]:
        """All identities of these people, sorted, looked up together."""
        people = [*people]
        self.load(people)
        return sorted({member for one in people for member in self.person_of(one)})

    def bar_between(self, one: str, other: str) -> Sides | None:
        """A barred pair that a rule's merge of the two would bring together, or None."""
        self.load((one, other))
        return self._bar_between(self.person_of(one), self.person_of(other))

    def bar_before_humans(self, one: str, other: str) -> Sides | None:
        """A barred pair that holds a human's merge of the two back, or None: what rules merged gives way to it."""
        if self.bar_between(one, other) is None:
            return None
        return self._bar_between(*(self._by_humans(side) for side in (one, other)))

    def giving_way(self, one: str, other: str) -> list[Sides]:
        """The pairs that rules merged, and that a bar holds back once a human merges the two."""
        if self.bar_between(one, other) is None:
            return []
        cluster = self._cluster(self._whole(one) | self._whole(other))
        before = {*cluster.persons()[1]}
        cluster.state((min(one, other), max(one, other)), MERGED, next(self._later))
        return sorted(pair for pair in cluster.persons()[1] if pair not in before)

    def _bar_between(self, left: set[str], right: set[str]) -> Sides | None:
        ends = ((a, b) for a, b in self._barred if (a in left and b in right) or (a in right and b in left))
        return min(ends, default=None)

    def _by_humans(self, identity: str) -> set[str]:
        """All whom the merges of humans alone make one person with an identity."""
        cluster = self._cluster(self._whole(identity))
        by_rule = [pair for pair, merging in cluster.merged.items() if merging.by_rule]
        for pair in by_rule:
            del cluster.merged[pair]
        return cluster.person_of(identity)

    def _whole(self, identity: str) -> set[str]:
        """All that merged pairs connect to an identity, with all their pairs loaded."""
        members = {identity}
        while True:
            self.load(members)
            members = self._connected(identity)
            if members <= self._loaded:  # else a statement that is not stored yet leads on
                return members

    def _connected(self, identity: str) -> set[str]:
        found, frontier = {identity}, [identity]
        while frontier:
            for pair in self._near[frontier.pop()]:
                if self._pairs[pair].held == MERGED:
                    for side in pair:
                        if side not in found:
                            found.add(side)
                            frontier.append(side)
        return found

    def _persons(self, members: set[str]) -> list[set[str]]:
        """The persons of members that merged pairs connect: more than one where a bar holds merges back."""
        if not self._bars_among(members):
            return [members]
        return self._cluster(members).persons()[0]

    def _cluster(self, members: set[str]) -> Cluster[str]:
        return Cluster(dict.fromkeys(members, 0), self._merged(members), self._bars_among(members))

    def _bars_among(self, members: set[str]) -> set[Sides]:
        return {pair for pair in self._barred if members.issuperset(pair)}

    def _merged(self, members: set[str]) -> dict[Sides, Merging]:
        """The merged pairs among these."""
        near = {pair for member in members for pair in self._near[member] if members.issuperset(pair)}
        return {pair: self._pairs[pair].merging for pair in near if self._pairs[pair].held == MERGED}

    def _state(self, pair: Pair) -> None:
        sides = pair.low, pair.high
        self._pairs[sides] = pair
        self._near[pair.low].add(sides)
        self._near[pair.high].add(sides)
        if pair.held == BARRED:
            self._barred.add(sides)
        else:
            self._barred.discard(sides)
