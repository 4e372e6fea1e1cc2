"""A codec for bulk reads (rebuilds, exports) that decodes batches in half the time of ``Codec``.

Same contract and values as ``Codec``: anything the compiled readers do not handle (an older schema version, damaged
bytes, odd headers) is read by ``Codec`` itself, which reports the error.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import orjson

from schemas.codec import MAGIC, SUBJECT, Codec, NotAnEvent, PendingBatch, unsealed
from schemas.compiled import NotCompiled, Reader, compiled
from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Registry, Schema, UnknownSchema

DAMAGED = (
    LookupError,
    ValueError,
    TypeError,
    OverflowError,
    struct.error,
)  # or empty, or a schema that is not compiled
QUOTE, BACKSLASH = b'"'[0], b"\\"


Fields = tuple[tuple[str, tuple[str, ...]], ...]
"""Sealed fields, each with the fields that name its subjects."""


class _Known(NamedTuple):
    """What is cached per schema: the schema, its reader, and its sealed fields with their subjects."""

    type: str
    aggregate: str
    read: Reader
    sealed: Fields

    @staticmethod
    def of(schema: Schema, only: Collection[str] | None) -> "_Known":
        """``only``: the fields that are used; None: all. Raises NotCompiled.

        Sealed fields are decrypted even if unused: a broken seal becomes a dead letter, as it does live.
        """
        sealed = schema.sealed
        needed = None if only is None else {*only, *sealed, *chain(*sealed.values()), schema.aggregate}
        return _Known(schema.type, schema.aggregate, compiled(schema.hot, schema.uuids, needed), tuple(sealed.items()))


class _Readers(dict[bytes, _Known]):
    """What is known of a schema by the first bytes of its records; compiled when the first of them comes.

    A view meets some ten of the ledger's types, and a process that starts need not wait for all. Raises KeyError for
    older versions of another layout, and for what is not compiled: ``Codec`` reads those.
    """

    def __init__(self, registry: Registry, reads: Mapping[str, Collection[str]]) -> None:
        super().__init__()
        alike = (registry.by_id[one] for one in registry.laid_out_alike)
        self._compilable = {bytes([MAGIC]) + one.id.to_bytes(4, "big"): one for one in alike}
        self._reads = reads

    def __missing__(self, prefix: bytes) -> _Known:
        schema = self._compilable[prefix]
        try:
            found = self[prefix] = _Known.of(schema, self._reads.get(schema.type))
        except NotCompiled as odd:
            raise KeyError(prefix) from odd
        return found


class _Begun(NamedTuple):
    """A batch decoded but not yet decrypted: ``odd`` are the records for ``Codec``, with their places in ``events``."""

    events: list[Any]
    sealed: list[tuple[LedgerEvent, Fields]]
    subjects: set[str]
    odd: list[tuple[int, Record]]


@dataclass(frozen=True)
class BulkCodec(Codec):
    """A codec for many records at a time.

    ``reads``: event type to the fields that the caller uses (``Projection.reads``): others may be missing from
    ``data``; types not named have all. ``ask``: starts fetching the keys of subjects ahead of time.
    """

    reads: Mapping[str, Collection[str]] = field(default_factory=dict, repr=False)
    ask: Callable[[Collection[str]], None] = field(default=lambda _: None, repr=False)
    _known: "_Readers" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", _Readers(self.registry, self.reads))

    def read_batch(self, records: Sequence[Record]) -> list[LedgerEvent | NotAnEvent | UnknownSchema]:
        """See ``Codec.read_batch``."""
        return self._opened_batch(self._begun(records))

    def read_ahead(self, batches: Iterable[Sequence[Record]]) -> Iterator[PendingBatch]:
        """Decode one batch ahead, so that its keys are fetched while the last one is processed."""
        last: PendingBatch | None = None
        for records in batches:
            begun = self._begun(records)
            self.ask(begun.subjects)
            if last:
                yield last
            last = PendingBatch(records, partial(self._opened_batch, begun))
        if last:
            yield last

    def _begun(self, records: Sequence[Record]) -> "_Begun":
        """Everything that needs no keys."""
        found: list[Any] = []
        sealed: list[tuple[LedgerEvent, Fields]] = []
        odd: list[int] = []
        known, make = self._known, tuple.__new__  # half the time of calling the class: this runs once per record
        for record in records:
            raw, headers = record[4:]
            try:
                kind, aggregate, read, fields = known[raw[:5]]
                (first, position), (second, version) = headers[-2:]
                data, end = read(raw, raw.decode("latin-1"), 5)
                plain = end == len(raw) and first == "position" and second == "version"
                event = make(LedgerEvent, (int(position), kind, data[aggregate], int(version), data))
            except DAMAGED:
                plain = False
            if not plain:
                odd.append(len(found))
                found.append(None)
                continue
            found.append(event)
            if fields:
                sealed.append((event, fields))
        subjects = {event.data[one] for event, fields in sealed for _, whose in fields for one in whose} - {None}
        if not all(map(SUBJECT, subjects)):  # a damaged record: Codec says which
            return _Begun([None] * len(records), [], set(), list(enumerate(records)))
        return _Begun(found, sealed, subjects, [(index, records[index]) for index in odd])

    def _opened_batch(self, begun: "_Begun") -> list[LedgerEvent | NotAnEvent | UnknownSchema]:
        self.sealer.prefetch(begun.subjects)
        self._open_many(begun.sealed)
        plainly = super().read_batch([record for _, record in begun.odd])
        for (index, _), one in zip(begun.odd, plainly, strict=True):
            begun.events[index] = one
        return begun.events

    def _open_many(self, sealed: Sequence[tuple[LedgerEvent, Fields]]) -> None:
        """Decrypt the named fields of these events, each with its subject; inlined, because it runs once per event."""
        unseal = self.sealer.unseal
        for (_, kind, aggregate, version, data), fields in sealed:
            for name, subjects in fields:
                if (closed := data[name]) is None:
                    continue
                aad, whose = f"{kind}|{aggregate}|{version}|{name}".encode(), data[subjects[0]]
                if len(subjects) > 1 or not closed or whose is None:
                    clear = unsealed(self.sealer, [data[subject] for subject in subjects], closed, aad)
                else:
                    clear = unseal(whose, closed, aad)
                if clear is None:
                    data[name] = ERASED
                elif clear[0] == QUOTE and BACKSLASH not in clear:  # plain text, like most sealed fields
                    data[name] = clear[1:-1].decode()
                else:
                    data[name] = orjson.loads(clear)
