"""Baseline for rebuilds: the eventsourcing library's ``ProjectionRunner``, with a transaction per event.

It reads from an in-memory application, faster than any database: only the runner and the rows are measured.
"""

import time
from collections.abc import Iterator
from typing import Any, ClassVar, cast

from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder, Mapper, StoredEvent, Tracking
from eventsourcing.popo import POPOApplicationRecorder, POPOTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from bench.one_by_one import OneByOne
from krypton.bootstrap import Krypton
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record
from streams.reading.replay import Replay
from streams.reading.spans import spans

WAIT_S = 120.0


class Events(Mapper[Any]):
    """Stored events as Krypton's projections take them."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def to_domain_event(self, stored_event: Any) -> Any:
        """Decoded as everywhere."""
        schema, data = self.codec.decode(stored_event.state, stored_event.originator_version)
        at = stored_event.id
        return LedgerEvent(at, schema.type, data[schema.aggregate], stored_event.originator_version, data)


class Ledger(Application[Any]):
    """An application that holds the events already."""

    name = "bench"
    stored: ClassVar[list[StoredEvent]]
    codec: ClassVar[Codec]

    def construct_mapper(self) -> Mapper[Any]:
        """See above."""
        return Events(self.codec)

    def construct_recorder(self) -> ApplicationRecorder:
        """In memory, filled."""
        recorder = POPOApplicationRecorder()
        recorder.insert_events(self.stored)
        return recorder


class Folding(Projection[POPOTrackingRecorder]):
    """Our projection as one of the library's."""

    one: ClassVar[OneByOne]

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """One event, one transaction, which holds the position too."""
        self.one.take(cast(LedgerEvent, domain_event))
        self.view.insert_tracking(tracking)


def run(ours: Krypton, view: str, events: int) -> float:
    """Events applied a second."""
    Ledger.stored, Ledger.codec = [_stored(ours.codec, record) for record in _first(ours, view, events)], ours.codec
    Folding.one = OneByOne(ours, ours.projection(view))
    begun = time.perf_counter()
    with ProjectionRunner(
        application_class=Ledger,
        projection_class=Folding,
        view_class=POPOTrackingRecorder,
        env={"PERSISTENCE_MODULE": "eventsourcing.popo"},
    ) as runner:
        runner.wait(len(Ledger.stored), WAIT_S)
    Folding.one.close()
    return len(Ledger.stored) / (time.perf_counter() - begun)


def _first(ours: Krypton, view: str, events: int) -> Iterator[Record]:
    span = spans(ours.addresses.kafka, ours.projection(view).topics[:1])[0]
    with Replay(ours.addresses.kafka) as replay:
        for batch in replay.batches(span._replace(end=min(span.end, events))):
            yield from batch


def _stored(codec: Codec, record: Record) -> StoredEvent:
    from uuid import UUID

    headers = dict(record.headers)
    return StoredEvent(
        UUID(headers["ce_subject"].decode()), int(headers["version"]), codec.schema_of(record.value).type, record.value
    )
