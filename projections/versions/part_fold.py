"""Folds one partition for a rebuild, in memory.

An event whose ledger position is not above the last is not applied: it was sent twice, or the one before it came too
early. A record above the ledger's head, or without a position, was not written by the relay. Both are set aside as
forged where the head is known, and move nothing. A record that cannot be read or applied becomes a dead letter and
parks its key, exactly as in ``store``.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field

from psycopg2.extensions import cursor as Cursor

from projections.engine.fold import HIGHEST, Read, checked, fold, forged_letter, late_letter, read
from projections.engine.parked import Letter, Parked
from projections.engine.projection import Projection, RowKey, schema_of
from projections.engine.rows import RowRefused
from projections.engine.shape import shapes_of
from projections.versions.copy_out import CopyOut, Lines
from projections.versions.memory_rows import MemoryRows
from projections.versions.spill import TemporarySpill, TemporaryTables
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record


@dataclass
class Folded:
    """A partition's result: rows ``beside`` in temporary tables, and encoded ``lines`` for the version's tables.

    ``following``: the offset after the last record; ``ledger``: the last position.
    """

    copy: CopyOut
    beside: TemporaryTables
    lines: Lines = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    forged: list[Letter] = field(default_factory=list)
    following: int = 0
    ledger: int = 0
    events: int = 0

    def write(self, cursor: Cursor) -> None:
        """Write all rows into the version's tables. Raises RowRefused: then the transaction is aborted."""
        self.beside.empty_into_place(cursor)
        self.copy.write(cursor, self.lines)


class _Ended(Exception):
    """The last position to apply has been passed."""


def fold_part(
    projection: Projection,
    codec: Codec,
    batches: Iterable[Sequence[Record]],
    cursor: Cursor,
    kept: tuple[int, int],
    until: int | None,
    writer: Executor,
    head: int = HIGHEST,
) -> Folded:
    """Fold a whole partition in memory; ``writer`` spills what does not fit into the cursor's transaction.

    ``kept``: how many rows are held in memory, and the bytes of ``Away`` for each table. ``head``: the ledger's last
    position.

    When it returns or raises, the writer has finished with the cursor. Raises RowRefused, StoreAway.
    """
    copy = CopyOut(projection.tables, schema_of(projection))
    spill = TemporarySpill(cursor, projection.tables, copy, writer)
    most_rows, away_bytes = kept
    rows = MemoryRows(shapes_of(projection.tables), most_rows, spill, away_bytes)
    one = _PartFold(projection, codec, rows, until, head)
    folded = Folded(copy, spill)
    try:
        one.run(batches, folded)
        folded.lines = copy.lines(rows.rows())
    finally:
        spill.settle()
    return folded


class _PartFold:
    def __init__(self, projection: Projection, codec: Codec, rows: MemoryRows, until: int | None, head: int) -> None:
        self._projection = projection
        self._codec = codec
        self._rows = rows
        self._until = 2**63 - 1 if until is None else until
        self._head = head
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
        head = self._head
        start = batch[0].offset
        try:
            for index, event in enumerate(events):
                if type(event) is not LedgerEvent or self._waiting or not 0 < event.position <= head:
                    ledger = self._odd(batch[index], event, ledger, folded)
                    continue
                if (position := event.position) <= ledger:
                    self._late(Read(batch[index], event, position), folded)
                    continue
                if position > until:
                    raise _Ended
                rows.mark()
                try:
                    apply(event, rows)
                except RowRefused:
                    raise
                except Exception:  # folded again where its reason is recorded
                    rows.rollback_to_mark()
                    self._letter(Read(batch[index], event, position), folded)
                ledger = position
            index = len(batch)
        finally:
            folded.ledger = ledger
            folded.following = start + index
            folded.events += index

    def _odd(self, record: Record, event: LedgerEvent | Exception, ledger: int, folded: Folded) -> int:
        """Handle a record that cannot be read or states an odd position, or any record while keys are parked."""
        one = checked(record, event) if isinstance(event, LedgerEvent) else read(self._codec, [record])[0]
        if is_strange(one, self._head):
            folded.forged.append(strange_letter(one))
            return ledger
        if one.position is not None:
            if one.position <= ledger:
                self._late(one, folded)
                return ledger
            if one.position > self._until:
                raise _Ended
            ledger = one.position
        self._letter(one, folded)
        return ledger

    def _late(self, one: Read, folded: Folded) -> None:
        if self._head < HIGHEST:
            folded.forged.append(late_letter(one))

    def _letter(self, one: Read, folded: Folded) -> None:
        for letter in fold(self._projection, [one], self._rows, self._waiting):
            self._waiting.add(letter.parked)
            folded.letters.append(letter)

    def _events(
        self, batch: Sequence[Record], read_all: Callable[[], Sequence[LedgerEvent | Exception]]
    ) -> Sequence[LedgerEvent | Exception]:
        try:
            return read_all()
        except Exception:  # one bad record fails the batch, or the vault is away: read one by one to find out
            return [one.event for one in read(self._codec, batch)]

    def _prefetch(self, events: Iterable[LedgerEvent | Exception]) -> None:
        """Load the rows of the batch together; an event whose keys cannot be determined fails when folded."""
        keys: list[RowKey] = []
        for event in events:
            if isinstance(event, LedgerEvent):
                with suppress(Exception):
                    keys.extend(self._projection.keys(event))
        self._rows.prefetch(keys)


def is_strange(one: Read, head: int) -> bool:
    """Whether the relay did not write a record; only where the ledger's head is known."""
    return head < HIGHEST if one.position is None else one.position > head


def strange_letter(one: Read) -> Letter:
    """The dead letter of a record that the relay did not write."""
    place = "it states no position of the ledger" if one.position is None else "it is above the ledger's head"
    return forged_letter(one, place)
