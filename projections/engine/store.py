"""Writes one version of a view: rows, positions and dead letters in one PostgreSQL transaction per batch.

Delivery: a record takes effect exactly once. The Kafka offset shows whether it was already read, the ledger position
whether the relay published it twice. A worker that lost its partition finds the position moved and writes nothing.
A record that the ledger did not write becomes a dead letter: it is not applied, and moves no ledger position. So does
one whose ledger position is not above that of the record before it: it was sent twice, or that one before its turn.
"""

from collections.abc import Callable, Mapping, Sequence

from psycopg2.extensions import cursor as Cursor

from domain.errors import OffsetGap
from projections.engine import parked, positions
from projections.engine.fold import Read, fold, fold_carefully, forged_letter, late_letter, read
from projections.engine.parked import DeadLetter
from projections.engine.positions import Move, Partition, Position
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import LiveRows, RowRefused, tables_sql
from projections.engine.session import Session
from schemas.codec import Codec
from schemas.event import Record

START = Position(next=0, ledger=0)
Check = Callable[[Cursor, Sequence[Read]], Mapping[int, str]]
"""Which of these records, by index, the ledger did not write, and why (``adapters.eventstore.genuine``)."""


class ViewStore:
    """``streams.processor.view.View`` on PostgreSQL. ``catalog.create`` has already made the view's tables."""

    def __init__(
        self, projection: Projection, codec: Codec, url: str, check: Check | None = None, *, in_turn: bool = True
    ) -> None:
        """``check``: tells which records the ledger did not write; None: all are trusted, and repeats are dropped.

        ``in_turn``: events count only in ledger order; else each does whenever it comes, and again if it is repeated.
        """
        self.name = projection.name
        self.version = projection.version
        self.topics = projection.topics
        self._projection = projection
        self._codec = codec
        self._check = check
        self._in_turn = in_turn
        self._tables = tables_sql(projection.tables, schema_of(projection))
        self._session = Session(url, f"view {self.name} v{self.version}", self._forget)
        self._known: dict[Partition, Position] | None = None

    def positions(self) -> Mapping[Partition, int]:
        """See ``View``. ``apply`` continues from these: call it on every assignment."""
        with self._session.lock:
            return {partition: at.next for partition, at in self._ask().items()}

    def apply(self, batch: Sequence[Record]) -> int:
        """See ``View``. After PartitionLost it refuses every batch until ``positions`` is called again."""
        with self._session.lock:
            return self._apply(batch, self._ask() if self._known is None else self._known)

    def unpublished(self, limit: int) -> Sequence[DeadLetter]:
        """See ``View``. Raises StoreAway."""
        where = "view = %s AND version = %s AND published_at IS NULL ORDER BY id LIMIT %s"
        with self._session.transaction() as cursor:
            return parked.select(cursor, where, self.name, self.version, limit)

    def published(self, ids: Sequence[int]) -> None:
        """See ``View``. Raises StoreAway."""
        with self._session.transaction() as cursor:
            cursor.execute("UPDATE views.dead_letter SET published_at = now() WHERE id = ANY(%s)", (list(ids),))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self) -> dict[Partition, Position]:
        with self._session.transaction() as cursor:
            self._known = positions.read(cursor, self.name, self.version)
            return self._known

    def _apply(self, batch: Sequence[Record], known: dict[Partition, Position]) -> int:
        heads, fresh = self._fresh(batch, known)
        if not fresh:
            return 0
        reads = read(self._codec, fresh)
        try:
            moves, applied = self._write(known, heads, reads, careful=False)
        except RowRefused:
            moves, applied = self._write(known, heads, reads, careful=True)
        known.update({partition: move.after for partition, move in moves.items()})
        return applied

    def _forget(self) -> None:
        """The outcome of a transaction is unknown: read the positions again before continuing."""
        self._known = None

    def _fresh(
        self, batch: Sequence[Record], known: Mapping[Partition, Position]
    ) -> tuple[dict[Partition, int], list[Record]]:
        """The records not read before, and the offset after them, by partition. Raises OffsetGap."""
        heads: dict[Partition, int] = {}
        fresh: list[Record] = []
        for record in batch:
            partition = (record.topic, record.partition)
            if (expected := heads.get(partition)) is None:
                expected = known.get(partition, START).next
            if record.offset > expected:
                raise OffsetGap(
                    f"{self.name} v{self.version}: {record.topic}/{record.partition} jumps from offset {expected} to "
                    f"{record.offset}: records were lost, or somebody's transaction ended there: "
                    f"run krypton recover {record.topic}"
                )
            if record.offset == expected:
                heads[partition] = expected + 1
                fresh.append(record)
        return heads, fresh

    def _write(
        self,
        known: Mapping[Partition, Position],
        heads: Mapping[Partition, int],
        reads: Sequence[Read],
        *,
        careful: bool,
    ) -> tuple[Mapping[Partition, Move], int]:
        """Apply what is new; returns the moves, and how many events were new."""
        with self._session.transaction() as cursor:
            forged = self._check(cursor, reads) if self._check else {}
            moves, new, late = _moves(known, heads, [one for at, one in enumerate(reads) if at not in forged])
            if not self._in_turn:
                new, late = [*late, *new], []
            positions.move(cursor, self.name, self.version, moves)  # it locks the partitions or stops this worker
            letters = [forged_letter(reads[at], why) for at, why in forged.items()]
            if self._check:
                letters += map(late_letter, late)
            if letters:
                parked.store_forged(cursor, self.name, self.version, letters)
            if new:
                self._fold(cursor, new, careful)
        return moves, len(new)

    def _fold(self, cursor: Cursor, new: Sequence[Read], careful: bool) -> None:
        waiting = parked.parked_among(cursor, self.name, self.version, (r.record for r in new))
        rows = LiveRows(cursor, self._tables)
        if careful:
            letters = fold_carefully(self._projection, new, rows, waiting, cursor)
        else:
            letters = fold(self._projection, new, rows, waiting)
            rows.flush()
        if letters:
            parked.store(cursor, self.name, self.version, letters)


def _moves(
    known: Mapping[Partition, Position], heads: Mapping[Partition, int], reads: Sequence[Read]
) -> tuple[dict[Partition, Move], list[Read], list[Read]]:
    """Each partition's move, the new events, and those behind a later one: positions only grow in a partition."""
    ledger = {partition: known.get(partition, START).ledger for partition in heads}
    new: list[Read] = []
    late: list[Read] = []
    for one in reads:
        partition = (one.record.topic, one.record.partition)
        if one.position is None:
            new.append(one)
        elif one.position > ledger[partition]:
            ledger[partition] = one.position
            new.append(one)
        else:
            late.append(one)
    moves = {
        partition: Move(known.get(partition), Position(following, ledger[partition]))
        for partition, following in heads.items()
    }
    return moves, new, late
