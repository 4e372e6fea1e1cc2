"""Computes the decisions due under a version's matching rules: merges, proposals and unmerges.

One query over the version's tables returns the pairs: one pair per two persons that share a key, under the best rule
that applies. Human decisions stand: a pair that a human barred, dismissed, unmerged or merged is left alone. Who agrees
with both of two that a human set apart is merged with neither, and proposed with each. The query treats each person as
a unit, except those that lose a merge, whose members are separate in it. ``decided.py`` then decides pair by pair, and
``domain.membership`` computes the resulting persons of the clusters concerned. The same query serves the whole region
or a few identities: then with only their clusters' keys and links.
"""

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from psycopg2.extensions import connection as Connection

from domain.membership import Cluster
from projections.engine.query import fetch
from projections.identity_index import weighed
from projections.identity_index.decided import Due, Working
from projections.identity_index.weighed import Found

ALL_PAIRS = 20  # with more persons under one key, each is paired only with the first

# How many pairs share a key cannot be foreseen by the planner, which then looks them up one by one, again and again.
WHOLE = "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '256MB'; SET LOCAL jit = off"
# Of a few identities all is looked up by index. Tables that grew since their statistics were taken, as in an import,
# would be read whole for each key instead: fifty times as long.
BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
UNMERGES = """
WITH automatic AS MATERIALIZED (
    SELECT k.low, k.high, k.position, s.rule, s.rule_version
    FROM "{s}".link k JOIN "{s}".statement s ON s.position = k.position
    JOIN "{s}".identity il ON il.identity_id = k.low JOIN "{s}".identity ih ON ih.identity_id = k.high
    WHERE k.state = 'merged' AND s.rule <> 'human' AND NOT il.erased AND NOT ih.erased {links_of_scope}
      AND EXISTS (SELECT FROM "{s}".match_rule)),
merging AS MATERIALIZED (
    SELECT k.rule, k.key, k.identity_id FROM "{s}".match_key k JOIN "{s}".match_rule r USING (rule)
    WHERE r.action = 'merge' AND k.identity_id IN (SELECT low FROM automatic UNION SELECT high FROM automatic)),
supported AS (
    SELECT m.low, m.high FROM automatic m JOIN merging a ON a.identity_id = m.low
    JOIN merging b ON b.rule = a.rule AND b.key = a.key AND b.identity_id = m.high),
unsupported AS MATERIALIZED (
    SELECT * FROM automatic m WHERE NOT EXISTS (SELECT FROM supported o WHERE o.low = m.low AND o.high = m.high))
SELECT u.low::text, u.high::text, u.position, u.rule, u.rule_version,
       coalesce(nl.registered_position, 0) AS low_registered, coalesce(nh.registered_position, 0) AS high_registered
FROM unsupported u
LEFT JOIN "{s}".node nl ON nl.identity_id = u.low LEFT JOIN "{s}".node nh ON nh.identity_id = u.high
ORDER BY u.position
"""
# Who is whom once the unsupported merges are gone: members of the persons that lose one are looked at one by one.
PAIRS = """
WITH unsupported AS MATERIALIZED (SELECT * FROM unnest(%(lows)s::uuid[], %(highs)s::uuid[]) u(low, high)),
loosened AS MATERIALIZED (
    SELECT DISTINCT n.person_id FROM "{s}".node n
    JOIN (SELECT low AS identity_id FROM unsupported UNION SELECT high FROM unsupported) u USING (identity_id)),
who {who} (
    SELECT n.identity_id, CASE WHEN l.person_id IS NULL THEN n.person_id ELSE n.identity_id END AS person
    FROM "{s}".node n LEFT JOIN loosened l USING (person_id)),
shared AS MATERIALIZED ({shared}),
holding AS (
    SELECT DISTINCT ON (rule, key, person) k.rule, k.key, k.identity_id, i.registered_position AS registered,
           coalesce(w.person, k.identity_id) AS person
    FROM shared JOIN "{s}".match_key k USING (rule, key) JOIN "{s}".identity i USING (identity_id)
    LEFT JOIN who w USING (identity_id)
    ORDER BY rule, key, person, i.registered_position, k.identity_id),
placed AS MATERIALIZED (
    SELECT *, row_number() OVER w AS place FROM holding
    WINDOW w AS (PARTITION BY rule, key ORDER BY registered, identity_id)),
pairs AS (
    SELECT DISTINCT ON (one_person, other_person)
           least(a.person, b.person) AS one_person, greatest(a.person, b.person) AS other_person,
           a.identity_id AS one, a.registered AS one_registered,
           b.identity_id AS other, b.registered AS other_registered,
           r.rule, r.rule_version, r.action, r.score, r.fields, r.place
    FROM placed a JOIN placed b ON b.rule = a.rule AND b.key = a.key AND b.place > a.place
     AND (a.place = 1 OR b.place <= {all_pairs}) {pairs_of_scope}
    JOIN "{s}".match_rule r ON r.rule = a.rule
    ORDER BY one_person, other_person, r.action, r.score DESC NULLS LAST, r.place, a.registered, b.registered),
last_word AS (
    SELECT DISTINCT ON (low, high) low, high, type FROM "{s}".statement k
    WHERE (type = 'link.dismissed'
       OR (rule = 'human' AND type IN ('link.merged', 'link.unmerged', 'link.review_requested'))) {links_of_scope}
    ORDER BY low, high, position DESC),
between AS (
    SELECT least(coalesce(wl.person, k.low), coalesce(wh.person, k.high)) AS one_person,
           greatest(coalesce(wl.person, k.low), coalesce(wh.person, k.high)) AS other_person,
           bool_or(d.type IN ('link.dismissed', 'link.unmerged')) AS denied,
           bool_or(k.state IN ('proposed', 'review_requested')) AS waiting,
           bool_or(k.state = 'merged') AS merged
    FROM "{s}".link k
    LEFT JOIN who wl ON wl.identity_id = k.low LEFT JOIN who wh ON wh.identity_id = k.high
    LEFT JOIN last_word d ON d.low = k.low AND d.high = k.high
    WHERE NOT EXISTS (SELECT FROM unsupported u WHERE u.low = k.low AND u.high = k.high)
      {links_of_scope}
    GROUP BY 1, 2)
SELECT p.one::text, p.other::text, p.one_registered, p.other_registered, p.rule, p.rule_version, p.action, p.score,
       p.fields, coalesce(b.waiting, false) AS waiting, coalesce(k.position, 0) AS position
FROM pairs p LEFT JOIN between b USING (one_person, other_person)
LEFT JOIN "{s}".link k ON k.low = least(p.one, p.other) AND k.high = greatest(p.one, p.other)
WHERE NOT coalesce(b.denied, false) AND NOT coalesce(b.merged, false) AND coalesce(k.state, '') <> 'barred'
ORDER BY p.action, p.action = 'propose' AND coalesce(b.waiting, false) DESC, p.score DESC NULLS LAST, p.place,
         p.one_registered, p.other_registered
"""
WHOLE_REGION = {
    "shared": 'SELECT rule, key FROM "{s}".match_key GROUP BY rule, key HAVING count(*) > 1',
    "who": "AS",
    "pairs_of_scope": "",
    "links_of_scope": "",
}
OF_SCOPE = {  # everything is looked up by index, and nothing of the region is read whole
    "shared": 'SELECT DISTINCT rule, key FROM "{s}".match_key WHERE identity_id = ANY(%(scope)s::uuid[])',
    "who": "AS NOT MATERIALIZED",
    "pairs_of_scope": "AND (a.identity_id = ANY(%(scope)s::uuid[]) OR b.identity_id = ANY(%(scope)s::uuid[]))",
    "links_of_scope": "AND (k.low = ANY(%(scope)s::uuid[]) OR k.high = ANY(%(scope)s::uuid[]))",
}
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


def due(connection: Connection, schema: str, others: Iterable[str] = (), within: Collection[str] | None = None) -> Due:
    """What the rules of the version in that schema would decide now. ``others``: identities to tell of as well.

    ``within``: only what concerns these identities, given as in ``clusters_of``; None: the whole region.
    """
    with nullcontext() if within is not None else _uncollected():
        return _due(connection, schema, others, within)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A region's records hold no cycles: the collector would walk through millions of them again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _due(connection: Connection, schema: str, others: Iterable[str], within: Collection[str] | None) -> Due:
    if within is not None:
        with connection.cursor() as cursor:
            cursor.execute(BY_INDEX)
    found = weighed.found(connection, schema, within) or _equal(connection, schema, within)
    if not found.unmerges and not found.pairs:
        return Due(rule_version=found.rule_version)
    concerned = {*others, *(u[side] for u in found.unmerges for side in ("low", "high"))}
    concerned.update(p[side] for p in found.pairs for side in ("one", "other"))
    working = Working(_clusters(connection, schema, concerned), concerned)
    for pair in found.pairs:
        working.registered |= {pair["one"]: pair["one_registered"], pair["other"]: pair["other_registered"]}
    if len(found.pairs) > 1:  # else nobody agrees with two
        working.part(fetch(connection, PARTED.format(s=schema), ids=list(working.known())))
    return replace(working.decide(found.unmerges, found.pairs), rule_version=found.rule_version)


def _equal(connection: Connection, schema: str, within: Collection[str] | None) -> Found:
    """What is due under rules of equal fields."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off" if within is not None else WHOLE)
        unmerges = fetch(connection, _sql(UNMERGES, schema, within), scope=within and list(within))
        lows, highs = ([gone[side] for gone in unmerges] for side in ("low", "high"))
        asked = {"lows": lows, "highs": highs, "scope": within and list(within)}
        pairs = fetch(connection, _sql(PAIRS, schema, within), **asked)
        cursor.execute("SET LOCAL enable_nestloop = on")
    (rules,) = fetch(connection, f'SELECT coalesce(max(rule_version), 0) AS version FROM "{schema}".match_rule')
    return Found(rules["version"], unmerges, pairs)


def clusters_of(connection: Connection, schema: str, identities: Iterable[str]) -> dict[str, frozenset[str]]:
    """Each of these identities with all that statements connect it to, itself included.

    One that was erased has no keys any more that would lead to others: with it come all of whom anything was ever said
    together with it, a mere proposal included.
    """
    near = {one: {one} for one in identities}
    for link in fetch(connection, OF_ERASED.format(s=schema), ids=list(near)):
        near[link["identity"]] |= {link["low"], link["high"]}
    found = _clusters(connection, schema, {side for sides in near.values() for side in sides})
    return {
        one: frozenset(member for side in sides for member in (found[side].members if side in found else {side}))
        for one, sides in near.items()
    }


def _sql(template: str, schema: str, within: Collection[str] | None) -> str:
    scope = WHOLE_REGION if within is None else OF_SCOPE
    return template.format(
        s=schema, all_pairs=ALL_PAIRS, **{name: text.format(s=schema) for name, text in scope.items()}
    )


def _clusters(connection: Connection, schema: str, identities: Iterable[str]) -> dict[str, Cluster[str]]:
    """Each member of the clusters of these identities, with its cluster; nobody spoke of those that are absent."""
    found: dict[str, Cluster[str]] = {}
    for row in fetch(connection, CLUSTERS.format(s=schema), ids=list(identities)):
        cluster: Cluster[str] = Cluster(
            {member: held[0] for member, held in row["members"].items()},
            {(low, high): at for low, high, at in row["merged"]},
            {(low, high) for low, high in row["barred"]},
        )
        found.update(dict.fromkeys(cluster.members, cluster))
    return found
