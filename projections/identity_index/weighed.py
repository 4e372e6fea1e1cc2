"""Computes the decisions due under a model of matching: merges, unmerges and proposals.

The neighbourhood of the identities asked for is decided from nothing, as if nobody had decided before, and compared
with what rules merged: a merge that it does not make is taken back, one that is lacking is due. Human decisions stand
(``due``).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from psycopg2.extensions import connection as Connection

from domain.held import HUMAN
from domain.matching import pair as alone
from domain.matching.candidates import Places, candidates
from domain.matching.deciding import Decided, Pair, Weigh, decide, scored
from domain.matching.keys import of_merges
from domain.matching.model import Model, of_body
from domain.matching.tier import Tier
from domain.matching.weights import probability
from domain.rules.matching import ACTIONS, MERGE
from projections.engine.query import fetch, fetch_planned
from projections.identity_index.neighbourhood import ALL_TOLD, Known, Neighbourhood, Untold, around

Row = Mapping[str, Any]
MODEL = 'SELECT rule_version, digest FROM "{s}".match_model'
BODY = 'SELECT body FROM "{s}".match_model'
LINKS = """
SELECT k.low::text, k.high::text, k.state, k.position, s.rule, s.rule_version, word.type AS word
FROM "{s}".link k JOIN "{s}".statement s ON s.position = k.position
LEFT JOIN LATERAL (
    SELECT h.type FROM "{s}".statement h WHERE h.low = k.low AND h.high = k.high AND (h.type = 'link.dismissed'
        OR (h.rule = 'human' AND h.type IN ('link.merged', 'link.unmerged', 'link.review_requested')))
    ORDER BY h.position DESC LIMIT 1) AS word ON true
WHERE k.low = ANY(%(ids)s::uuid[]) AND k.high = ANY(%(ids)s::uuid[]) ORDER BY k.position
"""
WAITING: Final = ("proposed", "review_requested")
_MODELS: dict[str, Model] = {}
_KEPT: Final = 4


@dataclass(frozen=True)
class Found:
    """What is due, in rows as ``decided.Working`` takes them; ``waiting``: pairs that a human is asked about."""

    rule_version: int
    unmerges: Sequence[Row]
    pairs: Sequence[Row]
    waiting: Sequence[tuple[str, str]] = ()


class Held(NamedTuple):
    """The model that a version was made with, and the version of its rules."""

    model: Model
    rule_version: int


def held_by(connection: Connection, schema: str) -> Held | None:
    """None where the version has no model."""
    told = fetch_planned(connection, MODEL.format(s=schema))
    return Held(_model(connection, schema, told[0]["digest"]), told[0]["rule_version"]) if told else None


def found(
    connection: Connection,
    schema: str,
    held: Held,
    within: Collection[str],
    fresh: Collection[str] | None = None,
    untold: Untold = ALL_TOLD,
) -> Found:
    """What is due for these identities and their neighbourhood. ``fresh``, ``untold``: see ``due.due``.

    Whatever the rest of the neighbourhood is merged by is decided with them; what a human is shown of the rest is
    looked at only where a merge is taken back.
    """
    few = within if fresh is None else fresh
    near = around(connection, schema, within, held.model, few, untold)
    inside = near.inside
    said = links(connection, schema, [one.identity for one in inside])
    told = compared(inside, _places(near, whole=fresh is None), said, held, near.weigh)
    if told.unmerges and fresh is not None:
        return found(connection, schema, held, within, untold=untold)
    return told


def _places(near: Neighbourhood, *, whole: bool) -> set[Places]:
    """The pairs to compare, by their places inside: all; or those with a fresh one, and those that may be merged."""
    inside = near.inside
    as_they_came = sorted(range(len(inside)), key=lambda place: inside[place].registered)
    places = {*candidates([one.record for one in inside], as_they_came, near.keys if whole else of_merges)}
    if not whole:
        place = {one.identity: at for at, one in enumerate(inside)}
        both = (sorted(place[one] for one in pair) for pair in near.near)
        places |= {(one, other) for one, other in both}
    return places


def compared(
    inside: Sequence[Known], places: Iterable[Places], said: Sequence[Row], held: Held, weigh: Weigh | None = None
) -> Found:
    """What is due for these, in the order of their ids, whom nothing connects with anybody else. ``places``: of the
    pairs to compare; ``said``: see ``links``; ``weigh``: two of them.
    """
    records = [one.record for one in inside]
    pairs = scored(records, places, held.model, weigh)
    place = {one.identity: at for at, one in enumerate(inside)}
    decided = decide(records, pairs, held.model, _told(place, said))
    return _Compared(inside, place, pairs, decided, said, held).found()


def _model(connection: Connection, schema: str, digest: str) -> Model:
    """Kept by what it says: it holds thousands of names."""
    if digest not in _MODELS:
        ((body,),) = (row.values() for row in fetch(connection, BODY.format(s=schema)))
        if len(_MODELS) >= _KEPT:
            _MODELS.clear()
        _MODELS[digest] = of_body(body)
    return _MODELS[digest]


def links(connection: Connection, schema: str, inside: Sequence[str]) -> list[Row]:
    """What was said of any two of these identities, the last word of a human among it."""
    return list(fetch_planned(connection, LINKS.format(s=schema), ids=list(inside)))


def _told(place: Mapping[str, int], links: Iterable[Row]) -> list[tuple[int, int]]:
    """The places of those whom a human merged."""
    merged = ((row["low"], row["high"]) for row in links if row["state"] == "merged" and row["rule"] == HUMAN)
    return [(place[low], place[high]) for low, high in merged if low in place and high in place]


class _Compared:
    """What was decided, beside what was said before."""

    def __init__(
        self,
        inside: Sequence[Known],
        place: Mapping[str, int],
        pairs: Sequence[Pair],
        decided: Decided,
        said: Iterable[Row],
        held: Held,
    ) -> None:
        self._inside = inside
        self._pairs = pairs
        self._decided = decided
        self._links = {(row["low"], row["high"]): row for row in said}
        self._held = held
        self._place = place

    def found(self) -> Found:
        """See ``Found``: merges before proposals, the strongest first."""
        unmerges = [{**row, **self._registered(row)} for row in self._links.values() if self._is_gone(row)]
        self._persons = self._loosened(unmerges)
        self._said = self._between({(row["low"], row["high"]) for row in unmerges})
        merges = [self._row(pair, tier) for tier, pair in self._merging()]
        proposals = [self._row(pair, Tier.REVIEW) for pair in self._decided.review]
        waiting = [sides for sides, row in self._links.items() if row["state"] in WAITING]
        return Found(self._held.rule_version, unmerges, [row for row in (*merges, *proposals) if row], waiting)

    def _merging(self) -> list[tuple[Tier, Pair]]:
        """All pairs of one group that are merged by themselves, sure ones first: where a human set two of a group
        apart, each of the others shows with which of them it agrees.
        """
        found = []
        for pair in self._pairs:
            if self._decided.groups.same(pair.one, pair.other):
                sides = (self._inside[pair.one].record, self._inside[pair.other].record)
                tier = alone.tiers(*sides, pair, self._held.model)[:1]
                found += [(each, pair) for each in tier if ACTIONS[each] == MERGE]
        return sorted(found, key=lambda each: each[0] is not Tier.SURE)

    def _is_gone(self, row: Row) -> bool:
        """Whether a rule merged the two, and none would now."""
        sides = [self._place.get(row[side]) for side in ("low", "high")]
        if row["state"] != "merged" or row["rule"] == HUMAN or None in sides:
            return False
        return not self._decided.groups.same(*(place for place in sides if place is not None))

    def _registered(self, row: Row) -> dict[str, int]:
        return {f"{side}_registered": self._inside[self._place[row[side]]].registered for side in ("low", "high")}

    def _loosened(self, unmerges: Iterable[Row]) -> dict[str, str]:
        """Who is whom once these merges are gone: members of persons that lose one are looked at one by one."""
        who = {one.identity: one.person for one in self._inside}
        gone = {who[row[side]] for row in unmerges for side in ("low", "high")}
        return {identity: identity if person in gone else person for identity, person in who.items()}

    def _between(self, gone: set[tuple[str, str]]) -> dict[frozenset[str], set[str]]:
        """What was said of two persons: denied by a human, merged."""
        said: dict[frozenset[str], set[str]] = defaultdict(set)
        for (low, high), row in self._links.items():
            if (low, high) in gone or low not in self._persons or high not in self._persons:
                continue
            both = frozenset((self._persons[low], self._persons[high]))
            if row["word"] in ("link.dismissed", "link.unmerged"):
                said[both].add("denied")
            if row["state"] == "merged":
                said[both].add("merged")
        return said

    def _row(self, pair: Pair, tier: Tier) -> Row | None:
        """One pair; None where a human said the last word on the two persons, or they are one."""
        one, other = sorted((self._inside[pair.one], self._inside[pair.other]), key=lambda side: side.registered)
        said = self._said.get(frozenset((self._persons[one.identity], self._persons[other.identity])), set())
        low, high = sorted((one.identity, other.identity))
        link = self._links.get((low, high))
        if said & {"denied", "merged"} or (link and link["state"] == "barred"):
            return None
        return {
            "one": one.identity,
            "other": other.identity,
            "one_registered": one.registered,
            "other_registered": other.registered,
            "rule": tier.value,
            "rule_version": self._held.rule_version,
            "action": ACTIONS[tier],
            "score": probability(pair.bits),
            "fields": alone.evidence(pair),
            "position": link["position"] if link else 0,
        }
