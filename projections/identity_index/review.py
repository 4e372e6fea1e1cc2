"""The review worklist: what waits for a human decision on who is who, and two people side by side."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.times import iso
from domain.worklist import INS_REPLACED
from projections.engine.query import fetch, masked
from projections.identity_index import waiting
from projections.identity_index.identity_rows import NO_TRAITS
from projections.identity_index.waiting import ALL, Wanted
from schemas.event import ERASED

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
WHERE {waiting.UNDECIDED} AND t.other <> ALL(%(members)s::uuid[])
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

ASKED_AT = f"""
SELECT p.place, (SELECT max(s.position) FROM identity_index.statement s
                 WHERE s.low = p.low AND s.high = p.high AND s.type = ANY(ARRAY{list(waiting.ASKS)})) AS told_at
FROM unnest(%(lows)s::uuid[], %(highs)s::uuid[]) WITH ORDINALITY p(low, high, place) ORDER BY p.place
"""


def review_list(
    connection: Connection, limit: int | None = None, erased: Collection[str] = frozenset(), wanted: Wanted = ALL
) -> list[dict[str, Any]]:
    """``identity review list``: what waits for a human; how many there are in all is ``of`` in each.

    ``barred_by`` names the barred pairs that stand between the two persons; a pair that has become one person by
    other links waits no more. ``traits`` of a side are null while its registration is still on its way. ``told_at``:
    the position at which a human was asked last; null where nothing was said of the two.
    """
    query = waiting.LISTED.replace("{order}", waiting.BY_AGE if wanted.by_age else waiting.BY_RISK)
    asked = {**asdict(wanted), "kinds": wanted.kinds and list(wanted.kinds)}
    return _entries(connection, fetch(connection, query, limit=limit, **asked), erased)


def one_pair(connection: Connection, one: str, other: str, erased: Collection[str] = frozenset()) -> dict[str, Any]:
    """Two identities as an entry of the list, whether they wait or not."""
    low, high = sorted((one, other))
    (found,) = _entries(connection, fetch(connection, waiting.ONE_PAIR, low=low, high=high), erased)
    return found


def is_weighed(connection: Connection) -> bool:
    """Whether a model of matching is in force; without one there is no evidence in bits."""
    return bool(fetch(connection, "SELECT rule_version FROM identity_index.match_model"))


def _entries(connection: Connection, rows: Sequence[dict[str, Any]], erased: Collection[str]) -> list[dict[str, Any]]:
    concerned = {row[side] for row in rows for side in ("low_person", "high_person")} - {None}
    bars: dict[frozenset[str], list[list[str]]] = {}
    for bar in fetch(connection, BARS, persons=list(concerned)):
        bars.setdefault(frozenset((bar["low_person"], bar["high_person"])), []).append([bar["low"], bar["high"]])
    asked = fetch(connection, ASKED_AT, lows=[row["low"] for row in rows], highs=[row["high"] for row in rows])
    told = [
        row["position"] if row["flagged"] or at["told_at"] is None else at["told_at"]
        for row, at in zip(rows, asked, strict=True)
    ]
    return [_entry(row, bars, erased) | {"told_at": at} for row, at in zip(rows, told, strict=True)]


def waiting_with(connection: Connection, members: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Those of ``others`` that wait to be one person with these ``members``, each with the link of the pair."""
    rows = fetch(connection, WAITING_WITH, members=list(members), others=list(others))
    return {row["other"]: row["link"] for row in rows}


def _entry(row: dict[str, Any], bars: dict[frozenset[str], list[list[str]]], erased: Collection[str]) -> dict[str, Any]:
    sides = [side for side in ("low", "high") if row[side]]
    said = {name: row[f"flag_{name}"] if row["flagged"] else row[name] for name in ("actor", "reason", "recorded_at")}
    sealed = said["reason"] is not None and any(row[side] in erased for side in sides)
    return {
        "link": row["link"],
        "kind": row["kind"],
        "code": row["code"],
        "waits_as": _waits_as(row),
        "why": row["why"],
        "said": row["state"],
        "identities": masked([_side(row, side, erased) for side in sides], erased),
        "persons": [row[f"{side}_person"] for side in sides],
        "barred_by": bars.get(frozenset((row["low_person"], row["high_person"])), []),
        "worth": row["worth"],
        "position": row["position"],
        "recorded_at": said["recorded_at"] and iso(said["recorded_at"]),
        "actor": said["actor"],
        "reason": ERASED if sealed else said["reason"],
        "rule": row["rule"],
        "rule_version": row["rule_version"],
        "score": row["score"],
        "compared": row["compared"],
        "assigned_to": row["assigned_to"],
        "postponed_until": iso(row["postponed_until"]),
        "of": row["of"],
    }


def _waits_as(row: dict[str, Any]) -> str | None:
    """How it waits for a human; None: it does not."""
    if row["flagged"]:
        return "flagged"
    if row["held"]:
        return "held back"
    return "proposed" if row["state"] in waiting.ASKED and row["low_person"] != row["high_person"] else None


def _side(row: dict[str, Any], side: str, erased: Collection[str]) -> dict[str, Any]:
    gone = row[side] in erased
    ins = row[f"{side}_ins"]
    return {
        "identity": row[side],
        "assigner": row[f"{side}_assigner"],
        "local_id": row[f"{side}_local_id"],
        "traits": NO_TRAITS if gone else row[f"{side}_traits"],
        "status": row[f"{side}_status"],
        "flags": row[f"{side}_flags"],
        "ins": {"matricule": ins, "oid": row[f"{side}_ins_oid"]} if ins and not gone else None,
        "replaced": _replaced(row[f"{side}_flags"], row[f"{side}_replaced"]) if not gone else [],
        "records": row[f"{side}_size"],
    }


def _replaced(flags: Collection[str] | None, matricules: list[dict[str, str]] | None) -> list[dict[str, str]]:
    """The matricules that stand beside the one that it has, for a clerk to compare."""
    return matricules or [] if flags and INS_REPLACED in flags else []
