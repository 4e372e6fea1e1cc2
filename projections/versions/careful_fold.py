"""Folds one partition for a rebuild row by row in PostgreSQL, where that refused a row that was folded in memory.

What is applied, set aside or parked is the same as in ``part_fold``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from psycopg2.extensions import cursor as Cursor

from projections.engine.fold import HIGHEST, Read, fold, fold_carefully, late_letter, read
from projections.engine.parked import Letter, Parked
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import LiveRows, RowRefused, TableSql, tables_sql
from projections.versions.copy_out import CopyOut
from projections.versions.part_fold import Folded, is_strange, strange_letter
from projections.versions.spill import TemporaryTables
from schemas.codec import Codec
from schemas.event import Record


def fold_carefully_into(
    projection: Projection,
    codec: Codec,
    batches: Iterable[Sequence[Record]],
    cursor: Cursor,
    until: int | None,
    head: int = HIGHEST,
) -> Folded:
    """Fold a whole partition as a worker does, batch by batch, into temporary tables. Raises StoreAway."""
    copy = CopyOut(projection.tables, schema_of(projection))
    beside = TemporaryTables(cursor, projection.tables, copy)
    beside.make_all()
    tables = _named_as_live(projection)
    folded = Folded(copy, beside)
    waiting: set[Parked] = set()
    for batch in batches:
        reads, ended = _new(codec, batch, folded, until, head)
        letters = _fold_batch(projection, reads, tables, waiting, cursor)
        waiting.update(letter.parked for letter in letters)
        folded.letters += letters
        if ended:
            break
    return folded


def _named_as_live(projection: Projection) -> dict[str, TableSql]:
    """Statements on the temporary tables whose errors name the version's tables, as a worker's do."""
    named = tables_sql(projection.tables, schema_of(projection))
    return {name: replace(sql, name=named[name].name) for name, sql in tables_sql(projection.tables, "pg_temp").items()}


def _new(
    codec: Codec, batch: Sequence[Record], folded: Folded, until: int | None, head: int
) -> tuple[list[Read], bool]:
    """The events that are not repeats, and whether the last position to apply has been passed."""
    new: list[Read] = []
    for one in read(codec, batch):
        strange = is_strange(one, head)
        if not strange and until is not None and one.position is not None and one.position > until:
            return new, True
        folded.following, folded.events = one.record.offset + 1, folded.events + 1
        if strange:
            folded.forged.append(strange_letter(one))
        elif one.position is None or one.position > folded.ledger:
            new.append(one)
            folded.ledger = one.position or folded.ledger
        elif head < HIGHEST:
            folded.forged.append(late_letter(one))
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
