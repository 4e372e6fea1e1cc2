"""What was last said of each pair of some identities: who is held one person with whom, by whom, why, by which rule."""

from collections.abc import Collection
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.times import iso
from projections.engine.query import fetch
from schemas.event import ERASED

LAST_SAID = """
SELECT k.link_id AS link, k.low, k.high, CASE WHEN k.held_back THEN 'held_back' ELSE k.state END AS state,
       k.state = 'merged' AND NOT coalesce(k.held_back, false) AS holds,
       il.assigner || '|' || il.local_id AS low_number, ih.assigner || '|' || ih.local_id AS high_number,
       s.position, s.recorded_at, s.actor, s.reason, s.rule, s.rule_version, s.score, s.compared, s.differing
FROM identity_index.link k
JOIN identity_index.statement s ON s.position = k.position
LEFT JOIN identity_index.identity il ON il.identity_id = k.low
LEFT JOIN identity_index.identity ih ON ih.identity_id = k.high
WHERE k.low = ANY(%(members)s::uuid[]) OR k.high = ANY(%(members)s::uuid[])
ORDER BY holds DESC, k.position
"""


def links(
    connection: Connection, members: Collection[str], erased: Collection[str], *, within: bool
) -> list[dict[str, Any]]:
    """The pairs of which something was said, those that hold the person together first. ``within``: only pairs of two
    of these members.

    ``state``: merged, held_back, proposed, review_requested, unmerged, barred, unbarred or dismissed. ``numbers``: of
    each side; null of whom is no member, or erased.
    """
    rows = fetch(connection, LAST_SAID, members=list(members))
    return [_shown(row, members, erased) for row in rows if not within or {row["low"], row["high"]} <= {*members}]


def _shown(row: dict[str, Any], members: Collection[str], erased: Collection[str]) -> dict[str, Any]:
    sides = {side: row.pop(side) for side in ("low", "high")}
    numbers = {side: row.pop(f"{side}_number") for side in sides}
    known = [sides[side] in members and sides[side] not in erased for side in sides]
    gone = row["reason"] is not None and any(one in erased for one in sides.values())
    return {
        **row,
        "identities": [*sides.values()],
        "numbers": [number if shown else None for number, shown in zip(numbers.values(), known, strict=True)],
        "recorded_at": iso(row["recorded_at"]),
        "reason": ERASED if gone else row["reason"],
    }
