"""Queries of the identity index view; they read the stable schema ``identity_index`` and return JSON-ready values.

``erased``: identities whose key is destroyed; text sealed under it is shown as ``[erased]`` at once, whatever the rows
still hold. ``at_position``: as of that ledger position; None: now.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.dose_bands import birth_date_of
from domain.errors import NotFound
from domain.times import iso
from projections.engine.query import NOW, fetch, masked
from projections.identity_index.identity_rows import NO_TRAITS
from projections.identity_index.waiting import bare
from schemas.event import ERASED

Document = dict[str, Any]
NOBODY: frozenset[str] = frozenset()
RELIABLE = ("QUAL", "VALI", "RECUP", "PROV")
"""Statuses of an identity (RNIV), the most reliable first."""
SHOWN = ("family", "given", "used_name", "birth_date", "sex")
"""Traits by which people know who is meant."""

DUPLICATES = bare("""
SELECT assigner, array_agg(DISTINCT BARE(i)) AS local_ids FROM identity_index.identity i
WHERE identity_id = ANY(%(ids)s::uuid[]) AND NOT erased AND NOT identity_id = ANY(%(erased)s::uuid[])
GROUP BY assigner HAVING count(DISTINCT BARE(i)) > 1 ORDER BY assigner
""")


def person(connection: Connection, identity: str, at_position: int | None = None) -> str:
    """The id of the person that the identity is: its earliest registered member, often itself."""
    found = fetch(
        connection,
        """
        SELECT person_id FROM identity_index.membership
        WHERE identity_id = %(identity)s AND from_position <= %(at)s AND (to_position IS NULL OR to_position > %(at)s)
        """,
        identity=identity,
        at=NOW if at_position is None else at_position,
    )
    return str(found[0]["person_id"]) if found else identity


def members(
    connection: Connection,
    identity: str,
    at_position: int | None = None,
    erased: Collection[str] = NOBODY,
) -> list[Document]:
    """All identities of the same person, earliest registered (whose id is the person's) first, itself included.

    ``assigner`` and ``local_id`` are null while the registration of a linked identity is still on its way.
    """
    rows = fetch(
        connection,
        """
        WITH together AS (
            SELECT %(person)s::uuid AS identity_id
            UNION
            SELECT identity_id FROM identity_index.membership
            WHERE person_id = %(person)s AND from_position <= %(at)s AND (to_position IS NULL OR to_position > %(at)s)
        )
        SELECT identity_id AS identity, i.assigner, i.local_id
        FROM together
        LEFT JOIN identity_index.identity i USING (identity_id)
        LEFT JOIN identity_index.node n USING (identity_id)
        ORDER BY coalesce(n.registered_position, i.registered_position), identity_id
        """,
        person=person(connection, identity, at_position),
        at=NOW if at_position is None else at_position,
    )
    return masked(rows, erased)


def show(connection: Connection, identity: str, erased: Collection[str] = NOBODY) -> Document:
    """``identity show``: what the assigner says, and who the identity is now. Raises NotFound."""
    found = fetch(connection, "SELECT * FROM identity_index.identity WHERE identity_id = %(id)s", id=identity)
    if not found:
        raise NotFound(f"no identity {identity}: check the uuid, or write ASSIGNER|LOCAL_ID")
    row = found[0]
    gone = row["erased"] or identity in erased
    together = members(connection, identity, erased=erased)
    return {
        "identity": identity,
        "assigner": row["assigner"],
        "local_id": ERASED if gone else row["local_id"],
        "traits": NO_TRAITS if gone else row["traits"],
        "status": row["status"],
        "flags": row["flags"],
        "ins": None if gone or not row["ins"] else {"matricule": row["ins"], "oid": row["ins_oid"]},
        "erased": gone,
        "source": row["source"],
        "registered_position": row["registered_position"],
        "person": together[0]["identity"],
        "members": together,
    }


def duplicates(connection: Connection, members: Sequence[str], erased: Collection[str] = NOBODY) -> list[Document]:
    """Numbers of one assigner that are one person's: proven duplicates (DOUA), of which it is to keep one."""
    rows = fetch(connection, DUPLICATES, ids=list(members), erased=list(erased))
    return [{"code": "DOUA", **row, "local_ids": sorted(row["local_ids"])} for row in rows]


def patient(connection: Connection, members: Sequence[str], erased: Collection[str] = NOBODY) -> Document:
    """Who a person is, in a line: the traits of the most reliable identity (of several, the earliest registered).

    ``flags``: those of all members. ``also_stated``: what other members state differently, by trait. ``qualified_ins``:
    the INS with its OID, where the identity whose traits these are is qualified: nothing else may be told with them.
    Null is not known; ``[erased]`` where every member's key is destroyed.
    """
    rows = fetch(
        connection,
        "SELECT identity_id AS identity, traits, status, flags, ins, ins_oid, erased FROM identity_index.identity"
        " WHERE identity_id = ANY(%(ids)s::uuid[]) ORDER BY registered_position",
        ids=list(members),
    )
    kept = [row for row in rows if not row["erased"] and row["identity"] not in erased]
    best = min(kept, key=lambda row: RELIABLE.index(row["status"]), default=None)
    traits = best["traits"] if best else (NO_TRAITS if rows else {})
    shown = {name: traits.get(name) for name in SHOWN}
    stated = {name: {row["traits"].get(name) for row in kept} - {None, shown[name]} for name in SHOWN}
    return {
        **shown,
        "identity": best["identity"] if best else None,
        "status": best["status"] if best else None,
        "ins": next((row["ins"] for row in kept if row["ins"]), None),
        "qualified_ins": _qualified(best),
        "flags": sorted({flag for row in rows for flag in row["flags"]}),
        "also_stated": {name: sorted(others) for name, others in stated.items() if others},
    }


def _qualified(best: Document | None) -> Document | None:
    if best is None or best["status"] != RELIABLE[0] or not best["ins"]:
        return None
    return {"matricule": best["ins"], "oid": best["ins_oid"]}


def named(connection: Connection, identities: Collection[str], erased: Collection[str] = NOBODY) -> dict[str, Document]:
    """The traits by which people know who is meant, of each of these identities that is registered."""
    rows = fetch(
        connection,
        "SELECT identity_id AS identity, traits, erased FROM identity_index.identity"
        " WHERE identity_id = ANY(%(ids)s::uuid[])",
        ids=list(identities),
    )
    return {row["identity"]: _shown(row, erased) for row in rows}


def _shown(row: Document, erased: Collection[str]) -> Document:
    traits = NO_TRAITS if row["erased"] or row["identity"] in erased else row["traits"]
    return {name: traits.get(name) for name in SHOWN}


def birth_dates(
    connection: Connection, members: Sequence[str], erased: Collection[str] = NOBODY
) -> dict[str, str | None]:
    """By identity of one person the birth date by which its exposures are judged (``domain.dose_bands``)."""
    stated = {one: shown["birth_date"] for one, shown in named(connection, members, erased).items()}
    return {member: birth_date_of(stated.get(member), stated.values()) for member in members}


def numbers(connection: Connection, identities: Collection[str], erased: Collection[str] = NOBODY) -> list[Document]:
    """Who gave out each of these identities, and as which number; the earliest registered first."""
    rows = fetch(
        connection,
        "SELECT identity_id AS identity, assigner, local_id FROM identity_index.identity"
        " WHERE identity_id = ANY(%(ids)s::uuid[]) ORDER BY registered_position",
        ids=list(identities),
    )
    return masked(rows, erased)


def subjects(connection: Connection, members: Sequence[str]) -> set[str]:
    """The identities under whose keys reasons in the ``history`` of these members are sealed, former pairs and splits
    included."""
    rows = fetch(
        connection,
        """
        SELECT low, high FROM identity_index.statement
        WHERE low = ANY(%(ids)s::uuid[]) OR high = ANY(%(ids)s::uuid[])
        UNION ALL SELECT identity_id, other_id FROM identity_index.identity_event
        WHERE other_id IS NOT NULL AND (identity_id = ANY(%(ids)s::uuid[]) OR other_id = ANY(%(ids)s::uuid[]))
        """,
        ids=list(members),
    )
    return {*members, *(str(row[side]) for row in rows for side in ("low", "high"))}


def history(
    connection: Connection, members: Sequence[Mapping[str, Any]], erased: Collection[str] = NOBODY
) -> list[Document]:
    """``identity history``: all that was ever said of these members, alone or in a pair, in ledger order.

    ``members``: as ``members`` answers. A link event tells who, why, which rule and version, score and fields compared.
    """
    identities = [member["identity"] for member in members]
    rows = fetch(
        connection,
        """
        SELECT position, recorded_at, type, actor, reason, NULL AS rule, NULL::int AS rule_version, detail,
               array_remove(ARRAY[identity_id::text, other_id::text], NULL) AS identities
        FROM identity_index.identity_event
        WHERE identity_id = ANY(%(ids)s::uuid[]) OR other_id = ANY(%(ids)s::uuid[])
        UNION ALL
        SELECT position, recorded_at, type, actor, reason, rule, rule_version,
               jsonb_build_object('link', link_id, 'score', score, 'compared', compared, 'differing', differing),
               ARRAY[low::text, high::text]
        FROM identity_index.statement WHERE low = ANY(%(ids)s::uuid[]) OR high = ANY(%(ids)s::uuid[])
        ORDER BY position
        """,
        ids=identities,
    )
    return [_entry(row, erased) for row in rows]


def own(entries: Sequence[Document], members: Collection[str]) -> list[Document]:
    """A history for the patient: of what was said of a pair, nothing about another person, and no reason, which may
    name them.
    """
    return [entry if {*entry["identities"]} <= {*members} else _own(entry, members) for entry in entries]


def _own(entry: Document, members: Collection[str]) -> Document:
    mine = [one for one in entry["identities"] if one in members]
    return {**entry, "identities": mine, "reason": None, "link": None}


def _entry(row: Document, erased: Collection[str]) -> Document:
    detail: Document = row.pop("detail")
    row["recorded_at"] = iso(row["recorded_at"])
    # A link's and a split's reason is sealed under both, an identity's under itself; the reason of an erasure is not.
    gone = any(one in erased for one in row["identities"])
    if row["reason"] is not None and gone and row["type"] != "identity.erased":
        row["reason"] = ERASED
    return row | detail
