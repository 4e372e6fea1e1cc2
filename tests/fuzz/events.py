"""Avro bytes of events: each is read alike by both readers, or refused with a declared error and in little memory."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final

from domain.errors import SealBroken
from schemas.bulk import BulkCodec
from schemas.codec import Codec, NotAnEvent
from schemas.event import LedgerEvent, Record
from schemas.registry import UnknownSchema, registry
from tests.fakes.avro import sample_body
from tests.fuzz.frame import Wrong
from tests.fuzz.mutate import havoc
from tests.samples import VERSION, FixedVault

PREFIX: Final = 5  # bytes before the Avro body
HUGE: Final = (2**62, 2**63 - 1, -(2**63), 2**40, 2**31, 2**31 - 1, 10**7, -1, -2, -(2**40), 0, 1, 63, 64, 8191)
DECLARED: Final = (NotAnEvent, UnknownSchema, SealBroken)


class Events:
    """See the module."""

    name = "events"

    def __init__(self) -> None:
        vault = FixedVault()
        self._codec, self._bulk = Codec(registry(), vault), BulkCodec(registry(), vault)
        self._ids = [schema.id for schema in registry()]

    def seeds(self) -> Sequence[bytes]:
        """A sample of each schema, old ones too."""
        return [
            Codec(type(registry())([schema]), self._codec.sealer).encode(
                schema.type, (body := sample_body(schema)), aggregate_id=body[schema.aggregate], version=VERSION
            )
            for schema in registry()
        ]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """A length or a count becomes another one; another schema's id; or any change of bytes."""
        at = random.randrange(PREFIX, len(given)) if len(given) > PREFIX else 0
        match random.randrange(7):
            case 0 | 1 if at:
                return given[:at] + varint(random.choice(HUGE)) + given[at + random.choice((0, 1, 1, 2)) :]
            case 2 if at:
                return given[:at] + varint(random.choice(HUGE)) * random.choice((1, 2, 50)) + given[at:]
            case 3 if branches := [place for place in range(PREFIX, len(given)) if given[place] in (0, 2)]:
                place = random.choice(branches)
                return given[:place] + bytes((random.choice((0, 1, 2, 3, 4, 0x7F)),)) + given[place + 1 :]
            case 4:
                return given[:1] + random.choice(self._ids).to_bytes(4, "big") + given[5:]
            case _:
                return (
                    havoc(given, other, random)
                    if random.random() < 0.3
                    else given[:PREFIX] + havoc(given[PREFIX:], other[PREFIX:], random)
                )

    def close(self) -> None:
        """Nothing is held."""

    def answer(self, given: bytes) -> str:
        """Read it as an aggregate's event, as a view's live record, and as a rebuild's."""
        headers = (("position", b"5"), ("version", b"%d" % VERSION))
        record = Record("krypton.studies", 0, 0, b"key", given, headers)
        one, other = _read(self._codec, record), _read(self._bulk, record)
        if isinstance(one, LedgerEvent) != isinstance(other, LedgerEvent):
            raise Wrong(f"two readers: {type(one).__name__} and {type(other).__name__} of the same bytes")
        if isinstance(one, LedgerEvent):
            if one != other:
                raise Wrong("two readers: other values of the same bytes")
            _plain(one.data)
            return f"{one.type} {sorted(name for name, value in one.data.items() if value is None)}"
        return f"{type(one).__name__}: {one}"


def _read(codec: Codec, record: Record) -> LedgerEvent | Exception:
    try:
        (found,) = codec.read_batch([record])
    except SealBroken as broken:  # the fold reads it once more, alone, and puts it aside
        return broken
    if not isinstance(found, LedgerEvent | NotAnEvent | UnknownSchema):
        raise Wrong(f"{type(found).__name__} was returned")
    return found


def _plain(value: Any) -> None:
    """Only what views can fold: finite numbers, texts that UTF-8 can hold."""
    for inner in _all(value):
        if isinstance(inner, float) and inner - inner:
            raise Wrong("a number that is not finite")
        if isinstance(inner, str):
            inner.encode()


def _all(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _all(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all(inner)


def varint(number: int) -> bytes:
    """An Avro long."""
    value, out = (number << 1 ^ number >> 63) & (2**64 - 1), bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))
