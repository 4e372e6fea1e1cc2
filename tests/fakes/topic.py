"""What the relay would have published: the stored events of a ledger as Kafka records.

Each event is read once of each ledger: those that are stored do not change, and worlds ask after every step.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from weakref import WeakKeyDictionary

from domain.ledger import Ledger
from schemas.event import Record
from schemas.registry import registry
from streams.broker.partition import partition_of

Partitions = frozenset[tuple[str, int]]


@dataclass
class _Published:
    """What of a ledger was read. ``partitions``: how many each topic has; None: one."""

    partitions: Mapping[str, int] | None
    records: list[Record] = field(default_factory=list)
    upto: int = 0
    ends: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def read_on(self, ledger: Ledger) -> None:
        """What was stored since."""
        for stored in ledger.recorder.select_notifications(self.upto, 1_000_000, inclusive_of_start=False):
            schema, data = ledger.codec.decode(stored.state, stored.originator_version, unseal=False)
            topic, key = registry().latest[schema.type].topic, str(data[schema.key]).encode()
            told = {
                "ce_id": f"{stored.originator_id}/{stored.originator_version}",
                "position": str(stored.id),
                "version": str(stored.originator_version),
            }
            headers = tuple((name, said.encode()) for name, said in told.items())
            part = topic, partition_of(key, self.partitions[topic]) if self.partitions else 0
            self.records.append(Record(*part, self.ends[part], key, stored.state, headers))
            self.ends[part] += 1
            self.upto = stored.id


_published: WeakKeyDictionary[Ledger, dict[Partitions | None, _Published]] = WeakKeyDictionary()
_reading = Lock()  # senders in threads ask, too


def records(
    ledger: Ledger, topics: Iterable[str] | None = None, partitions: Mapping[str, int] | None = None
) -> list[Record]:
    """All events in ledger order, with offsets from 0; or those of some topics.

    ``partitions``: how many each topic has; None: one.
    """
    wanted = None if topics is None else set(topics)
    with _reading:
        of_ledger = _published.setdefault(ledger, {})
        key = None if partitions is None else frozenset(partitions.items())
        found = of_ledger.setdefault(key, _Published(partitions))
        found.read_on(ledger)
        return [record for record in found.records if wanted is None or record.topic in wanted]
