"""Who was meant then, and who that is now: of what was told of somebody who may have been merged or split since.

A notice keeps the ids that it was made with. Whoever opens it sees the person that it was told of and the person that
it is of now, each by its id, and what happened in between. Source: identity case 29.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from psycopg2.extensions import connection as Connection

from projections.engine.query import NOW, fetch

PERSON_THEN, PERSON_NOW, SINCE_THEN = "person_then", "person_now", "since_then"
MERGED, SPLIT, REASSIGNED = "merged", "split", "reassigned"
UNKNOWN: Final[dict[str, Any]] = {PERSON_THEN: None, PERSON_NOW: None, SINCE_THEN: ()}
"""Of what was told of nobody."""

HOLDS: Final = "m.from_position <= a.at AND (m.to_position IS NULL OR m.to_position > a.at)"
PERSONS: Final = f"""
SELECT whose.person_id::text AS person,
       ARRAY(SELECT whose.person_id::text
             UNION SELECT m.identity_id::text FROM identity_index.membership m
             WHERE m.person_id = whose.person_id AND {HOLDS}) AS members
FROM unnest(%(identities)s::uuid[], %(positions)s::bigint[]) WITH ORDINALITY a(identity_id, at, place)
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT m.person_id FROM identity_index.membership m
                     WHERE m.identity_id = a.identity_id AND {HOLDS}), a.identity_id) AS person_id) whose
ORDER BY a.place
"""


class Told(NamedTuple):
    """What was told of whom: the identity that it was then and the one that it is now, and the ledger position."""

    then: str
    at: int
    now: str


def since(connection: Connection, told: Sequence[Told]) -> list[dict[str, Any]]:
    """``person_then`` and ``person_now`` of each, and what happened ``since_then``: merged, split, both; or
    reassigned, where the one has nothing of the other.
    """
    identities = [side for one in told for side in (one.then, one.now)]
    positions = [at for one in told for at in (one.at, NOW)]
    rows = iter(fetch(connection, PERSONS, identities=identities, positions=positions)) if told else iter(())
    return [
        {
            PERSON_THEN: then["person"],
            PERSON_NOW: now["person"],
            SINCE_THEN: changes(then["members"], now["members"]),
        }
        for then, now in zip(rows, rows, strict=True)
    ]


def changes(then: Collection[str], now: Collection[str]) -> list[str]:
    """What made the identities of a person then those of a person now."""
    before, after = {*then}, {*now}
    if before.isdisjoint(after):
        return [REASSIGNED]
    return [*([MERGED] if after - before else []), *([SPLIT] if before - after else [])]
