"""Makes, of a page of the event store, the bytes of the records that the relay makes of its rows.

A record's tail is all of it from the length of its key on (``streams.reading.bundle``): key, value and the nine headers
of ``streams.relay.outgoing``. Lengths are zigzag varints.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.compiled import NotCompiled, Reader, compiled
from schemas.registry import Registry, Schema
from streams.broker.topics import PARTITIONS
from streams.reading.bundle import LENGTHS, Tails, length
from streams.reading.partition_batch import hashes_of
from streams.reading.text_columns import Text, woven
from streams.relay.outgoing import ENDS, ENDS_OF_A_TIME

Place = tuple[str, int]
"""Topic and partition."""
SCHEMA_BYTES: Final = 5
TIME: Final = slice(5, 13)  # recorded_at, a varint of eight bytes from 1978 to 3111
ACTOR_AT: Final = 13
STEP: Final = 37  # a uuid as text, and its length before it
MARK: Final = b"\x48"
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

    __slots__ = ("before_subject", "ce_type", "key_of", "number", "partitions", "plain", "topic")

    def __init__(self, schema: Schema, keys: "_Keys") -> None:
        self.number = schema.id
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


class Expected(NamedTuple):
    """What a partition must hold next, and the number of each one's row."""

    tails: Tails
    rows: Sequence[int]


def before_values(keys: Sequence[bytes], values: Sequence[bytes]) -> list[bytes]:
    """The key of each row, and both lengths."""
    sizes = LENGTHS
    return [sizes[len(key)] + key + sizes[len(value)] for key, value in zip(keys, values, strict=True)]


def after_value(kind: Kind, position: Text, subject: Text, version: Text, time: Text) -> list[bytes]:
    """The headers of rows of one kind; their positions are equally long, and so are their versions."""
    places, uuid, digits = (part.shape[1] for part in (position, subject, version))
    ids = (BEFORE_ID, length(uuid + 1 + digits), subject, b"/", version)
    of_kind = (kind.before_subject, length(uuid), subject, BEFORE_TIME, time)
    numbers = (BEFORE_POSITION, length(places), position, BEFORE_VERSION, length(digits), version)
    return woven((*ids, *of_kind, *numbers))


def by_partition(kinds: Sequence[Kind], keys: Sequence[bytes], tails: Tails) -> dict[Place, Expected]:
    """What each partition must hold, in order."""
    rows: dict[str, list[list[int]]] = {kind.topic: [[] for _ in range(kind.partitions)] for kind in set(kinds)}
    for number, (kind, value) in enumerate(zip(kinds, hashes_of(keys).tolist(), strict=True)):
        rows[kind.topic][value % kind.partitions].append(number)
    return {
        (topic, partition): Expected(Tails(*([piece[number] for number in some] for piece in tails)), some)
        for topic, lanes in rows.items()
        for partition, some in enumerate(lanes)
        if some
    }
