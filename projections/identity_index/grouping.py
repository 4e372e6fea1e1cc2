"""Of many identities, who is one person now, when each was born, and of which sex: for those who count persons."""

from collections.abc import Callable, Collection
from typing import Final

from psycopg2.extensions import connection as Connection

from domain.dose_bands import birth_date_of
from domain.matching.birth_dates import born
from projections.engine.query import fetch

PERSONS: Final = """
SELECT identity_id::text AS identity, person_id::text AS person FROM identity_index.node
WHERE identity_id = ANY(%(identities)s::uuid[]) AND person_id <> identity_id
"""
STATED: Final = """
SELECT identity_id::text AS identity, traits->>'birth_date' AS birth_date FROM identity_index.identity
WHERE identity_id = ANY(%(identities)s::uuid[]) AND NOT erased
"""
SEXES: Final = """
SELECT identity_id::text AS identity, traits->>'sex' AS sex FROM identity_index.identity
WHERE identity_id = ANY(%(identities)s::uuid[]) AND NOT erased AND traits->>'sex' IS NOT NULL
"""
OTHERS: Final = """
SELECT mine.identity_id::text AS identity, other.identity_id::text AS other
FROM identity_index.node mine JOIN identity_index.node other USING (person_id)
WHERE mine.identity_id = ANY(%(identities)s::uuid[]) AND other.identity_id <> mine.identity_id
"""
Destroyed = Callable[[Collection[str]], Collection[str]]
"""Of identities those whose key is destroyed (``domain.ports.KeyVault``)."""


def persons_of(connection: Connection, identities: Collection[str]) -> dict[str, str]:
    """Identity to the person that it is, where it is not the person's first."""
    rows = fetch(connection, PERSONS, identities=list(identities))
    return {row["identity"]: row["person"] for row in rows}


def birth_dates_of(connection: Connection, identities: Collection[str], destroyed: Destroyed) -> dict[str, str]:
    """Identity to the birth date by which its exposures are judged (``domain.dose_bands.birth_date_of``), where one is
    known. What was sealed under a key that is destroyed is known no more, whatever rows still hold.
    """
    found = _stated(connection, identities, destroyed)
    lacking = [one for one in identities if one not in found]
    members: dict[str, list[str]] = {}
    for row in fetch(connection, OTHERS, identities=lacking) if lacking else ():
        members.setdefault(row["identity"], []).append(row["other"])
    stated = _stated(connection, {one for others in members.values() for one in others}, destroyed)
    for identity, others in members.items():
        if (birth_date := birth_date_of(None, map(stated.get, others))) is not None:
            found[identity] = birth_date
    return found


def _stated(connection: Connection, identities: Collection[str], destroyed: Destroyed) -> dict[str, str]:
    """The birth dates that identities state themselves, where they state one."""
    if not identities:
        return {}
    gone = destroyed(identities)
    rows = fetch(connection, STATED, identities=list(identities))
    return {
        row["identity"]: row["birth_date"] for row in rows if born(row["birth_date"]) and row["identity"] not in gone
    }


def sexes_of(connection: Connection, identities: Collection[str], destroyed: Destroyed) -> dict[str, str]:
    """Identity to the sex that it states, where it states one and its key is not destroyed."""
    gone = destroyed(identities) if identities else ()
    rows = fetch(connection, SEXES, identities=[one for one in identities if one not in gone])
    return {row["identity"]: row["sex"] for row in rows}
