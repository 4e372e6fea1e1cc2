"""Finds the identities that a decision about some of them depends on, and what matching compares of each.

Those that share a key with one of them and may be one person with them; and, as far as that leads, all that are one
person with any of these, and all of one birth block. No suspicion and no contradiction inside a group reaches further,
so what is decided of these alone is what a decision of the whole region would say of them. Who shares a key and agrees
too little for any tier leads no further: in a large region that is most of them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection

from domain.ins import qualified
from domain.matching import pair as alone
from domain.matching.candidates import MOST
from domain.matching.keys import keys, of_birth_block
from domain.matching.model import Model
from domain.matching.record import Record, record
from domain.matching.suspicions import birth_block
from projections.engine.query import fetch
from projections.identity_index.identity_rows import NO_TRAITS

ROWS = """
SELECT i.identity_id::text AS identity, i.traits, i.ins, i.ins_oid, i.registered_position AS registered,
       coalesce(n.person_id, i.identity_id)::text AS person
FROM "{s}".identity i LEFT JOIN "{s}".node n USING (identity_id)
WHERE NOT i.erased AND i.identity_id = ANY(%(ids)s::uuid[])
"""
SHARING = """
SELECT DISTINCT near.identity_id::text AS identity FROM unnest(%(keys)s::bigint[]) AS asked(key)
CROSS JOIN LATERAL (
    SELECT c.identity_id FROM "{s}".candidate_key c JOIN "{s}".identity i USING (identity_id)
    WHERE c.key = asked.key ORDER BY i.registered_position DESC LIMIT {most}) AS near
"""
PERSONS = """
SELECT DISTINCT other.identity_id::text AS identity FROM "{s}".node n JOIN "{s}".node other USING (person_id)
WHERE n.identity_id = ANY(%(ids)s::uuid[])
"""


class Known(NamedTuple):
    """An identity as matching sees it. ``person``: who it is now."""

    identity: str
    registered: int
    person: str
    record: Record


def around(connection: Connection, schema: str, identities: Collection[str], model: Model) -> list[Known]:
    """The neighbourhood of these identities, themselves included, in the order of their ids."""
    asked = _known(connection, schema, identities)
    sharing: dict[int, list[Known]] = {}
    for one in asked:
        for key in keys(one.record):
            sharing.setdefault(key, []).append(one)
    others = _known(connection, schema, {*_sharing(connection, schema, sharing)} - {one.identity for one in asked})
    found: Sequence[Known] = [*asked, *(other for other in others if _is_near(other.record, sharing, model))]
    known: dict[str, Known] = {}
    while new := {one.identity: one for one in found if one.identity not in known}:
        known |= new
        found = _known(connection, schema, _closer(connection, schema, known, new.keys()) - known.keys())
    return [known[identity] for identity in sorted(known)]


def _is_near(other: Record, sharing: Mapping[int, Sequence[Known]], model: Model) -> bool:
    """Whether some tier holds of it and one that shares a key with it. ``sharing``: who has which key."""
    some = {one.identity: one.record for key in keys(other) for one in sharing.get(key, ())}
    return any(alone.tiers(one, other, alone.weighed(one, other, model), model) for one in some.values())


def _closer(connection: Connection, schema: str, known: Mapping[str, Known], new: Collection[str]) -> set[str]:
    """Who is one person with any of the new ones, or in one birth block with them."""
    found = {row["identity"] for row in fetch(connection, PERSONS.format(s=schema), ids=list(new))}
    blocks = {birth_block(known[one].record) for one in new} - {None}
    of_blocks = {key for one in new if (key := of_birth_block(known[one].record)) is not None}
    inside = _known(connection, schema, set(_sharing(connection, schema, of_blocks)) - known.keys())
    return found | {one.identity for one in inside if birth_block(one.record) in blocks}


def _sharing(connection: Connection, schema: str, shared: Iterable[int]) -> list[str]:
    rows = fetch(connection, SHARING.format(s=schema, most=MOST), keys=list(shared))
    return [row["identity"] for row in rows]


def _known(connection: Connection, schema: str, identities: Collection[str]) -> Sequence[Known]:
    if not identities:
        return ()
    rows = fetch(connection, ROWS.format(s=schema), ids=list(identities))
    return [_of(row) for row in rows if _is_told(row)]


def _is_told(row: dict[str, Any]) -> bool:
    """Whether its traits can be read."""
    return bool(row["traits"]) and row["traits"] != NO_TRAITS


def _of(row: dict[str, Any]) -> Known:
    traits = record(row["traits"], qualified(row["ins"], row["ins_oid"]))
    return Known(row["identity"], row["registered"], row["person"], traits)
