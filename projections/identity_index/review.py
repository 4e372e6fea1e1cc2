"""The review worklist: pairs of identities waiting for a human decision."""

from collections.abc import Collection
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.times import iso
from projections.engine.query import fetch, masked
from projections.identity_index.identity_rows import NO_TRAITS
from schemas.event import ERASED

UNDECIDED = "(k.state IN ('proposed', 'review_requested') OR (k.state = 'merged' AND k.held_back))"
WAITING = f"""
SELECT k.link_id AS link, k.low, k.high, CASE WHEN k.held_back THEN 'held back' ELSE 'proposed' END AS waits_as,
       coalesce(nl.person_id, k.low) AS low_person, coalesce(nh.person_id, k.high) AS high_person,
       il.assigner AS low_assigner, il.local_id AS low_local_id, il.traits AS low_traits, il.status AS low_status,
       ih.assigner AS high_assigner, ih.local_id AS high_local_id, ih.traits AS high_traits, ih.status AS high_status,
       s.position, s.recorded_at, s.actor, s.reason, s.rule, s.rule_version, s.score, s.compared
FROM identity_index.link k
JOIN identity_index.statement s ON s.position = k.position
LEFT JOIN identity_index.node nl ON nl.identity_id = k.low
LEFT JOIN identity_index.node nh ON nh.identity_id = k.high
LEFT JOIN identity_index.identity il ON il.identity_id = k.low
LEFT JOIN identity_index.identity ih ON ih.identity_id = k.high
WHERE {UNDECIDED}
  AND (%(link)s::uuid IS NULL OR k.link_id = %(link)s)
  AND coalesce(nl.person_id, k.low) <> coalesce(nh.person_id, k.high)
ORDER BY k.position LIMIT %(limit)s
"""
WAITING_WITH = f"""
WITH other AS (
    SELECT o.identity_id, coalesce(n.person_id, o.identity_id) AS person_id
    FROM unnest(%(others)s::uuid[]) o(identity_id) LEFT JOIN identity_index.node n USING (identity_id)
), theirs AS (
    SELECT identity_id AS other, identity_id FROM other
    UNION SELECT other.identity_id, n.identity_id FROM other JOIN identity_index.node n USING (person_id)
)
SELECT t.other::text, min(k.link_id::text) AS link
FROM theirs t CROSS JOIN unnest(%(members)s::uuid[]) mine(identity_id)
JOIN identity_index.link k
  ON k.low = least(mine.identity_id, t.identity_id) AND k.high = greatest(mine.identity_id, t.identity_id)
WHERE {UNDECIDED} AND t.other <> ALL(%(members)s::uuid[])
GROUP BY t.other
"""

BARS = """
SELECT b.low, b.high, bl.person_id AS low_person, bh.person_id AS high_person
FROM identity_index.link b
JOIN identity_index.node bl ON bl.identity_id = b.low
JOIN identity_index.node bh ON bh.identity_id = b.high
WHERE b.state = 'barred' AND bl.person_id = ANY(%(persons)s::uuid[]) AND bh.person_id = ANY(%(persons)s::uuid[])
ORDER BY b.position
"""


def review_list(
    connection: Connection, limit: int | None = None, erased: Collection[str] = frozenset(), link: str | None = None
) -> list[dict[str, Any]]:
    """``identity review list``, oldest first: proposals nobody answered, and merges that a bar holds back.

    ``barred_by`` names the barred pairs that stand between the two persons; a pair that has become one person by
    other links waits no more. ``traits`` of a side are null while its registration is still on its way.
    ``link``: that pair alone.
    """
    waiting = fetch(connection, WAITING, limit=limit, link=link)
    concerned = {row[side] for row in waiting for side in ("low_person", "high_person")}
    bars: dict[frozenset[str], list[list[str]]] = {}
    for bar in fetch(connection, BARS, persons=list(concerned)):
        bars.setdefault(frozenset((bar["low_person"], bar["high_person"])), []).append([bar["low"], bar["high"]])
    return [_waiting(row, bars, erased) for row in waiting]


def waiting_with(connection: Connection, members: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Those of ``others`` that wait to be one person with these ``members``, each with the link of the pair."""
    rows = fetch(connection, WAITING_WITH, members=list(members), others=list(others))
    return {row["other"]: row["link"] for row in rows}


def _waiting(
    row: dict[str, Any], bars: dict[frozenset[str], list[list[str]]], erased: Collection[str]
) -> dict[str, Any]:
    pair = [
        {
            "identity": row[side],
            "assigner": row[f"{side}_assigner"],
            "local_id": row[f"{side}_local_id"],
            "traits": NO_TRAITS if row[side] in erased else row[f"{side}_traits"],
            "status": row[f"{side}_status"],
        }
        for side in ("low", "high")
    ]
    sealed = row["reason"] is not None and (row["low"] in erased or row["high"] in erased)
    return {
        "link": row["link"],
        "waits_as": row["waits_as"],
        "identities": masked(pair, erased),
        "persons": [row["low_person"], row["high_person"]],
        "barred_by": bars.get(frozenset((row["low_person"], row["high_person"])), []),
        "position": row["position"],
        "recorded_at": iso(row["recorded_at"]),
        "actor": row["actor"],
        "reason": ERASED if sealed else row["reason"],
        "rule": row["rule"],
        "rule_version": row["rule_version"],
        "score": row["score"],
        "compared": row["compared"],
    }
