"""``krypton events``: reads published events from Kafka, as a subscriber would, with sealed fields left sealed.

Nothing is opened: a sealed field shows that something is there, and for whom the key is kept, never what it says.
Who may know more asks the views, where the access is decided and recorded first.
"""

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from domain.times import iso
from krypton.bootstrap import Krypton
from schemas.bulk import BulkCodec
from schemas.event import LedgerEvent
from schemas.registry import ENVELOPE, registry
from streams.broker.topics import LEDGER
from streams.reading.read_events import read_events
from streams.relay.outgoing import NoKeys

Document = dict[str, Any]
SEALED: Final = "[sealed]"


@dataclass(frozen=True)
class Sought:
    """Which events: None means all. ``keys``: Kafka keys; positions: both ends included; ``most``: how many at most."""

    topics: Collection[str] | None = None
    types: Collection[str] | None = None
    keys: Collection[str] | None = None
    first: int = 1
    last: int | None = None
    most: int | None = None


def published(ours: Krypton, sought: Sought) -> Iterator[Document]:
    """These events in ledger order, up to the last one of now.

    Raises UnknownSchema (a type no event has), NotAnEvent, OffsetGap, KafkaError.
    """
    events = read_events(
        ours.addresses.kafka,
        BulkCodec(registry(), NoKeys()),
        topics=sought.topics or LEDGER,
        types=sought.types or None,
        keys=sought.keys or None,
        from_position=sought.first,
        to_position=sought.last,
        head=ours.ledger.recorder.max_notification_id() or 0,
    )
    with closing(events):
        yield from map(_document, islice(events, sought.most))


def _document(event: LedgerEvent) -> Document:
    """``fields``: as stored, without the envelope; times in them are µs since 1970, UTC."""
    schema, data = registry().latest[event.type], event.data
    shown = {name: value for name, value in data.items() if name not in ENVELOPE}
    shown |= {name: SEALED for name in schema.sealed if shown[name] is not None}
    return {
        "position": event.position,
        "recorded_at": iso(data["recorded_at"]),
        "topic": schema.topic,
        "key": data[schema.key],
        "type": event.type,
        "aggregate": event.aggregate_id,
        "version": event.version,
        **{name: data[name] for name in ENVELOPE[1:]},
        "fields": shown,
    }
