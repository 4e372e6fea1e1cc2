"""Makes, of rows of the event store, the bytes of the records that the relay makes of them.

A record's tail is all of it from the length of its key on (``streams.reading.bundle``): key, value and the nine headers
of ``streams.relay.outgoing``. Lengths are zigzag varints. Rows that no record can be made of are told, not guessed.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from schemas.compiled import NotCompiled, Reader, compiled
from schemas.registry import Registry, Schema
from streams.broker.topics import PARTITIONS
from streams.reading.bundle import LENGTHS, length
from streams.reading.partition_batch import hashes_of
from streams.relay.outgoing import ENDS, ENDS_OF_A_TIME, first_long, rfc3339

Place = tuple[str, int]
"""Topic and partition."""
Row = tuple[bytes, bytes]
"""The first four lines of an event's entry (``domain.proofs.leaf``), and its stored bytes."""

SCHEMA_BYTES: Final = 5
TIME: Final = slice(5, 13)  # recorded_at, a varint of eight bytes from 1978 to 3111
STAMPED: Final = slice(5, 15)  # a varint of at most ten bytes
ACTOR_AT: Final = 13
STEP: Final = 37  # a uuid as text, and its length before it
MARK: Final = b"\x48"
HELD: Final = 100_000
SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
DATE: Final = len("2026-01-01T")
ZERO: Final = b"\x80" * 4  # groups of seven bits that are zero, with more to come
MOST_US: Final = (1 << 27) - 1
LOWER: Final = {
    bytes((low | 128, high | 128)): (low | high << 7) >> 1 for low in range(0, 128, 2) for high in range(128)
}
HIGHER: Final = {bytes((low | 128, high | 128)): (low | high << 7) << 13 for low in range(128) for high in range(128)}
"""What the first and the second two of a time's bytes add to it; even, for it is not negative."""
SPEC: Final = ("ce_specversion", b"1.0")
SOURCE: Final = ("ce_source", b"krypton")
CONTENT: Final = ("content-type", b"application/avro")
HEADERS: Final = 9


def name(text: str) -> bytes:
    """A header's name."""
    return length(len(text)) + text.encode()


def header(named: tuple[str, bytes]) -> bytes:
    """A whole header."""
    return name(named[0]) + length(len(named[1])) + named[1]


BEFORE_ID: Final = length(HEADERS) + header(SPEC) + name("ce_id")
BEFORE_TIME: Final = name("ce_time") + length(27)
BEFORE_POSITION: Final = header(CONTENT) + name("position")
BEFORE_VERSION: Final = name("version")


class Kind:
    """What is constant for one event type on its topic."""

    __slots__ = ("before_subject", "ce_type", "key_of", "partitions", "plain", "topic")

    def __init__(self, schema: Schema, keys: "_Keys") -> None:
        self.ce_type = ("ce_type", schema.type.encode())
        self.plain = schema.key == schema.aggregate
        self.key_of = keys.key_of
        self.topic = schema.topic
        self.partitions = PARTITIONS[schema.topic]
        self.before_subject = header(self.ce_type) + header(SOURCE) + name("ce_subject")


class _Keys:
    """Extracts the Kafka key from an event's bytes, whatever its schema version.

    Where a schema has nothing but uuids between the actor and the key, the key is found without reading the rest.
    """

    def __init__(self, registry: Registry) -> None:
        self._schemas = {b"\0" + schema.id.to_bytes(4, "big"): schema for schema in registry}
        self._marks = {prefix: marks for prefix, schema in self._schemas.items() if (marks := _marks(schema))}
        self._readers: dict[bytes, Reader] = {}

    def key_of(self, value: bytes) -> bytes:
        """The key. Raises LookupError, ValueError if the bytes are no event."""
        marks, actor = self._marks.get(value[:SCHEMA_BYTES]), value[ACTOR_AT]
        if marks and not actor & 129 and int.from_bytes(value[TIME], "little") & ENDS == ENDS_OF_A_TIME:
            begin = ACTOR_AT + 1 + (actor >> 1)
            last = begin + STEP * (len(marks) - 1)
            if value[begin : last + 1 : STEP] == marks and len(key := value[last + 1 : last + STEP]) == STEP - 1:
                return key
        return self._read(value)

    def _read(self, value: bytes) -> bytes:
        prefix = value[:SCHEMA_BYTES]
        schema = self._schemas[prefix]
        if (read := self._readers.get(prefix)) is None:
            try:
                read = self._readers[prefix] = compiled(schema.hot)
            except NotCompiled as odd:
                raise LookupError(str(odd)) from odd
        key: str = read(value, value.decode("latin-1"), SCHEMA_BYTES)[0][schema.key]
        return key.encode()


def _marks(schema: Schema) -> bytes:
    """The lengths of the uuids from behind the actor up to the key; empty if there is anything else between."""
    names = [field["name"] for field in schema.hot["fields"]]
    between = schema.hot["fields"][2 : names.index(schema.key) + 1]
    plain = all(field["type"] == "string" and field["name"] in schema.uuids for field in between)
    return MARK * len(between) if plain and names[:2] == ["recorded_at", "actor"] else b""


def kinds(registry: Registry) -> dict[bytes, Kind]:
    """What is constant for each event type."""
    keys = _Keys(registry)
    return {schema.type.encode(): Kind(schema, keys) for schema in registry.latest.values()}


class Times:
    """When events were recorded, as text.

    A time of eight bytes is looked up in three parts, which are sums; days and seconds of a day are written once.
    """

    def __init__(self) -> None:
        self._stamp = b""
        self._made = b""
        self._days: dict[bytes, tuple[bytes, int]] = {}
        self._seconds: dict[int, bytes] = {}

    def of(self, stored: bytes) -> bytes:
        """As ``rfc3339(first_long(stored))``. Raises ValueError (NotAnEvent)."""
        if (stamp := stored[STAMPED]) != self._stamp:
            try:
                day, begin = self._days[stamp[4:8]]
                second, micros = divmod(begin + HIGHER[stamp[2:4]] + LOWER[stamp[:2]], SECOND_US)
                self._made = b"%b%b%06dZ" % (day, self._seconds[second], micros)
            except KeyError:
                self._made = self._new(stored, stamp)
            self._stamp = stamp
        return self._made

    def _new(self, stored: bytes, stamp: bytes) -> bytes:
        text = rfc3339(micros := first_long(stored))
        part = first_long(bytes(SCHEMA_BYTES) + ZERO + stamp[4:8])
        if stamp[:2] in LOWER and stamp[2:4] in HIGHER and stamp[7:8] < b"\x80" and 0 <= micros - part <= MOST_US:
            if len(self._days) > HELD:
                self._days.clear()
            day = micros - micros % DAY_US
            self._days[stamp[4:8]] = text[:DATE], part - day
            self._seconds[(micros - day) // SECOND_US] = text[DATE:-7]
        return text


class Expected(NamedTuple):
    """What a partition must hold next: tails, and the number of each one's row."""

    tails: list[bytes]
    rows: list[int]


class RecordTails:
    """Makes records' tails, partition by partition."""

    def __init__(self, kinds: Mapping[bytes, Kind], times: Times) -> None:
        self._kinds = kinds
        self._times = times

    def of(self, rows: Sequence[Row]) -> dict[Place, Expected] | None:
        """What the rows' partitions must hold, in order; None if one of the rows is no event's."""
        try:
            kinds, keys, tails = self._made(rows)
        except (LookupError, ValueError):
            return None
        numbers: dict[str, list[list[int]]] = {kind.topic: [[] for _ in range(kind.partitions)] for kind in set(kinds)}
        for number, (kind, value) in enumerate(zip(kinds, hashes_of(keys), strict=True)):
            numbers[kind.topic][value % kind.partitions].append(number)
        return {
            (topic, partition): Expected([tails[number] for number in some], some)
            for topic, lanes in numbers.items()
            for partition, some in enumerate(lanes)
            if some
        }

    def _made(self, rows: Sequence[Row]) -> tuple[list[Kind], list[bytes], list[bytes]]:
        """Kind, key and tail of each row; the loop that takes most of the time. Raises LookupError, ValueError."""
        known, sizes, time_of = self._kinds, LENGTHS, self._times.of
        kinds: list[Kind] = []
        keys: list[bytes] = []
        tails: list[bytes] = []
        for heading, stored in rows:
            digits, event_type, aggregate, version, _ = heading.split(b"\n")
            kind = known[event_type]
            key = aggregate if kind.plain else kind.key_of(stored)
            begins = sizes[len(key)], key, sizes[len(stored)], stored, BEFORE_ID
            ids = sizes[len(aggregate) + len(version) + 1], aggregate, b"/", version
            subject = kind.before_subject, sizes[len(aggregate)], aggregate
            ends = BEFORE_POSITION, sizes[len(digits)], digits, BEFORE_VERSION, sizes[len(version)], version
            tails.append(b"".join((*begins, *ids, *subject, BEFORE_TIME, time_of(stored), *ends)))
            kinds.append(kind)
            keys.append(key)
        return kinds, keys, tails
