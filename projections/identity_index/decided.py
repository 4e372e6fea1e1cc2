"""Decides pair by pair what is due, where each decision changes who is whom for the next one.

``due.py`` finds the pairs; here is what becomes of them: a merge, a proposal, or nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, NamedTuple

from domain.membership import Cluster, Membership
from domain.rules.matching import MERGE


class Decision(NamedTuple):
    """A decision that is due for one pair. ``position``: of the last word on it, 0 where nobody spoke; ``rule`` with
    its version.

    Of an unmerge, ``rule`` is the rule that had merged the two.
    """

    one: str
    other: str
    rule: str
    rule_version: int
    score: float | None
    fields: tuple[str, ...]
    position: int


@dataclass(frozen=True)
class Due:
    """All decisions due under the rules of ``rule_version``, and the resulting persons.

    ``would_be``: identity to person, for the identities concerned and all members of their clusters.
    """

    merges: list[Decision] = field(default_factory=list)
    proposals: list[Decision] = field(default_factory=list)
    unmerges: list[Decision] = field(default_factory=list)
    rule_version: int = 0
    would_be: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many decisions."""
        return len(self.unmerges) + len(self.merges) + len(self.proposals)


class Working:
    """The clusters concerned, while due decisions are applied one after the other."""

    def __init__(self, clusters: dict[str, Cluster[str]], concerned: set[str]) -> None:
        self._clusters = clusters
        self._concerned = concerned | clusters.keys()
        self._membership = Membership(clusters)
        self.registered = {m: at for c in clusters.values() for m, at in c.members.items()}
        self._parted: dict[str, set[str]] = {}
        self._waiting: Collection[tuple[str, str]] = ()
        self._asked_about: set[frozenset[str]] | None = None

    def known(self) -> set[str]:
        """All identities that these decisions are about, and those that they are connected to."""
        return self._concerned | self.registered.keys()

    def part(self, pairs: Iterable[Mapping[str, Any]]) -> None:
        """Pairs that a human unmerged or dismissed."""
        for pair in pairs:
            for side, far in (("low", "high"), ("high", "low")):
                self._parted.setdefault(pair[side], set()).add(pair[far])

    def decide(
        self,
        unmerges: Iterable[Mapping[str, Any]],
        pairs: Collection[Mapping[str, Any]],
        waiting: Collection[tuple[str, str]] = (),
    ) -> Due:
        """``waiting``: pairs that a human is asked about: no other pair of the two persons is proposed."""
        self._waiting = waiting
        found = Due(unmerges=[Decision(u["low"], u["high"], *_rule(u), None, (), u["position"]) for u in unmerges])
        for gone in found.unmerges:
            self._say("link.unmerged", gone)
        proposed: set[frozenset[str]] = set()
        doubtful = self._doubtful(pairs)
        for pair in sorted(pairs, key=lambda p: self._sides(p) in doubtful):  # proposals name the persons that result
            self._take(pair, found, proposed, merges=self._sides(pair) not in doubtful)
        return replace(found, would_be=self._persons())

    def _sides(self, pair: Mapping[str, Any]) -> frozenset[str]:
        return frozenset((self._person[pair["one"]], self._person[pair["other"]]))

    def _doubtful(self, pairs: Collection[Mapping[str, Any]]) -> set[frozenset[str]]:
        """Pairs of persons that rules would merge though one of the two also agrees with somebody set apart from the
        other; persons as they are before anything is merged.
        """
        self._person = {side: self._name(side) for pair in pairs for side in (pair["one"], pair["other"])}
        near: dict[str, set[str]] = {}
        for pair in pairs:
            if pair["action"] == MERGE:
                one, other = self._person[pair["one"]], self._person[pair["other"]]
                near.setdefault(one, set()).add(other)
                near.setdefault(other, set()).add(one)
        return {
            frozenset((between, side))
            for apart in self._apart()
            for between in near.get(apart[0], set()) & near.get(apart[1], set())
            for side in apart
        }

    def _apart(self) -> Iterable[tuple[str, str]]:
        barred = {pair for cluster in self._clusters.values() for pair in cluster.barred}
        parted = {(one, other) for one, others in self._parted.items() for other in others}
        for one, other in barred | parted:
            if other not in self._membership.person_of(one):
                yield self._name(one), self._name(other)

    def _take(self, pair: Mapping[str, Any], found: Due, proposed: set[frozenset[str]], *, merges: bool) -> None:
        one, other = pair["one"], pair["other"]
        if other in self._membership.person_of(one):
            return
        fields = tuple(map(intern, pair["fields"]))  # a few words, of a million decisions
        decision = Decision(one, other, *_rule(pair), pair["score"], fields, pair["position"])
        if pair["action"] == MERGE and merges and not self._set_apart(one, other):
            self._say("link.merged", decision)
            found.merges.append(decision)
            return
        both = frozenset((self._name(one), self._name(other)))
        if both not in proposed and both not in self._waits():
            found.proposals.append(decision)
        proposed.add(both)

    def _waits(self) -> set[frozenset[str]]:
        """Pairs of persons, as they are by now, that a human is asked about."""
        if self._asked_about is None:
            self._asked_about = {frozenset(map(self._name, sides)) for sides in self._waiting}
        return self._asked_about

    def _set_apart(self, one: str, other: str) -> bool:
        """Whether a human barred any pair of the two persons, or unmerged or dismissed one; of whom bars hold back from
        them by now too, as the ledger decides it (``domain.commands.pairs.links_across``).
        """
        mine, theirs = (self._membership.connected(side) for side in (one, other))
        if other in mine:
            mine, theirs = (self._membership.person_of(side) for side in (one, other))
        parted = any(self._parted.get(side, set()) & theirs for side in mine)
        return parted or self._membership.bar_between(one, other) is not None

    def _say(self, event_type: str, said: Decision) -> None:
        low, high = sorted((said.one, said.other))
        self._asked_about = None
        self._membership.foresee(
            event_type,
            {
                "low": low,
                "high": high,
                "low_registered": self.registered.get(low, 0),
                "high_registered": self.registered.get(high, 0),
                "rule": said.rule,
            },
        )

    def _persons(self) -> dict[str, str]:
        return {m: self._name(m) for m in self._concerned}

    def _name(self, identity: str) -> str:
        return self._membership.person_id(identity)


def _rule(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["rule"], row["rule_version"]
