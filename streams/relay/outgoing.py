"""Turns a stored event into its Kafka record: same bytes, plus topic, key, partition and headers.

Headers: CloudEvents 1.0, Kafka protocol binding, binary mode (§3.2); plus ``position`` and ``version`` of the ledger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.codec import Codec, NotAnEvent
from schemas.registry import Registry
from streams.broker.partition import partition_of
from streams.broker.topics import PARTITIONS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BODY_AT = 5  # the Avro body follows the magic byte and the schema id
UTC_OFFSET = len("+00:00")
ENDS = 0x8080808080808080  # the bits of eight bytes that say whether another follows,
ENDS_OF_A_TIME = 0x0080808080808080  # and how they stand where the eighth is the last


class Stored(NamedTuple):
    """One row of the event store. ``aggregate_id`` is the text of a uuid, ``state`` the encoded event."""

    position: int
    aggregate_id: str
    version: int
    state: bytes


class Outgoing(NamedTuple):
    """A Kafka record to send. ``timestamp_ms``: when the ledger stored the event, milliseconds since 1970, UTC."""

    position: int
    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


class NoKeys:
    """The relay decrypts nothing: it copies sealed bytes and has no access to the vault."""

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """Refused: the relay never encrypts."""
        raise NotImplementedError("the relay seals nothing")

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """No key: the caller shows ``ERASED``, and the field stays sealed."""
        return None

    def holds(self, subject: str) -> bool:
        """No key is held."""
        return False

    def prefetch(self, subjects: Iterable[str]) -> None:
        """Nothing to fetch."""


@dataclass(frozen=True)
class Addresser:
    """Turns stored events into Kafka records."""

    codec: Codec

    @staticmethod
    def of(registry: Registry) -> "Addresser":
        """For this program's schemas."""
        return Addresser(Codec(registry, NoKeys()))

    def outgoing(self, event: Stored) -> Outgoing:
        """The record of an event. Raises NotAnEvent, UnknownSchema: then no later event may be sent either."""
        schema = self.codec.schema_of(event.state)
        subject = event.aggregate_id.encode()
        key = subject
        if schema.key != schema.aggregate:
            _, data = self.codec.decode(event.state, event.version, unseal=False)
            key = data[schema.key].encode()
        recorded_at = first_long(event.state)
        version = b"%d" % event.version
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", subject + b"/" + version),
            ("ce_type", schema.type.encode()),
            ("ce_source", b"krypton"),
            ("ce_subject", subject),
            ("ce_time", rfc3339(recorded_at)),
            ("content-type", b"application/avro"),
            ("position", b"%d" % event.position),
            ("version", version),
        ]
        partition = partition_of(key, PARTITIONS[schema.topic])
        return Outgoing(event.position, schema.topic, partition, key, event.state, headers, recorded_at // 1000)


def rfc3339(micros: int) -> bytes:
    """Microseconds since 1970 (UTC) as RFC 3339 text, always with six decimals and ``Z``. Raises NotAnEvent."""
    try:
        text = (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")
    except OverflowError:
        raise NotAnEvent("recorded_at is not a time between the years 1 and 9999") from None
    return text[:-UTC_OFFSET].encode() + b"Z"


def first_long(state: bytes) -> int:
    """The first field of every event, ``recorded_at``: an Avro long, a zigzag varint (Avro 1.12, binary encoding).

    A time from 1978 to 3111 takes eight bytes, whose groups of seven bits are put together at once.
    """
    if (eight := int.from_bytes(state[BODY_AT : BODY_AT + 8], "little")) & ENDS == ENDS_OF_A_TIME:
        eight = eight & 0x7F007F007F007F | (eight & 0x7F007F007F007F00) >> 1
        eight = eight & 0x3FFF00003FFF | (eight & 0x3FFF00003FFF0000) >> 2
        eight = eight & 0xFFFFFFF | (eight & 0xFFFFFFF00000000) >> 4
        return eight >> 1 ^ -(eight & 1)
    value = shift = 0
    for byte in state[BODY_AT : BODY_AT + 10]:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value >> 1 ^ -(value & 1)
