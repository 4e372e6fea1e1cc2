"""Builds a version of a view from Kafka, next to the live one: folds partitions in memory, then loads with COPY.

It uses the same ``apply`` as the live engine and so gives the same rows. A partition's rows, dead letters and journal
row are one transaction; keys, indexes, statistics, positions and the state ``ready`` are the last one. Whenever it is
killed, what was written is consistent: the next start resumes with the remaining partitions, or starts over if code,
rules or end changed. Readers and the live version's worker are not affected.

Memory: what ``Bounds`` lets one process keep. Further rows of the partition being folded spill to temporary tables.
"""

import gc
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from domain.errors import RuleBroken
from postgres.session import connect
from projections.engine import parked
from projections.engine.ddl import if_absent
from projections.engine.fold import HIGHEST
from projections.engine.positions import Partition
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import RowRefused, quoted
from projections.versions import bare_tables, build_log, catalog
from projections.versions.bounds import USUAL
from projections.versions.build_log import Build, Part
from projections.versions.careful_fold import fold_carefully_into
from projections.versions.catalog import ASIDE, BUILDING
from projections.versions.code_digest import code_digest
from projections.versions.masking import mask_owned
from projections.versions.part_fold import Folded, fold_part
from projections.versions.seeding import insert_seeds
from projections.versions.switches import last_switched
from schemas.codec import Codec
from schemas.event import Record

Batches = Callable[[Part], Iterable[Sequence[Record]]]
"""The records of a partition, in order, in lists."""

READY = """UPDATE views.view_version SET state = 'ready', built_at = now()
WHERE view = %s AND version = %s AND state = 'building'"""
REGISTER = """INSERT INTO views.view_version (view, version, state, topics, rules, code, until) VALUES (%s, %s, %s,
to_jsonb(%s::text[]), %s::jsonb, %s, %s)"""

SESSION = "SET synchronous_commit = off; SET jit = off; SET temp_buffers = '64MB'"
# A partition whose commit is lost in a server crash is simply not done; the last transaction is durable.


class NotBuilding(RuleBroken):
    """The version exists and is not being built: it is live, ready or retired."""

    rule = "V1"


def next_version(connection: Connection, view: str, at_least: int, *, aside: bool = False) -> int:
    """The version to build: the one still in state ``building``, else a new number.

    ``aside``: always a new one. The number of a dropped version is not reused: the ledger names it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT version, state FROM views.view_version WHERE view = %s ORDER BY version", (view,))
        versions = list(cursor)
    for version, state in versions:
        if state == BUILDING and not aside:
            return int(version)
    return 1 + max([at_least - 1, last_switched(connection, view), *(int(version) for version, _ in versions)])


def made_of(projection: Projection, until: int | None) -> str:
    """Digest of what a build is made of: the code that determines its rows, its rules and its end. Hexadecimal."""
    told = f"until {until}\n{sorted(projection.rules.items())}\n{code_digest(projection)}"
    return hashlib.sha256(told.encode()).hexdigest()


def begin(
    url: str, projection: Projection, ends: Mapping[Partition, int], *, until: int | None = None, aside: bool = False
) -> Build:
    """Start or resume a build. ``ends``: the end offset of each partition of the view's topics.

    ``until``: the last ledger position to apply; None: all. A build with other code, rules or end starts over.
    ``aside``: for comparison only. Raises NotBuilding.
    """
    state = ASIDE if aside else BUILDING
    token, digest, view = secrets.token_hex(16), made_of(projection, until), (projection.name, projection.version)
    with closing(connect(url, "rebuild")) as connection, connection, connection.cursor() as cursor:
        cursor.execute(catalog.LOCK)
        _log_tables(cursor)
        cursor.execute("SELECT state FROM views.view_version WHERE view = %s AND version = %s", view)
        found = cursor.fetchone()
        if found and found[0] != state:
            raise NotBuilding(f"{view[0]} v{view[1]} is {found[0]}: drop it first, or build another version")
        if not build_log.take_over(cursor, *view, token, digest):
            _discard(cursor, projection)
            bare_tables.make(cursor, projection)
            insert_seeds(cursor, projection, schema_of(projection))
            rules = json.dumps(dict(projection.rules))
            told = (list(projection.topics), rules, code_digest(projection), until)
            cursor.execute(REGISTER, (*view, state, *told))
            build_log.begin(cursor, *view, token, digest, ends)
        return build_log.read(cursor, *view, token)


@dataclass(frozen=True)
class Builder:
    """Builds partitions of one version in one process. ``batches`` gives a partition's records, repeatedly if asked.

    ``most_rows``, ``away_bytes``: see ``Bounds``. ``until``: the last ledger position to apply; None: all.
    ``head``: the ledger's last position; a later one is forged. ``advance`` is called with the
    number of events folded since its last call; ``written`` with each partition whose rows are written.
    """

    url: str
    projection: Projection
    codec: Codec
    started: Build
    batches: Batches
    most_rows: int = USUAL.rows
    away_bytes: int = USUAL.away_bytes
    until: int | None = None
    head: int = HIGHEST
    advance: Callable[[int], None] = lambda _: None
    written: Callable[[Part], None] = lambda _: None

    def build(self, parts: Iterable[Part]) -> None:
        """Build these partitions in turn; one is written while the next is folded. Finished partitions are kept.

        Raises BuilderReplaced, OffsetGap, StoreAway.
        """
        with _without_gc(), ThreadPoolExecutor(1, thread_name_prefix="copy") as writer:
            under_way: tuple[Part, Future[None]] | None = None
            for part in parts:
                connection = self._session()
                folded = self._folded(part, connection, writer)
                self._settle(under_way)
                under_way = part, writer.submit(self._write, connection, part, folded)
            self._settle(under_way)

    def _folded(self, part: Part, connection: Connection, writer: Executor) -> Folded:
        batches = _told(self.batches(part), self.advance)
        try:
            with connection.cursor() as cursor:
                kept = self.most_rows, self.away_bytes
                return fold_part(self.projection, self.codec, batches, cursor, kept, self.until, writer, self.head)
        except RowRefused:
            connection.rollback()
            return self._folded_carefully(part, connection)
        except BaseException:
            connection.close()
            raise

    def _folded_carefully(self, part: Part, connection: Connection) -> Folded:
        """Fold again as a worker does: slower, but a row that PostgreSQL refuses fails only its event."""
        with connection.cursor() as cursor:
            return fold_carefully_into(self.projection, self.codec, self.batches(part), cursor, self.until, self.head)

    def _settle(self, under_way: tuple[Part, Future[None]] | None) -> None:
        """Wait until a partition is written; fold it carefully if PostgreSQL refused a row."""
        if under_way is None:
            return
        part, written = under_way
        try:
            written.result()
        except RowRefused:
            connection = self._session()
            self._write(connection, part, self._folded_carefully(part, connection))
        self.written(part)

    def _write(self, connection: Connection, part: Part, folded: Folded) -> None:
        with closing(connection), connection, connection.cursor() as cursor:
            folded.write(cursor)
            if folded.letters:
                parked.store(cursor, self.started.view, self.started.version, folded.letters)
            if folded.forged:
                parked.store_forged(cursor, self.started.view, self.started.version, folded.forged)
            build_log.done(cursor, self.started, part, folded.following, folded.ledger, folded.events)

    def _session(self) -> Connection:
        connection = connect(self.url, f"rebuild {self.started.view}")
        with connection, connection.cursor() as cursor:
            cursor.execute(SESSION)
        return connection


def built_events(url: str, started: Build) -> int:
    """How many events the version contains so far; call before ``finish``, which deletes the journal."""
    with closing(connect(url, "rebuild")) as connection, connection, connection.cursor() as cursor:
        return build_log.read(cursor, started.view, started.version, started.token).resumed


def finish(url: str, projection: Projection, started: Build, erased: Sequence[str] = ()) -> None:
    """Make the version ready: keys, indexes, statistics and positions, in one transaction.

    A temporary version (``aside``) keeps its state. ``erased``: of whose studies it shows no text either that is sealed
    under somebody else's key. Raises BuilderReplaced, PartsLeft.
    """
    with closing(connect(url, "rebuild")) as connection, connection, connection.cursor() as cursor:
        build_log.hold(cursor, started)
        bare_tables.complete(cursor, projection)
        mask_owned(cursor, projection, erased)
        build_log.move_positions(cursor, started)
        cursor.execute(READY, (started.view, started.version))


def _told(batches: Iterable[Sequence[Record]], advance: Callable[[int], None]) -> Iterator[Sequence[Record]]:
    for batch in batches:
        yield batch
        advance(len(batch))


def _log_tables(cursor: Cursor) -> None:
    for table in build_log.METADATA.sorted_tables:
        cursor.execute(if_absent(table))


def _discard(cursor: Cursor, projection: Projection) -> None:
    """Remove the remains of a build with other code, rules or end."""
    cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(schema_of(projection))} CASCADE")
    view = projection.name, projection.version
    build_log.forget(cursor, *view)
    for table in ("view_version", "position", "dead_letter", "parked_key"):
        cursor.execute(f"DELETE FROM views.{table} WHERE view = %s AND version = %s", view)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Rows have no reference cycles, and there are hundreds of thousands: the garbage collector would scan them
    repeatedly.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
