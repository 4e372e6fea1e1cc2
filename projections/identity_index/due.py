"""Computes the decisions due under a version's matching rules: merges, proposals and unmerges.

``weighed`` finds the pairs from the version's tables, of a whole region group by group (``whole``): pairs of persons
that a model would merge, or put to a human. Human decisions stand: a pair that a human barred, dismissed, unmerged or
merged is left alone. Who agrees with both of two that a human set apart is merged with neither, and proposed with each.
``decided`` then decides pair by pair, and ``domain.membership`` computes the persons of the clusters concerned.
"""

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from psycopg2.extensions import connection as Connection

from domain.matching.tier import Tier
from domain.membership import Cluster, Merging
from projections.engine.declaration import Tell
from projections.engine.query import fetch_planned
from projections.identity_index import weighed, whole
from projections.identity_index.decided import Decision, Due, Working
from projections.identity_index.neighbourhood import ALL_TOLD, Untold
from projections.identity_index.weighed import Found

# All is looked up by index. Tables that grew since their statistics were taken, as in an import, would be read whole
# for each key instead: fifty times as long.
BY_INDEX = """SET LOCAL enable_seqscan = {o}; SET LOCAL enable_hashjoin = {o}; SET LOCAL enable_mergejoin = {o};
SET LOCAL jit = off"""
PARTED = """
SELECT low::text, high::text FROM (
    SELECT DISTINCT ON (low, high) low, high, type FROM "{s}".statement
    WHERE low = ANY(%(ids)s::uuid[]) AND high = ANY(%(ids)s::uuid[]) AND (type = 'link.dismissed'
       OR (rule = 'human' AND type IN ('link.merged', 'link.unmerged', 'link.review_requested')))
    ORDER BY low, high, position DESC) word
WHERE type IN ('link.dismissed', 'link.unmerged')
"""
CLUSTERS = """
SELECT members, merged, barred FROM "{s}".cluster
WHERE cluster_id IN (SELECT cluster_id FROM "{s}".node WHERE identity_id = ANY(%(ids)s::uuid[]))
"""

OF_ERASED = """
SELECT i.identity_id::text AS identity, k.low::text, k.high::text FROM "{s}".identity i
JOIN "{s}".link k ON k.low = i.identity_id OR k.high = i.identity_id
WHERE i.erased AND i.identity_id = ANY(%(ids)s::uuid[])
"""


def due(
    connection: Connection,
    schema: str,
    others: Collection[str] = (),
    within: Collection[str] | None = None,
    *,
    fresh: Collection[str] | None = None,
    untold: Untold = ALL_TOLD,
    tell: Tell = lambda *_: None,
    processes: int | None = None,
) -> Due:
    """What the rules of the version in that schema would decide now; nothing where there are none.

    ``others``: identities to tell of as well. ``within``: only what concerns these identities, given as in
    ``clusters_of``; None: the whole region, of which is told how far it is, in so many ``processes`` (``whole``).
    ``fresh``: those of ``within`` that changed by themselves, while nothing was due of the others and all persons are
    as they were; None: any of them may have. ``untold``: what the version does not tell of ``within``.
    """
    if (held := weighed.held_by(connection, schema)) is None:
        return Due()
    if within is not None:
        _by_index(connection)
        return _worked_out(connection, schema, others, weighed.found(connection, schema, held, within, fresh, untold))
    with _uncollected(), closing(whole.found(connection, schema, held, tell, processes)) as groups:
        _by_index(connection)
        told = _together(connection, schema, others, held.rule_version, groups)
    _by_index(connection, "on")
    return told


def _by_index(connection: Connection, others: str = "off") -> None:
    """``others``: whether the planner may read tables in other ways, on or off."""
    with connection.cursor() as cursor:
        cursor.execute(BY_INDEX.format(o=others))


@contextmanager
def _uncollected() -> Iterator[None]:
    """A region's records hold no cycles: the collector would walk through millions of them again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _together(
    connection: Connection, schema: str, others: Collection[str], rule_version: int, groups: Iterable[Found]
) -> Due:
    """What is due in groups that have nothing to do with each other: the strongest first."""
    told, would_be = Due(rule_version=rule_version), dict[str, str]()
    for found in groups:
        one = _worked_out(connection, schema, (), found)
        told.unmerges.extend(one.unmerges)
        told.merges.extend(one.merges)
        told.proposals.extend(one.proposals)
        would_be.update(one.would_be)
    told.unmerges.sort(key=lambda decision: decision.position)
    told.merges.sort(key=_weaker)
    told.proposals.sort(key=_weaker)
    if not (told.unmerges or told.merges or told.proposals):
        return told
    unchanged = Working(_clusters(connection, schema, others), set(others)).decide((), ()).would_be
    return replace(told, would_be={**unchanged, **would_be})


def _weaker(decision: Decision) -> tuple[bool, float]:
    return decision.rule != Tier.SURE, -(decision.score or 0.0)


def _worked_out(connection: Connection, schema: str, others: Iterable[str], found: Found) -> Due:
    if not found.unmerges and not found.pairs:
        return Due(rule_version=found.rule_version)
    concerned = {*others, *(u[side] for u in found.unmerges for side in ("low", "high"))}
    concerned.update(p[side] for p in found.pairs for side in ("one", "other"))
    clusters = _clusters(connection, schema, concerned)
    holding = any(cluster.barred for cluster in clusters.values())
    working = Working(clusters, concerned)
    for pair in found.pairs:
        working.registered |= {pair["one"]: pair["one_registered"], pair["other"]: pair["other_registered"]}
    if len(found.pairs) > 1 or holding:  # else nobody agrees with two, and no bar holds anybody back
        working.part(fetch_planned(connection, PARTED.format(s=schema), ids=list(working.known())))
    return replace(working.decide(found.unmerges, found.pairs, found.waiting), rule_version=found.rule_version)


def clusters_of(connection: Connection, schema: str, identities: Iterable[str]) -> dict[str, frozenset[str]]:
    """Each of these identities with all that statements connect it to, itself included.

    One that was erased has no keys any more that would lead to others: with it come all of whom anything was ever said
    together with it, a mere proposal included.
    """
    _by_index(connection)
    near = {one: {one} for one in identities}
    for link in fetch_planned(connection, OF_ERASED.format(s=schema), ids=list(near)):
        near[link["identity"]] |= {link["low"], link["high"]}
    found = _clusters(connection, schema, {side for sides in near.values() for side in sides})
    return {
        one: frozenset(member for side in sides for member in (found[side].members if side in found else {side}))
        for one, sides in near.items()
    }


def _clusters(connection: Connection, schema: str, identities: Iterable[str]) -> dict[str, Cluster[str]]:
    """Each member of the clusters of these identities, with its cluster; nobody spoke of those that are absent."""
    found: dict[str, Cluster[str]] = {}
    for row in fetch_planned(connection, CLUSTERS.format(s=schema), ids=list(identities)):
        cluster: Cluster[str] = Cluster(
            {member: held[0] for member, held in row["members"].items()},
            {(low, high): Merging(by_rule, at) for low, high, at, by_rule in row["merged"]},
            {(low, high) for low, high in row["barred"]},
        )
        found.update(dict.fromkeys(cluster.members, cluster))
    return found
