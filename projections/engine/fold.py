"""Folds Kafka records into rows; a record that fails becomes a dead letter and parks its key."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, cast

import psycopg2
from psycopg2.extensions import cursor as Cursor

from domain.errors import SealBroken, StoreAway
from projections.engine.parked import Letter, Parked
from projections.engine.projection import Naming, Projection, RowKey, Rows, UnknownEvent
from projections.engine.rows import LiveRows, RowRefused, UnknownColumn
from schemas.codec import Codec, NotAnEvent
from schemas.event import LedgerEvent, Record
from schemas.registry import UnknownSchema

SAYS_NO_VALUE = (NotAnEvent, UnknownSchema, UnknownEvent, UnknownColumn, RowRefused, SealBroken)
"""Krypton's own errors, whose messages contain no value of an event."""

HIGHEST = 2**63 - 1
"""The highest position that an event store can give."""
MOST_DIGITS = len(str(HIGHEST))

AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""Errors that mean a server is unreachable or too busy."""


class Read(NamedTuple):
    """A record and its event, or why it cannot be read. ``position`` is None if the headers state none."""

    record: Record
    event: LedgerEvent | Exception
    position: int | None


class UnitOfWork(Rows, Protocol):
    """Rows read and written together, with a savepoint per event."""

    def prefetch(self, keys: Iterable[RowKey]) -> None:
        """Read the rows that are not cached yet, in one query per table."""

    def mark(self) -> None:
        """Set the point that ``rollback_to_mark`` returns to."""

    def rollback_to_mark(self) -> None:
        """Undo everything put, changed and deleted since the mark."""


def read(codec: Codec, records: Sequence[Record]) -> list[Read]:
    """Decode records. Raises StoreAway if the key vault cannot be reached."""
    try:
        return _read_all(codec, records)
    except AWAY as error:
        raise StoreAway(f"the key vault is away ({type(error).__name__}): try again") from None


def fold(projection: Projection, reads: Sequence[Read], rows: UnitOfWork, parked: Iterable[Parked]) -> list[Letter]:
    """Fold a batch; its changed rows stay in ``rows``. Raises RowRefused: then use ``fold_carefully``."""
    waiting = set(parked)
    letters: list[Letter] = []
    broken = _prefetch(projection, reads, rows)
    for index, read in enumerate(reads):
        if waiting and _key(read) in waiting:
            letters.append(_waits(read))
            continue
        rows.mark()
        failure = broken.get(index) or _apply(projection, read, rows)
        if failure:
            rows.rollback_to_mark()
            waiting.add(_key(read))
            letters.append(_failed(read, failure))
    return letters


def fold_carefully(
    projection: Projection, reads: Sequence[Read], rows: LiveRows, parked: Iterable[Parked], cursor: Cursor
) -> list[Letter]:
    """Fold event by event, each under its own savepoint, so that a row PostgreSQL refuses fails only its event."""
    waiting = set(parked)
    letters: list[Letter] = []
    for read in reads:
        if _key(read) in waiting:
            letters.append(_waits(read))
            continue
        rows.mark()
        cursor.execute("SAVEPOINT event")
        try:
            failure = _apply(projection, read, rows)
            if failure is None:
                rows.flush()
        except RowRefused as refusal:
            failure = refusal
        if failure:
            cursor.execute("ROLLBACK TO SAVEPOINT event")
            rows.rollback_to_mark()
            waiting.add(_key(read))
            letters.append(_failed(read, failure))
        cursor.execute("RELEASE SAVEPOINT event")
    return letters


def _prefetch(projection: Projection, reads: Sequence[Read], rows: UnitOfWork) -> dict[int, Exception]:
    """Read the rows of the batch, and those that they name; returns the events whose keys cannot be determined."""
    keys: list[RowKey] = []
    broken: dict[int, Exception] = {}
    for index, read in enumerate(reads):
        if isinstance(read.event, LedgerEvent):
            try:
                keys.extend(projection.keys(read.event))
            except Exception as failure:  # whatever the error, the event becomes a dead letter
                broken[index] = failure
    rows.prefetch(keys)
    if hasattr(projection, "named"):
        events = [read.event for index, read in enumerate(reads) if index not in broken]
        rows.prefetch(_named(cast(Naming, projection), events, rows))
    return broken


def _named(projection: Naming, events: Iterable[LedgerEvent | Exception], rows: Rows) -> list[RowKey]:
    return [key for event in events if isinstance(event, LedgerEvent) for key in projection.named(event, rows)]


def _apply(projection: Projection, read: Read, rows: UnitOfWork) -> Exception | None:
    if isinstance(read.event, Exception):
        return read.event
    try:
        projection.apply(read.event, rows)
    except (RowRefused, psycopg2.Error):
        raise  # the transaction is aborted: not a failure of this event alone
    except Exception as failure:  # whatever the error, the event becomes a dead letter
        return failure
    return None


def _read_all(codec: Codec, records: Sequence[Record]) -> list[Read]:
    try:
        found = codec.read_batch(records)
    except AWAY:
        raise
    except Exception:  # one bad record fails the whole batch: find out which
        filled = [_filled(record) for record in records]
        if filled == list(records) and len(filled) == 1:
            return [_read_one(codec, filled[0])]
        return [one for record in filled for one in _read_all(codec, [record])]
    return [checked(record, event) for record, event in zip(records, found, strict=True)]


def _read_one(codec: Codec, record: Record) -> Read:
    try:
        schema, data = codec.decode(record.value, 0, unseal=False)
        # A vault that cannot be used at all (WrongMasterKey) raises here: that is not the record's fault and stops the
        # worker. A row of the vault that does not open is told below, and costs its own person's records alone.
        codec.sealer.prefetch(codec.whose_keys(schema, data))
    except (NotAnEvent, UnknownSchema, psycopg2.DataError) as failure:
        return _unread(record, failure)
    try:
        event = codec.read(record)
    except (*AWAY, StoreAway):
        raise
    except Exception as failure:  # a tampered seal, or a bad row of the vault, for example
        return _unread(record, failure)
    return checked(record, event)


def checked(record: Record, event: LedgerEvent | Exception) -> Read:
    """A record and its event. A position that no ledger can have is none: another program wrote the record."""
    if not isinstance(event, LedgerEvent):
        return _unread(record, event)
    if not 0 < event.position <= HIGHEST:
        return Read(record, NotAnEvent("its position is not one of a ledger"), None)
    return Read(record, event, event.position)


def _filled(record: Record) -> Record:
    """Kafka allows null keys, values and headers, which Krypton never writes: treat them as empty."""
    headers = tuple((name, content or b"") for name, content in record.headers)
    return record._replace(key=record.key or b"", value=record.value or b"", headers=headers)


def _unread(record: Record, failure: Exception) -> Read:
    stated = dict(record.headers).get("position") or b""
    position = int(stated) if stated.isdigit() and len(stated) <= MOST_DIGITS else 0
    return Read(record, failure, position if 0 < position <= HIGHEST else None)


def _key(read: Read) -> Parked:
    return Parked(read.record.topic, read.record.partition, read.record.key or b"")


def _waits(read: Read) -> Letter:
    return _letter(read, "waits behind an earlier dead letter of its key")


def _failed(read: Read, failure: Exception) -> Letter:
    what = "was not applied" if isinstance(read.event, LedgerEvent) else "cannot be read"
    said = f": {failure}" if isinstance(failure, SAYS_NO_VALUE) else ""
    return _letter(read, f"{what}: {type(failure).__name__}{said}")


def forged_letter(read: Read, why: str) -> Letter:
    """The dead letter of a record that the ledger did not write."""
    return _letter(read, f"is not the ledger's: {why}")


def late_letter(read: Read) -> Letter:
    """The dead letter of an event behind a later one of its partition."""
    return _letter(read, "comes after a later event of its partition: it was sent twice, or that one before its turn")


def _letter(read: Read, what: str) -> Letter:
    event_type = read.event.type if isinstance(read.event, LedgerEvent) else None
    where = "unknown position" if read.position is None else f"position {read.position}"
    return Letter(_filled(read.record), read.position, event_type, f"{event_type or 'a record'} at {where} {what}")
