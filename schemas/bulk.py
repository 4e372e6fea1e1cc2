"""Reading events by the thousand, for rebuilds and exports: a codec whose ``read_batch`` takes half the time.

Same contract and same values as ``Codec``: whatever the compiled readers do not take as it stands (an older schema
version, damaged bytes, odd headers) is read by ``Codec`` itself, which says what is wrong.
"""

import json
import struct
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from schemas.codec import MAGIC, Codec, NotAnEvent, unsealed
from schemas.compiled import NotCompiled, Reader, compiled
from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Schema, UnknownSchema

DAMAGED = (LookupError, ValueError, OverflowError, struct.error)  # or of a schema that is not compiled
QUOTE, BACKSLASH = b'"'[0], b"\\"


class _Known(NamedTuple):
    """What is looked up per record: a schema, its reader, and its sealed fields with their subjects."""

    type: str
    aggregate: str
    read: Reader
    sealed: tuple[tuple[str, tuple[str, ...]], ...]

    @staticmethod
    def of(schema: Schema, only: Collection[str] | None) -> "_Known":
        """``only``: the fields that somebody reads; None: all. Raises NotCompiled."""
        sealed = {name: subjects for name, subjects in schema.sealed.items() if only is None or name in only}
        needed = None if only is None else {*only, *chain(*sealed.values()), schema.aggregate}
        return _Known(schema.type, schema.aggregate, compiled(schema.hot, schema.uuids, needed), tuple(sealed.items()))


@dataclass(frozen=True)
class BulkCodec(Codec):
    """A codec for many records at a time.

    ``reads``: event type to the fields that whoever reads looks at (``Projection.reads``): the others may be missing
    from ``data``. Types that are not named have all.
    """

    reads: Mapping[str, Collection[str]] = field(default_factory=dict, repr=False)
    _known: dict[bytes, _Known] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for schema in self.registry.latest.values():
            with suppress(NotCompiled):  # Codec reads it
                prefix = bytes([MAGIC]) + schema.id.to_bytes(4, "big")
                self._known[prefix] = _Known.of(schema, self.reads.get(schema.type))

    def read_batch(self, records: Sequence[Record]) -> list[LedgerEvent | NotAnEvent | UnknownSchema]:
        """See ``Codec.read_batch``."""
        found: list[Any] = []
        sealed: list[tuple[LedgerEvent, tuple[tuple[str, tuple[str, ...]], ...]]] = []
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
        keys = {event.data[one] for event, fields in sealed for _, whose in fields for one in whose} - {None}
        self.sealer.prefetch(keys)
        for event, fields in sealed:
            self._unseal(event, fields)
        for index, plainly in zip(odd, super().read_batch([records[index] for index in odd]), strict=True):
            found[index] = plainly
        return found

    def _unseal(self, event: LedgerEvent, fields: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
        _, kind, aggregate, version, data = event
        for name, subjects in fields:
            if (closed := data[name]) is None:
                continue
            aad = f"{kind}|{aggregate}|{version}|{name}".encode()
            clear = unsealed(self.sealer, [data[subject] for subject in subjects], closed, aad)
            data[name] = ERASED if clear is None else _opened(clear)


def _opened(clear: bytes) -> Any:
    if clear[0] == QUOTE and BACKSLASH not in clear:  # plain text, as most sealed fields are
        return clear[1:-1].decode()
    return json.loads(clear)
