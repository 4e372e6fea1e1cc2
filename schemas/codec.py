"""Encodes and decodes events: Avro in the Confluent wire format, with personal fields encrypted per subject.

The event store and Kafka hold the same bytes. Wire format: ``0x00``, the schema id as 4 bytes big-endian, the Avro
body. Sealed fields hold the JSON of the value, encrypted by the ``Sealer`` under the subject's key and bound to
``type|aggregate id|version|field``: a sealed value moved to another event or field cannot be decrypted. Text that may
name two people is encrypted under both keys in turn: decryption needs both. If an event's older schema names fewer
subjects than the newest, the keys of the missing ones are required as well.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import chain
from math import isfinite
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from fastavro import schemaless_reader, schemaless_writer

from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Registry, Schema, UnknownSchema

MAGIC = 0
SUBJECT: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
"""Whether a text is a uuid as events have it: a vault is asked for no other's key."""
SEALED_ONCE: Final = frozenset({"professional_id"})
"""Fields that name a subject for whom one event at most is sealed: a professional is suspended once (P4)."""
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would create one at each call


class NotAnEvent(ValueError):
    """The bytes are not a valid event: what is wrong, never their content."""


class Sealer(Protocol):
    """Encrypts under one subject's key."""

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """The sealed bytes; empty if the subject's key was destroyed."""

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """The plain bytes; None if the subject's key was destroyed."""

    def holds(self, subject: str) -> bool:
        """Whether the subject's key exists."""

    def prefetch(self, subjects: Iterable[str]) -> None:
        """Fetch the keys of many subjects at once."""


class PendingBatch(NamedTuple):
    """A batch of records, and what reads it: see ``Codec.read_batch``."""

    records: Sequence[Record]
    events: Callable[[], list[LedgerEvent | NotAnEvent | UnknownSchema]]


def unsealed(sealer: Sealer, subjects: Sequence[str | None], sealed: bytes, aad: bytes) -> bytes | None:
    """Decrypt under each subject's key in turn, the last outermost; None if one of them is destroyed."""
    inner: bytes | None = sealed
    for subject in reversed(subjects):
        if not inner:
            return None  # empty: a key had been destroyed when this was sealed
        if subject is not None:
            inner = sealer.unseal(subject, inner, aad)
    return inner


@dataclass(frozen=True)
class Codec:
    """Encodes and decodes events of the registry's schemas."""

    registry: Registry
    sealer: Sealer

    def encode(self, event_type: str, body: Mapping[str, Any], *, aggregate_id: str, version: int) -> bytes:
        """One event as stored and published. ``body``: envelope and fields, sealed fields in plain text."""
        schema = self.registry.of_type(event_type)
        plain = {name: str(value) if type(value) is UUID else value for name, value in body.items()}
        plain[schema.aggregate] = aggregate_id
        for name, subjects in schema.sealed.items():
            if (value := plain.get(name)) is not None:
                aad = _aad(schema, aggregate_id, version, name)
                plain[name] = self._seal(filter(None, map(plain.get, subjects)), to_json(value).encode(), aad)
        if schema.measures and not _finite(plain):
            raise NotAnEvent(f"{event_type} holds a number that is not finite, which views cannot store")
        out = BytesIO()
        out.write(b"\0" + schema.id.to_bytes(4, "big"))
        try:
            schemaless_writer(out, schema.hot, plain)
        except (ValueError, TypeError, KeyError) as wrong:
            # The library's message quotes the value, which may be personal data: pass on only the error's kind.
            raise NotAnEvent(f"{event_type} does not fit schema {schema.name} ({type(wrong).__name__})") from None
        return out.getvalue()

    def subjects(self, event_type: str, body: Mapping[str, Any], aggregate_id: str, version: int) -> dict[str, bool]:
        """The subjects whose keys seal the event; true of each of whom it may be the first sealed event."""
        schema = self.registry.of_type(event_type)
        sealed = (subjects for name, subjects in schema.sealed.items() if body.get(name) is not None)
        found: dict[str, bool] = {}
        for name in {field for fields in sealed for field in fields}:
            is_own = name == schema.aggregate
            if (subject := aggregate_id if is_own else body.get(name)) is not None:
                found[str(subject)] = (is_own and version == 1) or name in SEALED_ONCE
        return found

    def whose_keys(self, schema: Schema, data: Mapping[str, Any]) -> set[str]:
        """The subjects whose keys are needed to decrypt all of the event. ``data``: as decoded."""
        named = chain(*self.registry.latest[schema.type].sealed.values())
        return {subject for name in named if (subject := data[name]) is not None}

    def schema_of(self, raw: bytes) -> Schema:
        """The schema the bytes were written with. Raises NotAnEvent, UnknownSchema."""
        if len(raw) < 6 or raw[0] != MAGIC:
            raise NotAnEvent("not in the Confluent wire format: the first byte is not zero")
        return self.registry.of_id(int.from_bytes(raw[1:5], "big"))

    def decode(self, raw: bytes, version: int, *, unseal: bool = True) -> tuple[Schema, dict[str, Any]]:
        """The schema and the fields as plain values; sealed ones decrypted, or kept as bytes with ``unseal=False``."""
        written = self.schema_of(raw)
        schema, alike = self.registry.latest[written.type], written.id in self.registry.laid_out_alike
        body = BytesIO(raw)
        body.seek(5)
        try:
            data: dict[str, Any] = schemaless_reader(body, written.hot, None if alike else schema.hot)
        except (ValueError, EOFError, IndexError, TypeError, UnicodeDecodeError) as wrong:
            raise NotAnEvent(f"truncated or damaged body of {written.name} ({type(wrong).__name__})") from None
        if schema.measures and not _finite(data):
            raise NotAnEvent(f"{written.name} holds a number that is not finite")
        if not all(map(SUBJECT, self.whose_keys(schema, data))):
            raise NotAnEvent(f"{written.name} names a subject by no uuid")
        if unseal:
            self._open_all(written, data, version)
        return schema, data

    def decode_all(self, stored: Sequence[tuple[bytes, int]]) -> list[tuple[Schema, dict[str, Any]]]:
        """The same of many, bytes and version each; the keys of all are fetched together."""
        found = [self.decode(raw, version, unseal=False) for raw, version in stored]
        self.sealer.prefetch({subject for schema, data in found for subject in self.whose_keys(schema, data)})
        for (raw, version), (_, data) in zip(stored, found, strict=True):
            self._open_all(self.schema_of(raw), data, version)
        return found

    def read(self, record: Record) -> LedgerEvent:
        """A Kafka record as a ledger event. Raises NotAnEvent, UnknownSchema."""
        return self._opened(self._sealed_event(record))

    def read_batch(self, records: Sequence[Record]) -> list[LedgerEvent | NotAnEvent | UnknownSchema]:
        """Read many records in order, fetching their keys together. A record that cannot be read gives its error."""
        found: list[tuple[Schema, LedgerEvent] | NotAnEvent | UnknownSchema] = []
        for record in records:
            try:
                found.append(self._sealed_event(record))
            except (NotAnEvent, UnknownSchema) as wrong:
                found.append(wrong)
        read = [f for f in found if isinstance(f, tuple)]
        self.sealer.prefetch({subject for written, event in read for subject in self.whose_keys(written, event.data)})
        return [self._opened(f) if isinstance(f, tuple) else f for f in found]

    def read_ahead(self, batches: Iterable[Sequence[Record]]) -> Iterator["PendingBatch"]:
        """Each batch, to be read in its turn."""
        return (PendingBatch(records, partial(self.read_batch, records)) for records in batches)

    def _sealed_event(self, record: Record) -> tuple[Schema, LedgerEvent]:
        headers = dict(record.headers)
        try:
            position, version = int(headers["position"]), int(headers["version"])
        except (KeyError, ValueError, TypeError):
            raise NotAnEvent("headers 'position' and 'version' are missing or not numbers") from None
        if record.value is None:  # Kafka allows it, whatever the type says
            raise NotAnEvent("the record has no value")
        schema, data = self.decode(record.value, version, unseal=False)
        event = LedgerEvent(position, schema.type, data[schema.aggregate], version, data)
        return self.schema_of(record.value), event

    def _opened(self, found: tuple[Schema, LedgerEvent]) -> LedgerEvent:
        written, event = found
        self._open_all(written, event.data, event.version)
        return event

    def _open_all(self, written: Schema, data: dict[str, Any], version: int) -> None:
        for name, subjects in self.registry.latest[written.type].sealed.items():
            if (sealed := data[name]) is None:
                continue
            under = written.sealed.get(name, subjects)
            aad = _aad(written, data[written.aggregate], version, name)
            clear = unsealed(self.sealer, [data[subject] for subject in under], sealed, aad)
            others = (data[subject] for subject in subjects if subject not in under)
            gone = any(other is not None and not self.sealer.holds(other) for other in others)
            data[name] = ERASED if clear is None or gone else json.loads(clear)

    def _seal(self, subjects: Iterable[str], clear: bytes, aad: bytes) -> bytes:
        """Encrypt under each subject's key in turn; empty if one of them is destroyed."""
        for subject in subjects:
            if not (clear := self.sealer.seal(subject, clear, aad)):
                break
        return clear


def _finite(value: Any) -> bool:
    """Whether all numbers in the value are finite. Infinity and NaN are no measurement and no JSON."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return all(map(_finite, value)) if isinstance(value, list) else True


def _aad(schema: Schema, aggregate_id: str, version: int, field: str) -> bytes:
    return f"{schema.type}|{aggregate_id}|{version}|{field}".encode()
