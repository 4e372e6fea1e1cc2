"""Folds one partition for a rebuild: into memory, or, where PostgreSQL refuses a row of it, as a worker would.

Repeats of the relay (a ledger position that is not above the last) are dropped, what cannot be read or applied becomes
a dead letter and its key waits from there on, exactly as in ``store``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from psycopg2.extensions import cursor as Cursor

from projections.engine.fold import Read, fold, fold_carefully, read
from projections.engine.parked import Letter, Parked
from projections.engine.projection import Projection, RowKey
from projections.engine.rows import LiveRows, RowRefused, TableSql, tables_sql
from projections.versions.catalog import schema_of
from projections.versions.copy_out import CopyOut, Lines
from projections.versions.memory_rows import MemoryRows
from projections.versions.spill import TemporaryAttic, TemporaryTables
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record


@dataclass
class Folded:
    """A partition's outcome: rows ``beside``, in temporary tables, and encoded ``lines``, for their own tables.

    ``following``: the offset after the last record; ``ledger``: the last position.
    """

    copy: CopyOut
    beside: TemporaryTables
    lines: Lines = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    following: int = 0
    ledger: int = 0
    events: int = 0

    def write(self, cursor: Cursor) -> None:
        """Put all rows in place. Raises RowRefused: then the transaction is void."""
        self.beside.empty_into_place(cursor)
        self.copy.write(cursor, self.lines)


class _Ended(Exception):
    """The position to stop at is passed."""


def fold_part(
    projection: Projection,
    codec: Codec,
    batches: Iterable[Sequence[Record]],
    cursor: Cursor,
    most_rows: int,
    until: int | None,
    writer: Executor,
) -> Folded:
    """Fold a whole partition into memory; the cursor's transaction holds what does not fit, put there by ``writer``.

    However it ends, the writer is done with the cursor. Raises RowRefused, StoreAway.
    """
    copy = CopyOut(projection.tables, schema_of(projection))
    attic = TemporaryAttic(cursor, projection.tables, copy, writer)
    rows = MemoryRows(projection.tables, most_rows, attic)
    one = _PartFold(projection, codec, rows, until)
    folded = Folded(copy, attic)
    try:
        one.run(batches, folded)
        folded.lines = copy.lines(rows.rows())
    finally:
        attic.settle()
    return folded


class _PartFold:
    def __init__(self, projection: Projection, codec: Codec, rows: MemoryRows, until: int | None) -> None:
        self._projection = projection
        self._codec = codec
        self._rows = rows
        self._until = 2**63 - 1 if until is None else until
        self._waiting: set[Parked] = set()

    def run(self, batches: Iterable[Sequence[Record]], folded: Folded) -> None:
        for batch, read_all in self._codec.read_ahead(batches):
            events = self._events(batch, read_all)
            if self._rows.spills:
                self._prefetch(events)
            try:
                self._fold(batch, events, folded)
            except _Ended:
                return
            self._rows.tidy()

    def _fold(self, batch: Sequence[Record], events: Sequence[LedgerEvent | Exception], folded: Folded) -> None:
        apply, rows, until, ledger = self._projection.apply, self._rows, self._until, folded.ledger
        start = batch[0].offset
        try:
            for index, event in enumerate(events):
                if type(event) is not LedgerEvent or self._waiting:
                    ledger = self._odd(batch[index], event, ledger, folded)
                    continue
                if (position := event.position) <= ledger:
                    continue
                if position > until:
                    raise _Ended
                rows.mark()
                try:
                    apply(event, rows)
                except RowRefused:
                    raise
                except Exception:  # folded once more where its reason is told
                    rows.rollback_to_mark()
                    self._letter(Read(batch[index], event, position), folded)
                ledger = position
            index = len(batch)
        finally:
            folded.ledger = ledger
            folded.following = start + index
            folded.events += index

    def _odd(self, record: Record, event: LedgerEvent | Exception, ledger: int, folded: Folded) -> int:
        """A record that cannot be read, or any while keys wait."""
        one = Read(record, event, event.position) if isinstance(event, LedgerEvent) else read(self._codec, [record])[0]
        if one.position is not None:
            if one.position <= ledger:
                return ledger
            if one.position > self._until:
                raise _Ended
            ledger = one.position
        self._letter(one, folded)
        return ledger

    def _letter(self, one: Read, folded: Folded) -> None:
        for letter in fold(self._projection, [one], self._rows, self._waiting):
            self._waiting.add(letter.parked)
            folded.letters.append(letter)

    def _events(
        self, batch: Sequence[Record], read_all: Callable[[], Sequence[LedgerEvent | Exception]]
    ) -> Sequence[LedgerEvent | Exception]:
        try:
            return read_all()
        except Exception:  # one record breaks the reading of all, or the vault is away: read one by one tells
            return [one.event for one in read(self._codec, batch)]

    def _prefetch(self, events: Iterable[LedgerEvent | Exception]) -> None:
        """Bring what the batch needs back together; an event that cannot name its keys fails when it is folded."""
        keys: list[RowKey] = []
        for event in events:
            if isinstance(event, LedgerEvent):
                with suppress(Exception):
                    keys.extend(self._projection.keys(event))
        self._rows.prefetch(keys)


def fold_carefully_into(
    projection: Projection, codec: Codec, batches: Iterable[Sequence[Record]], cursor: Cursor, until: int | None
) -> Folded:
    """Fold a whole partition as a worker does, batch by batch, into temporary tables. Raises StoreAway."""
    copy = CopyOut(projection.tables, schema_of(projection))
    beside = TemporaryTables(cursor, projection.tables, copy)
    beside.make_all()
    tables = _told_as_live(projection)
    folded = Folded(copy, beside)
    waiting: set[Parked] = set()
    for batch in batches:
        reads, ended = _new(codec, batch, folded, until)
        letters = _fold_batch(projection, reads, tables, waiting, cursor)
        waiting.update(letter.parked for letter in letters)
        folded.letters += letters
        if ended:
            break
    return folded


def _told_as_live(projection: Projection) -> dict[str, TableSql]:
    """Statements on the temporary tables; their refusals name the version's tables, as a worker's do."""
    named = tables_sql(projection.tables, schema_of(projection))
    return {name: replace(sql, name=named[name].name) for name, sql in tables_sql(projection.tables, "pg_temp").items()}


def _new(codec: Codec, batch: Sequence[Record], folded: Folded, until: int | None) -> tuple[list[Read], bool]:
    """Those that are no repeats, and whether the position to stop at is passed."""
    new: list[Read] = []
    for one in read(codec, batch):
        if one.position is not None and until is not None and one.position > until:
            return new, True
        folded.following, folded.events = one.record.offset + 1, folded.events + 1
        if one.position is None or one.position > folded.ledger:
            new.append(one)
            folded.ledger = one.position or folded.ledger
    return new, False


def _fold_batch(
    projection: Projection,
    reads: Sequence[Read],
    tables: Mapping[str, TableSql],
    waiting: set[Parked],
    cursor: Cursor,
) -> list[Letter]:
    rows = LiveRows(cursor, tables)
    cursor.execute("SAVEPOINT batch")
    try:
        letters = fold(projection, reads, rows, waiting)
        rows.flush()
    except RowRefused:
        cursor.execute("ROLLBACK TO SAVEPOINT batch")
        letters = fold_carefully(projection, reads, LiveRows(cursor, tables), waiting, cursor)
    cursor.execute("RELEASE SAVEPOINT batch")
    return letters
