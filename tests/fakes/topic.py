"""What the relay would have published: the stored events of a ledger as Kafka records."""

from collections import defaultdict
from collections.abc import Iterable

from domain.ledger import Ledger
from schemas.event import Record
from schemas.registry import registry


def records(ledger: Ledger, topics: Iterable[str] | None = None) -> list[Record]:
    """All events in ledger order, each topic of one partition with offsets from 0; or those of some topics."""
    wanted = None if topics is None else set(topics)
    ends: dict[str, int] = defaultdict(int)
    found = []
    for stored in ledger.recorder.select_notifications(0, 1_000_000, inclusive_of_start=False):
        schema, data = ledger.codec.decode(stored.state, stored.originator_version, unseal=False)
        topic = registry().latest[schema.type].topic
        headers = (("position", str(stored.id).encode()), ("version", str(stored.originator_version).encode()))
        record = Record(topic, 0, ends[topic], str(data[schema.key]).encode(), stored.state, headers)
        ends[topic] += 1
        if wanted is None or topic in wanted:
            found.append(record)
    return found
