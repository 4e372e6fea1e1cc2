"""What the relay would have published: the stored events of a ledger as Kafka records."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from domain.ledger import Ledger
from schemas.event import Record
from schemas.registry import registry
from streams.broker.partition import partition_of


def records(
    ledger: Ledger, topics: Iterable[str] | None = None, partitions: Mapping[str, int] | None = None
) -> list[Record]:
    """All events in ledger order, with offsets from 0; or those of some topics.

    ``partitions``: how many each topic has; None: one.
    """
    wanted = None if topics is None else set(topics)
    ends: dict[tuple[str, int], int] = defaultdict(int)
    found = []
    for stored in ledger.recorder.select_notifications(0, 1_000_000, inclusive_of_start=False):
        schema, data = ledger.codec.decode(stored.state, stored.originator_version, unseal=False)
        topic = registry().latest[schema.type].topic
        told = {
            "ce_id": f"{stored.originator_id}/{stored.originator_version}",
            "position": str(stored.id),
            "version": str(stored.originator_version),
        }
        headers = tuple((name, said.encode()) for name, said in told.items())
        key = str(data[schema.key]).encode()
        part = topic, partition_of(key, partitions[topic]) if partitions else 0
        record = Record(*part, ends[part], key, stored.state, headers)
        ends[part] += 1
        if wanted is None or topic in wanted:
            found.append(record)
    return found
