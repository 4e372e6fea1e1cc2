"""Events to bytes and back: Avro in the Confluent wire format, the same bytes in the event store and on Kafka.

Wire format: ``0x00``, the schema id as 4 bytes big-endian, the Avro body. Sealed fields hold the JSON of the value,
encrypted by the ``Sealer`` under the subject's key, bound to ``type|aggregate id|version|field``: a sealed value
moved to another event, or another field, does not open.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from fastavro import schemaless_reader, schemaless_writer

from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Registry, Schema, UnknownSchema

MAGIC = 0
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps makes one at each call


class NotAnEvent(ValueError):
    """The bytes are not an event of ours: what is wrong with them, never what they hold."""


class Sealer(Protocol):
    """Encrypts under one subject's key."""

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """The sealed bytes; empty when the subject's key was destroyed."""

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """The plain bytes; None when the subject's key was destroyed."""

    def prefetch(self, subjects: Iterable[str]) -> None:
        """Fetch the keys of many subjects in one go."""


class Reading(NamedTuple):
    """A batch of records, and what reads it: see ``Codec.read_batch``."""

    records: Sequence[Record]
    events: Callable[[], list[LedgerEvent | NotAnEvent | UnknownSchema]]


@dataclass(frozen=True)
class Codec:
    """Encodes and decodes events of the registry's schemas."""

    registry: Registry
    sealer: Sealer

    def encode(self, event_type: str, body: Mapping[str, Any], *, aggregate_id: str, version: int) -> bytes:
        """One event as stored and published. ``body``: the envelope and the event's fields, sealed fields in clear."""
        schema = self.registry.of_type(event_type)
        plain = {name: str(value) if type(value) is UUID else value for name, value in body.items()}
        plain[schema.aggregate] = aggregate_id
        for name, subject in schema.sealed.items():
            if (value := plain.get(name)) is not None:
                clear = to_json(value).encode()
                plain[name] = self.sealer.seal(plain[subject], clear, _aad(schema, aggregate_id, version, name))
        out = BytesIO()
        out.write(b"\0" + schema.id.to_bytes(4, "big"))
        try:
            schemaless_writer(out, schema.hot, plain)
        except (ValueError, TypeError, KeyError) as wrong:
            # The message of the library quotes the value: it may name a person, so only its kind is passed on.
            raise NotAnEvent(f"{event_type} does not fit schema {schema.name} ({type(wrong).__name__})") from None
        return out.getvalue()

    def subjects(self, event_type: str, body: Mapping[str, Any], aggregate_id: str) -> set[str]:
        """Whose keys seal the event."""
        schema = self.registry.of_type(event_type)
        fields = {subject for name, subject in schema.sealed.items() if body.get(name) is not None}
        return {aggregate_id if field == schema.aggregate else str(body[field]) for field in fields}

    def schema_of(self, raw: bytes) -> Schema:
        """The schema the bytes were written with. Raises NotAnEvent, UnknownSchema."""
        if len(raw) < 6 or raw[0] != MAGIC:
            raise NotAnEvent("not in the Confluent wire format: the first byte is not zero")
        return self.registry.of_id(int.from_bytes(raw[1:5], "big"))

    def decode(self, raw: bytes, version: int, *, unseal: bool = True) -> tuple[Schema, dict[str, Any]]:
        """The schema and the fields as plain values; sealed ones opened, or left as bytes with ``unseal=False``."""
        written = self.schema_of(raw)
        schema = self.registry.latest[written.type]
        body = BytesIO(raw)
        body.seek(5)
        try:
            data: dict[str, Any] = schemaless_reader(body, written.hot, None if schema is written else schema.hot)
        except (ValueError, EOFError, IndexError, TypeError, UnicodeDecodeError) as wrong:
            raise NotAnEvent(f"cut or damaged body of {written.name} ({type(wrong).__name__})") from None
        if unseal:
            for name, subject in schema.sealed.items():
                if (sealed := data[name]) is not None:
                    data[name] = self._open(sealed, data[subject], _aad(schema, data[schema.aggregate], version, name))
        return schema, data

    def read(self, record: Record) -> LedgerEvent:
        """A Kafka record as a ledger event. Raises NotAnEvent, UnknownSchema."""
        return self._opened(self._sealed_event(record))

    def read_batch(self, records: Sequence[Record]) -> list[LedgerEvent | NotAnEvent | UnknownSchema]:
        """Many records, in order; the keys they need are fetched together. What cannot be read stands as its error."""
        found: list[tuple[Schema, LedgerEvent] | NotAnEvent | UnknownSchema] = []
        for record in records:
            try:
                found.append(self._sealed_event(record))
            except (NotAnEvent, UnknownSchema) as wrong:
                found.append(wrong)
        self.sealer.prefetch(
            {e.data[subject] for s, e in (f for f in found if isinstance(f, tuple)) for subject in s.sealed.values()}
        )
        return [self._opened(f) if isinstance(f, tuple) else f for f in found]

    def read_ahead(self, batches: Iterable[Sequence[Record]]) -> Iterator["Reading"]:
        """Each batch, to be read when it is its turn."""
        return (Reading(records, partial(self.read_batch, records)) for records in batches)

    def _sealed_event(self, record: Record) -> tuple[Schema, LedgerEvent]:
        headers = dict(record.headers)
        try:
            position, version = int(headers["position"]), int(headers["version"])
        except (KeyError, ValueError):
            raise NotAnEvent("headers 'position' and 'version' are missing or not numbers") from None
        schema, data = self.decode(record.value, version, unseal=False)
        return schema, LedgerEvent(position, schema.type, data[schema.aggregate], version, data)

    def _opened(self, found: tuple[Schema, LedgerEvent]) -> LedgerEvent:
        schema, event = found
        if schema.sealed:
            self._open_all(schema, event.data, event.version)
        return event

    def _open_all(self, schema: Schema, data: dict[str, Any], version: int) -> None:
        for name, subject in schema.sealed.items():
            if (sealed := data[name]) is not None:
                data[name] = self._open(sealed, data[subject], _aad(schema, data[schema.aggregate], version, name))

    def _open(self, sealed: bytes, subject: str, aad: bytes) -> Any:
        clear = self.sealer.unseal(subject, sealed, aad) if sealed else None
        return ERASED if clear is None else json.loads(clear)


def _aad(schema: Schema, aggregate_id: str, version: int, field: str) -> bytes:
    return f"{schema.type}|{aggregate_id}|{version}|{field}".encode()
