"""The tree entry of one event: five lines of text, the same from the event store and from Kafka.

    <position>
    <event type>
    <aggregate id>
    <version>
    <SHA-256 of the stored bytes, in hex>

Decimal numbers without leading zeroes, the aggregate id as a lower-case UUID, a newline after each of the first four
lines and none at the end. The first four lines hold no newline, so no two events share an entry. The stored bytes are
there as their hash: entries stay small whatever an event holds (C2SP tlog-tiles allows 65,535 bytes).

What a folder of entries tells whoever may read it: which aggregate had how many events, of which type, in what order.
Of a person an id tells nothing, and of two ids nothing tells that they belong together: they are made with the region's
secret (``domain.ids``). Stored state: never change it.
"""

import re
from binascii import hexlify
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

ENTRY: Final = re.compile(
    rb"(?P<position>[1-9][0-9]*)\n(?P<type>[^\n]+)\n(?P<aggregate>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n"
    rb"(?P<version>[1-9][0-9]*)\n(?P<digest>[0-9a-f]{64})"
)


class NotAnEntry(ValueError):
    """The bytes are not an entry of this log."""


class Entry(NamedTuple):
    """A parsed entry. ``digest``: SHA-256 of the stored bytes, in hex."""

    position: int
    type: str
    aggregate_id: str
    version: int
    digest: str


def heading(position: int, event_type: str, aggregate_id: str, version: int) -> bytes:
    """The first four lines."""
    return f"{position}\n{event_type}\n{aggregate_id}\n{version}\n".encode()


def entry(position: int, event_type: str, aggregate_id: str, version: int, stored: bytes) -> bytes:
    """The entry of one event. ``stored``: its bytes as in the event store and on Kafka. Raises NotAnEntry."""
    made = heading(position, event_type, aggregate_id, version) + sha256(stored).hexdigest().encode()
    parse(made)
    return made


def hashes(rows: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The leaf hashes (RFC 9162 §2.1.1) of many events: heading and stored bytes of each."""
    return [sha256(b"\0" + heading + hexlify(sha256(stored).digest())).digest() for heading, stored in rows]


def lines_of(made: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """The lines of a heading, even an invalid one: newlines within the type are kept in it."""
    position, rest = made.split(b"\n", 1)
    event_type, aggregate, version, _ = rest.rsplit(b"\n", 3)
    return position, event_type, aggregate, version


def parse(raw: bytes) -> Entry:
    """Parse an entry. Raises NotAnEntry."""
    if not (found := ENTRY.fullmatch(raw)):
        raise NotAnEntry("not an entry: five lines of position, event type, aggregate id, version and SHA-256 in hex")
    position, event_type, aggregate, version, digest = found.groups()
    try:
        return Entry(int(position), event_type.decode(), aggregate.decode(), int(version), digest.decode())
    except UnicodeDecodeError:
        raise NotAnEntry("not an entry: the event type is not UTF-8") from None


def position_of(raw: bytes) -> int:
    """The position of an entry known to be valid."""
    return int(raw[: raw.index(b"\n")])
