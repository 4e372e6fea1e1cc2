"""Reading events by the thousand, for rebuilds and exports: a codec whose ``read_batch`` takes half the time.

Same contract and same values as ``Codec``: whatever the compiled readers do not take as it stands (an older schema
version, damaged bytes, odd headers) is read by ``Codec`` itself, which says what is wrong.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import MAGIC, Codec, NotAnEvent
from schemas.compiled import NotCompiled, Reader, compiled
from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Schema, UnknownSchema

DAMAGED = (LookupError, ValueError, OverflowError, struct.error)  # or of a schema that is not compiled
QUOTE, BACKSLASH = b'"'[0], b"\\"


class _Known:
    """What is looked up per record: a schema, its reader, and its sealed fields with their subjects."""

    __slots__ = ("aggregate", "read", "sealed", "type")

    def __init__(self, schema: Schema, read: Reader) -> None:
        self.type = schema.type
        self.aggregate = schema.aggregate
        self.read = read
        self.sealed = tuple(schema.sealed.items())


@dataclass(frozen=True)
class BulkCodec(Codec):
    """A codec for many records at a time."""

    _known: dict[bytes, _Known] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for schema in self.registry.latest.values():
            try:
                read = compiled(schema.hot)
            except NotCompiled:
                continue  # Codec reads it
            self._known[bytes([MAGIC]) + schema.id.to_bytes(4, "big")] = _Known(schema, read)

    def read_batch(self, records: Sequence[Record]) -> list[LedgerEvent | NotAnEvent | UnknownSchema]:
        """See ``Codec.read_batch``."""
        found: list[Any] = []
        sealed: list[tuple[LedgerEvent, _Known]] = []
        odd: list[int] = []
        known = self._known
        for record in records:
            _, _, _, _, raw, headers = record
            try:
                schema = known[raw[:5]]
                (first, position), (second, version) = headers[-2:]
                data, end = schema.read(raw, raw.decode("latin-1"), 5)
                plain = end == len(raw) and first == "position" and second == "version"
                event = LedgerEvent(int(position), schema.type, data[schema.aggregate], int(version), data)
            except DAMAGED:
                plain = False
            if not plain:
                odd.append(len(found))
                found.append(None)
                continue
            found.append(event)
            if schema.sealed:
                sealed.append((event, schema))
        self.sealer.prefetch({event.data[subject] for event, schema in sealed for _, subject in schema.sealed})
        for event, schema in sealed:
            self._unseal(event, schema)
        for index, read in zip(odd, super().read_batch([records[index] for index in odd]), strict=True):
            found[index] = read
        return found

    def _unseal(self, event: LedgerEvent, schema: _Known) -> None:
        data = event.data
        for name, subject in schema.sealed:
            if (closed := data[name]) is None:
                continue
            aad = f"{event.type}|{event.aggregate_id}|{event.version}|{name}".encode()
            clear = self.sealer.unseal(data[subject], closed, aad) if closed else None
            data[name] = ERASED if clear is None else _opened(clear)


def _opened(clear: bytes) -> Any:
    if clear[0] == QUOTE and BACKSLASH not in clear:  # plain text, as most sealed fields are
        return clear[1:-1].decode()
    return json.loads(clear)
