"""Who may be meant: identities by any of their traits, their number or their INS; names by how they begin, or sound.

A used name counts as a family name, and any of the first names as a given name; a name is found under its later words
too (``domain.matching.spellings``). A person begins a name and looks at what is found; a program says it whole. What
has no letter names nobody.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from domain.matching.birth_places import codes
from domain.matching.sounds import sound
from domain.matching.spellings import folded
from projections.engine.query import fetch

Document = dict[str, Any]
BIRTH_DATE: Final = "(traits->>'birth_date')"
"""As the index has it."""
FAMILY: Final[Mapping[str, str]] = {
    "family": "f.spelling LIKE %(family)s",
    "family_is": "f.spelling = %(family_is)s AND f.whole",
    "family_sound": "f.sound = %(family_sound)s",
}
"""What is asked of a spelling of the family or used name."""
GIVEN: Final[Mapping[str, str]] = {
    "given": "g->>0 LIKE %(given)s",
    "given_is": "g->>0 = %(given_is)s AND (g->>2)::boolean",
    "given_sound": "g->>1 = %(given_sound)s",
}
"""What is asked of a spelling of one of the given names: its letters, its sound, and whether it is a whole name."""
EXACT: Final[Mapping[str, str]] = {
    "birth_date": f"({BIRTH_DATE} = ANY(%(parts)s) OR {BIRTH_DATE} BETWEEN %(first)s AND %(last)s)",
    "ins": "i.ins = %(ins)s",
    "number": "(i.local_id = %(number)s OR i.local_id LIKE %(collisions)s)",
}
"""What leads to few people, by an index of the identities."""
OTHERS: Final[Mapping[str, str]] = {
    "sex": "i.traits->>'sex' = %(sex)s",
    "birth_place": "i.traits->>'birth_place' = ANY(%(birth_places)s)",
    "ins_oid": "i.ins_oid = %(ins_oid)s",
    "status": "i.status = %(status)s",
    "assigner": "i.assigner = %(assigner)s",
}
OF_AN_IDENTITY: Final[Mapping[str, str]] = {
    **EXACT,
    **OTHERS,
    **{
        name: f"EXISTS (SELECT FROM jsonb_array_elements(i.given_names) g WHERE {asked})"
        for name, asked in GIVEN.items()
    },
}
"""What each criterion asks of an identity's own row."""
BY_NAME: Final = """
FROM identity_index.family_name f
CROSS JOIN LATERAL (
    SELECT i.* FROM identity_index.identity i
    WHERE i.identity_id = f.identity_id AND {identity} AND NOT EXISTS (
        SELECT FROM identity_index.family_name earlier
        WHERE earlier.identity_id = f.identity_id AND earlier.spelling ~<~ f.spelling AND {earlier})
    LIMIT 1) i
WHERE {name}"""
"""In the order of the index of names, so that a page of many is read and no more. Nobody twice, whose family and used
name begin alike. ``LIMIT 1`` keeps the two apart for the planner, which would else read all identities."""
BY_TRAITS: Final = """
FROM identity_index.identity i
WHERE {identity}"""
AND_A_NAME: Final = " AND i.identity_id IN (SELECT f.identity_id FROM identity_index.family_name f WHERE {name})"
IN_ORDER: Final = f"i.sort_name, {BIRTH_DATE}, i.registered_position"


def search(
    connection: Connection, criteria: Mapping[str, str], limit: int, erased: Collection[str] = (), skip: int = 0
) -> list[Document]:
    """``identity search``: the identities that meet all criteria, by name and birth date, after the first ``skip``.

    ``criteria``: names of ``FAMILY``, ``GIVEN``, ``EXACT`` and ``OTHERS`` to what is sought. A whole birth date finds
    those that are known in part and may be it, too; a part finds all that may be. A birth place is found by any
    of its codes. Those of ``erased`` are not found: what named them is gone.
    """
    found, first = _found(criteria)
    return fetch(
        connection,
        f"""
        SELECT i.identity_id AS identity, i.assigner, i.local_id, i.traits, i.status, i.flags, i.ins,
               coalesce((SELECT n.person_id FROM identity_index.node n WHERE n.identity_id = i.identity_id),
                        i.identity_id) AS person
        {found} AND NOT i.identity_id = ANY(%(erased)s::uuid[])
        ORDER BY {", ".join((*first, IN_ORDER))} LIMIT %(limit)s OFFSET %(skip)s
        """,
        **_values(criteria),
        erased=list(erased),
        limit=limit,
        skip=skip,
    )


def some_of(connection: Connection, criteria: Mapping[str, str], most: int) -> dict[str, int]:
    """The identities that meet all criteria, as ids with the positions of their registrations; no more than
    ``most``, so that too many are noticed without being counted.
    """
    found, first = _found(criteria)
    order = f" ORDER BY {first[0]}" if first else ""
    rows = fetch(
        connection,
        f"SELECT i.identity_id AS identity, i.registered_position {found}{order} LIMIT %(most)s",
        **_values(criteria),
        most=most,
    )
    return {row["identity"]: row["registered_position"] for row in rows}


def _found(criteria: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """FROM and WHERE, and what comes first in the order. A name leads to those who bear it, in the order of its index,
    where nothing leads to fewer people.
    """
    asked = ["NOT i.erased", *(OF_AN_IDENTITY[name] for name in criteria if name in OF_AN_IDENTITY)]
    identity = " AND ".join(asked)
    name = " AND ".join(f"({FAMILY[one]})" for one in criteria if one in FAMILY)
    if not name:
        return BY_TRAITS.format(identity=identity), ()
    if criteria.keys() & EXACT.keys():
        return (BY_TRAITS + AND_A_NAME).format(identity=identity, name=name), ()
    earlier = name.replace("f.", "earlier.")
    return BY_NAME.format(identity=identity, name=name, earlier=earlier), ("f.spelling USING ~<~",)


def _values(criteria: Mapping[str, str]) -> Document:
    """What the conditions compare with. A number is one, whatever signs of a pattern are in it."""
    number = re.sub(r"([\\%_])", r"\\\1", criteria.get("number", ""))
    names = {name: _name(name, said) for name, said in criteria.items() if name in FAMILY or name in GIVEN}
    places = list(codes(criteria.get("birth_place", "")))
    dates = _birth_dates(criteria.get("birth_date", ""))
    return {**criteria, **names, **dates, "birth_places": places, "collisions": f"{number}#%"}


def _name(criterion: str, said: str) -> str | None:
    """A name as spellings are compared with it: letters alone. Null, which equals nothing, where there is no letter."""
    if not (letters := folded(said)):
        return None
    if criterion in ("family", "given"):
        return f"{letters}%"
    return sound(letters) if criterion.endswith("_sound") else letters


def _birth_dates(sought: str) -> Document:
    """Parts of the birth date that may be known alone, and the first and last of those that begin as it does."""
    year, month = sought[:4], sought[5:7]
    known = sought.removesuffix("-00").removesuffix("-00")
    return {
        "parts": [f"{year}-00-00", f"{year}-{month}-00"],
        "first": known + "-00-00"[: len(sought) - len(known)],
        "last": known + "-99-99"[: len(sought) - len(known)],
    }
