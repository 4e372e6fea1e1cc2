"""Who may be meant: identities by any of their traits, their number or their INS; names by how they begin.

A used name counts as a family name, and any of the first names as a given name (see ``folding``).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch
from projections.identity_index.folding import folded, trait

Document = dict[str, Any]
FAMILY, GIVEN = f"{folded('%(family)s')} || '%%'", f"{folded('%(given)s')} || '%%'"
CONDITIONS: Final[Mapping[str, str]] = {
    "family": f"({folded(trait('family'))} LIKE {FAMILY} OR {folded(trait('used_name'))} LIKE {FAMILY})",
    "given": f"({folded(trait('given'))} LIKE {GIVEN} OR {folded(trait('first_names'))} LIKE '%%' || {GIVEN})",
    "birth_date": f"({trait('birth_date')} = ANY(%(parts)s) OR {trait('birth_date')} BETWEEN %(first)s AND %(last)s)",
    "sex": f"{trait('sex')} = %(sex)s",
    "birth_place": f"{trait('birth_place')} = %(birth_place)s",
    "ins": "ins = %(ins)s",
    "number": "(local_id = %(number)s OR local_id LIKE %(number)s || '#%%')",
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
    conditions = " AND ".join(CONDITIONS[name] for name in criteria)
    return fetch(
        connection,
        f"""
        SELECT i.identity_id AS identity, assigner, local_id, traits, status, flags, ins,
               coalesce(n.person_id, i.identity_id) AS person
        FROM identity_index.identity i LEFT JOIN identity_index.node n USING (identity_id)
        WHERE NOT erased AND NOT i.identity_id = ANY(%(erased)s::uuid[]) AND {conditions}
        ORDER BY {folded(trait("family"))}, {folded(trait("given"))}, {trait("birth_date")}, i.registered_position
        LIMIT %(limit)s
        """,
        **criteria,
        **_birth_dates(criteria.get("birth_date", "")),
        erased=list(erased),
        limit=limit,
    )


def _birth_dates(sought: str) -> Document:
    """Parts of the birth date that may be known alone, and the first and last of those that begin as it does."""
    year, month = sought[:4], sought[5:7]
    known = sought.removesuffix("-00").removesuffix("-00")
    return {
        "parts": [f"{year}-00-00", f"{year}-{month}-00"],
        "first": known + "-00-00"[: len(sought) - len(known)],
        "last": known + "-99-99"[: len(sought) - len(known)],
    }
