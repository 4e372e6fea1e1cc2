"""Puts a generated region straight into a version of the identity index, in parts, each of other people.

Nobody is linked. The event store knows nothing of these identities.
"""

import io
import json
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from psycopg2.extensions import connection as Connection

from bench.linkage.region import Local, region
from domain.matching.keys import keys
from domain.matching.record import record
from domain.traits import TRAITS
from projections.identity_index.name_rows import columns

RECORDS_A_PERSON: Final = 2.2
PART: Final = 100_000
"""People that are generated together."""
PAGE: Final = 20_000
COLUMNS: Final = (
    "identity_id, assigner, local_id, ordinal, traits, given_names, sort_name, status, flags, deferred, source, ins, "
    "ins_oid, erased, registered_position, last_position"
)
IDENTITIES: Final = "COPY {}.identity (" + COLUMNS + ") FROM STDIN"
KEYS: Final = "COPY {}.candidate_key (key, identity_id) FROM STDIN"


def fill(connection: Connection, schema: str, identities: int, *, keyed: bool) -> int:
    """About so many; returns how many. ``keyed``: with their keys of candidates. Places are those of ``identity``."""
    place = 0
    for page in _pages(identities):
        numbered = list(enumerate(page, place))
        place += len(page)
        _copy(connection, IDENTITIES.format(schema), (_line(*each) for each in numbered))
        if keyed:
            _copy(connection, KEYS.format(schema), (line for each in numbered for line in _keys(*each)))
    connection.commit()
    return place


def identity(place: int) -> str:
    """The id of the one at a place."""
    return str(UUID(int=place + 1))


def _pages(identities: int) -> Iterator[list[Local]]:
    left = int(identities / RECORDS_A_PERSON)
    for seed in range(14, 14 + left // PART + 1):
        people, left = min(PART, left), left - min(PART, left)
        local = region(people, seed) if people else []
        yield from (local[first : first + PAGE] for first in range(0, len(local), PAGE))


def _copy(connection: Connection, into: str, lines: Iterator[str]) -> None:
    with connection.cursor() as cursor:
        cursor.copy_expert(into, io.StringIO("".join(lines)))


def _line(place: int, one: Local) -> str:
    oid, _, number = (one.ins or "").partition("|")
    traits: dict[str, str | None] = dict.fromkeys(TRAITS) | one.traits
    names = columns(traits)
    told = (_json(traits), _json(names["given_names"]), names["sort_name"], "PROV", "[]", "{}", "stated")
    values = (identity(place), "CHB", place, 1, *told, number or "\\N", oid or "\\N", "f", place, place)
    return "\t".join(map(str, values)) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\\", "\\\\")


def _keys(place: int, one: Local) -> Iterator[str]:
    return (f"{key}\t{identity(place)}\n" for key in keys(record(one.traits, one.ins)))
