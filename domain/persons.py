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
from domain.membership import BARRED, LATER, MERGED, Cluster, statement

Look = Callable[[Collection[str]], tuple[int, Iterable[Pair]]]
"""``domain.ports.CommandLog.pairs_around``."""


class Persons:
    """The persons around the identities asked for. Not thread-safe: each command has its own."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._asked: set[str] = set()
        self._loaded: set[str] = set()  # whose pairs are all here
        self._pairs: dict[tuple[str, str], tuple[str, int]] = {}
        self._near: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._barred: set[tuple[str, str]] = set()
        self._foreseen: dict[tuple[str, str], tuple[str, int]] = {}
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
        for low, high, held, position in pairs:
            self._state((low, high), held, position)
            if held == MERGED:
                self._loaded.add(low)
                self._loaded.add(high)
        for pair, (held, position) in self._foreseen.items():
            self._state(pair, held, position)

    def foresee(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Apply a link event that is not stored yet, after all others. Ids may be UUIDs."""
        if (said := statement(event_type, data)) is None:
            return
        _, (low, high), held = said
        pair = str(low), str(high)
        self._foreseen[pair] = held, next(self._later)
        self._state(pair, *self._foreseen[pair])
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

    def merged_in(self, identity: str) -> dict[tuple[str, str], int]:
        """The merged pairs that make up the identity's person, each with the position of its merge."""
        person = self.person_of(identity)
        near = {pair for member in person for pair in self._near[member] if person.issuperset(pair)}
        return {pair: self._pairs[pair][1] for pair in near if self._pairs[pair][0] == MERGED}

    def members_of(self, people: Iterable[str]) -> list[str]:
        """All identities of these people, sorted, looked up together."""
        people = [*people]
        self.load(people)
        return sorted({member for one in people for member in self.person_of(one)})

    def bar_between(self, one: str, other: str) -> tuple[str, str] | None:
        """A barred pair that merging the two would bring together, or None."""
        self.load((one, other))
        left, right = self.person_of(one), self.person_of(other)
        ends = ((a, b) for a, b in self._barred if (a in left and b in right) or (a in right and b in left))
        return min(ends, default=None)

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
                if self._pairs[pair][0] == MERGED:
                    for side in pair:
                        if side not in found:
                            found.add(side)
                            frontier.append(side)
        return found

    def _persons(self, members: set[str]) -> list[set[str]]:
        """The persons of members that merged pairs connect: more than one where a bar holds merges back."""
        barred = {pair for pair in self._barred if members.issuperset(pair)}
        if not barred:
            return [members]
        near = {pair for member in members for pair in self._near[member]}
        merged = {pair: self._pairs[pair][1] for pair in near if self._pairs[pair][0] == MERGED}
        return Cluster(dict.fromkeys(members, 0), merged, barred).persons()[0]

    def _state(self, pair: tuple[str, str], held: str, position: int) -> None:
        self._pairs[pair] = held, position
        self._near[pair[0]].add(pair)
        self._near[pair[1]].add(pair)
        if held == BARRED:
            self._barred.add(pair)
        else:
            self._barred.discard(pair)
