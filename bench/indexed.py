"""Puts a generated region straight into a version of the identity index, in parts, each of other people.

Nobody is linked. The event store knows nothing of these identities. A large region has more family names than a small
one. Parts are generated in as many processes as there are cores, and keys are indexed when all are there.
"""

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection

from bench.linkage.people import FAMILIES
from bench.linkage.region import Local, region
from domain.matching.keys import keys
from domain.matching.record import record
from domain.matching.sketches import sketch
from domain.traits import TRAITS
from projections.engine.processes import side_by_side
from projections.identity_index.name_rows import columns

RECORDS_A_PERSON: Final = 2.2
PART: Final = 50_000
NAMES_A_PERSON: Final = FAMILIES / PART
MOST_NAMES: Final = 1_000_000
"""As many as all of France has."""
PAGE: Final = 20_000
COLUMNS: Final = (
    "identity_id, assigner, local_id, ordinal, traits, given_names, sort_name, status, flags, deferred, source, ins, "
    "ins_oid, erased, registered_position, last_position"
)
IDENTITIES: Final = "COPY {}.identity (" + COLUMNS + ") FROM STDIN"
KEYS: Final = "COPY {}.candidate_key (key, sketch, identity_id) FROM STDIN"
PRIMARY: Final = """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'p' AND conrelid = '{}.candidate_key'::regclass"""


class Part(NamedTuple):
    """People that are generated together."""

    people: int
    seed: int
    families: int

    def records(self) -> list[Local]:
        """Theirs, in a random order."""
        return region(self.people, self.seed, families=self.families)


class _Made(NamedTuple):
    """One identity, but for its place. ``line``: its columns from ``traits`` to ``erased``."""

    line: str
    sketch: int
    keys: Sequence[int]


def identity(place: int) -> str:
    """The id of the one at a place."""
    return str(UUID(int=place + 1))


def fill(
    connection: Connection, schema: str, identities: int, *, keyed: bool, ids: Callable[[int], str] = identity
) -> int:
    """About so many; returns how many. ``keyed``: with their keys of candidates. ``ids``: by places."""
    place = 0
    with _keys_indexed_at_the_end(connection, schema), side_by_side(os.cpu_count() or 1) as run:
        for made in run(partial(_made, keyed=keyed), parts(identities)):
            for first in range(0, len(made), PAGE):
                page = list(enumerate(made[first : first + PAGE], place))
                place += len(page)
                _copy(connection, IDENTITIES.format(schema), (_line(ids(at), at, one) for at, one in page))
                _copy(connection, KEYS.format(schema), (line for at, one in page for line in _keys(ids(at), one)))
    connection.commit()
    _tidy(connection, schema)
    return place


@contextmanager
def _keys_indexed_at_the_end(connection: Connection, schema: str) -> Iterator[None]:
    """One by one they would be put all over the index."""
    with connection.cursor() as cursor:
        cursor.execute(PRIMARY.format(schema))
        ((name, primary),) = cursor.fetchall()
        cursor.execute(f'ALTER TABLE {schema}.candidate_key DROP CONSTRAINT "{name}"')
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
        cursor.execute(f'ALTER TABLE {schema}.candidate_key ADD CONSTRAINT "{name}" {primary}')


def _tidy(connection: Connection, schema: str) -> None:
    """As autovacuum leaves tables sooner or later."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {schema}.identity, {schema}.candidate_key")
    connection.autocommit = False


def parts(identities: int) -> Iterator[Part]:
    """Of a region of about so many identities."""
    people = int(identities / RECORDS_A_PERSON)
    families = min(MOST_NAMES, max(FAMILIES, int(people * NAMES_A_PERSON)))
    for number, first in enumerate(range(0, people, PART)):
        yield Part(min(PART, people - first), 14 + number, families)


def _made(part: Part, *, keyed: bool) -> list[_Made]:
    return [_one(local, keyed) for local in part.records()]


def _one(local: Local, keyed: bool) -> _Made:
    oid, _, number = (local.ins or "").partition("|")
    traits: dict[str, str | None] = dict.fromkeys(TRAITS) | local.traits
    names = columns(traits)
    told = (_json(traits), _json(names["given_names"]), names["sort_name"], "PROV", "[]", "{}", "stated")
    line = "\t".join((*told, number or "\\N", oid or "\\N", "f"))
    if not keyed:
        return _Made(line, 0, ())
    known = record(local.traits, local.ins)
    return _Made(line, sketch(known), tuple(keys(known)))


def _copy(connection: Connection, into: str, lines: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.copy_expert(into, io.StringIO("".join(lines)))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\\", "\\\\")


def _line(ident: str, place: int, one: _Made) -> str:
    return f"{ident}\tCHB\t{place}\t1\t{one.line}\t{place}\t{place}\n"


def _keys(ident: str, one: _Made) -> Iterator[str]:
    return (f"{key}\t{one.sketch}\t{ident}\n" for key in one.keys)
