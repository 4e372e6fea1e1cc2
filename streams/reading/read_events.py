"""Reads the ledger's events from Kafka in ledger order over all topics, for programs that live here."""

from collections.abc import Collection, Generator, Sequence
from typing import Final

from schemas.codec import Codec
from schemas.event import LedgerEvent
from streams.broker.partition import partition_of
from streams.broker.topics import LEDGER, PARTITIONS
from streams.reading.events import Wanted, events_of, in_ledger_order
from streams.reading.replay import Replay
from streams.reading.spans import Span, spans
from streams.relay.position_search import offsets_at

MERGED_BATCH: Final = 500
"""Decoded records of each partition that wait to be merged."""


def key_spans(found: Sequence[Span], keys: Collection[str]) -> list[Span]:
    """The spans that can contain records of the keys."""
    return [s for s in found if any(partition_of(k.encode(), PARTITIONS[s.topic]) == s.partition for k in keys)]


def read_events(
    kafka: str,
    codec: Codec,
    *,
    topics: Collection[str] = LEDGER,
    types: Collection[str] | None = None,
    keys: Collection[str] | None = None,
    from_position: int = 1,
    to_position: int | None = None,
    head: int | None = None,
) -> Generator[LedgerEvent, None, None]:
    """The ledger's events in ledger order, from Kafka as it stands at the first ``next``. Close it to stop early.

    ``kafka``: an address (``streams.broker.broker``). ``codec``: decodes; a ``BulkCodec`` takes half the time, one with
    ``NoKeys`` leaves what is sealed as ``ERASED``. ``topics``: by default the whole ledger. ``types``: event types, as
    in ``link.merged``, every version of them. ``keys``: Kafka keys, the uuids that ``docs/topics.md`` names; only the
    partitions that can hold them are read. ``from_position``, ``to_position``: ledger positions, both included, counted
    from 1; the start is found by binary search. ``head``: the ledger's last position, for who knows it: records above
    it are somebody else's, and are passed over. Without it, what lies behind such a record is taken for a repeat, until
    ``krypton recover`` has made the topic again. Nothing is committed.

    Each event of the range comes once: ``position`` only grows. ``data``: see ``LedgerEvent`` (times are microseconds
    since 1970 UTC, ids are ``str``, doses carry their unit in their name). Up to 8 MB are held per partition.
    Raises UnknownSchema (a type that no event has, or an event newer than this program), NotAnEvent (a record that is
    not the ledger's), OffsetGap (records are missing), KafkaError (Kafka is away). Each names the record.
    """
    wanted = Wanted.of(codec.registry, types, keys, from_position, to_position, head)
    starts = offsets_at(kafka, topics, from_position) if from_position > 1 else None
    found = spans(kafka, topics, starts)
    if keys is not None:
        found = key_spans(found, keys)
    with Replay(kafka) as replay:
        yield from in_ledger_order(
            events_of(replay.batches(span, MERGED_BATCH), codec, wanted) for span in found if span.size
        )
