"""Who may be meant: identities by any of their traits, their number or their INS; names by how they begin.

A used name counts as a family name, and any of the first names as a given name (see ``folding``). A person begins a
name and looks at what is found; a program says it whole.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch
from projections.identity_index.folding import folded, trait

Document = dict[str, Any]
FAMILY, GIVEN = f"{folded('%(family)s')} || '%%'", f"{folded('%(given)s')} || '%%'"
FAMILY_IS, GIVEN_IS = folded("%(family_is)s"), folded("%(given_is)s")
CONDITIONS: Final[Mapping[str, str]] = {
    "family": f"({folded(trait('family'))} LIKE {FAMILY} OR {folded(trait('used_name'))} LIKE {FAMILY})",
    "given": f"({folded(trait('given'))} LIKE {GIVEN} OR {folded(trait('first_names'))} LIKE '%%' || {GIVEN})",
    "family_is": f"({folded(trait('family'))} = {FAMILY_IS} OR {folded(trait('used_name'))} = {FAMILY_IS})",
    "given_is": f"({folded(trait('given'))} = {GIVEN_IS} OR EXISTS (SELECT FROM regexp_split_to_table("
    f"{trait('first_names')}, '[ ,]+') AS word WHERE {folded('word')} = {GIVEN_IS}))",
    "birth_date": f"({trait('birth_date')} = ANY(%(parts)s) OR {trait('birth_date')} BETWEEN %(first)s AND %(last)s)",
    "sex": f"{trait('sex')} = %(sex)s",
    "birth_place": f"{trait('birth_place')} = %(birth_place)s",
    "ins": "ins = %(ins)s",
    "ins_oid": "ins_oid = %(ins_oid)s",
    "status": "status = %(status)s",
    "number": "(local_id = %(number)s OR local_id LIKE %(collisions)s)",
    "assigner": "assigner = %(assigner)s",
}
"""What each criterion asks of a row."""


def search(
    connection: Connection, criteria: Mapping[str, str], limit: int, erased: Collection[str] = ()
) -> list[Document]:
    """``identity search``: the identities that meet all criteria, in order of name and birth date.

    ``criteria``: names of ``CONDITIONS`` to what is sought. A whole birth date finds those that are known in part and
    may be it, too; a part finds all that may be. Those of ``erased`` are not found: what named them is gone.
    """
    return fetch(
        connection,
        f"""
        SELECT i.identity_id AS identity, assigner, local_id, traits, status, flags, ins,
               coalesce(n.person_id, i.identity_id) AS person
        FROM identity_index.identity i LEFT JOIN identity_index.node n USING (identity_id)
        WHERE NOT erased AND NOT i.identity_id = ANY(%(erased)s::uuid[]) AND {_all(criteria)}
        ORDER BY {folded(trait("family"))}, {folded(trait("given"))}, {trait("birth_date")}, i.registered_position
        LIMIT %(limit)s
        """,
        **_values(criteria),
        erased=list(erased),
        limit=limit,
    )


def some_of(connection: Connection, criteria: Mapping[str, str], most: int) -> dict[str, int]:
    """The identities that meet all criteria, as ids with the positions of their registrations; in no order, and no more
    than ``most``, so that too many are noticed without being counted.
    """
    rows = fetch(
        connection,
        "SELECT identity_id AS identity, registered_position FROM identity_index.identity"
        f" WHERE NOT erased AND {_all(criteria)} LIMIT %(most)s",
        **_values(criteria),
        most=most,
    )
    return {row["identity"]: row["registered_position"] for row in rows}


def _all(criteria: Mapping[str, str]) -> str:
    return " AND ".join(CONDITIONS[name] for name in criteria)


def _values(criteria: Mapping[str, str]) -> Document:
    """What the conditions compare with. A number is one, whatever signs of a pattern are in it."""
    number = re.sub(r"([\\%_])", r"\\\1", criteria.get("number", ""))
    return {**criteria, **_birth_dates(criteria.get("birth_date", "")), "collisions": f"{number}#%"}


def _birth_dates(sought: str) -> Document:
    """Parts of the birth date that may be known alone, and the first and last of those that begin as it does."""
    year, month = sought[:4], sought[5:7]
    known = sought.removesuffix("-00").removesuffix("-00")
    return {
        "parts": [f"{year}-00-00", f"{year}-{month}-00"],
        "first": known + "-00-00"[: len(sought) - len(known)],
        "last": known + "-99-99"[: len(sought) - len(known)],
    }
