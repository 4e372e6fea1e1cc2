"""Whether the live version of a view has read all that the ledger held up to a position.

Kafka is not asked: which partition an event goes to is known from its key, and the view's own positions say what it
has read of each. Only at the start, and when another version is promoted, the slower question is asked (``lag.lacks``).
"""

import time
from typing import Any

from krypton.bootstrap import Krypton
from krypton.views import lag
from projections.declared import VIEWS
from projections.engine.query import fetch
from schemas.registry import registry
from streams.broker.partition import partition_of
from streams.broker.topics import PARTITIONS

STORED = """SELECT id, originator_id::text AS aggregate, topic AS type FROM ledger.ledger_events
WHERE id > %(after)s AND id <= %(upto)s AND topic = ANY(%(types)s)"""
READ = """SELECT topic, "partition", ledger_position FROM views.position
WHERE view = %(view)s AND version = %(version)s"""
BEGIN_EVERY_S = 0.2


class Seen:
    """Of one view; asked again and again with positions that mostly grow."""

    def __init__(self, ours: Krypton, view: str) -> None:
        self._ours = ours
        self._view = view
        topics = VIEWS[view].make().topics
        found = [schema for schema in registry().latest.values() if schema.topic in topics]
        self._topic_of = {schema.type: schema.topic for schema in found}
        assert all(s.key == s.aggregate or PARTITIONS[s.topic] == 1 for s in found)  # else it is in the event
        self._version: int | None = None
        self._upto = 0
        self._needed: dict[tuple[str, int], int] = {}
        self._begin_at = 0.0

    def up_to(self, connection: Any, version: int, position: int) -> bool:
        """Whether that version, the live one, has read so far, in the snapshot of this transaction."""
        if version != self._version:
            return self._begin(version, position)
        if position > self._upto:
            asked = {"after": self._upto, "upto": position, "types": list(self._topic_of)}
            for stored in fetch(connection, STORED, **asked):
                self._needed[self._partition(stored)] = stored["id"]
            self._upto = position
        read = {
            (row["topic"], row["partition"]): row["ledger_position"]
            for row in fetch(connection, READ, view=self._view, version=version)
        }
        return all(read.get(partition, 0) >= needed for partition, needed in self._needed.items())

    def _begin(self, version: int, position: int) -> bool:
        if time.monotonic() < self._begin_at:
            return False
        self._begin_at = time.monotonic() + BEGIN_EVERY_S
        if lag.lacks(self._ours, self._view, position, 0):
            return False
        self._version, self._upto, self._needed = version, position, {}
        return False  # true by now, and not yet in the caller's snapshot

    def _partition(self, stored: Any) -> tuple[str, int]:
        topic = self._topic_of[stored["type"]]
        return topic, partition_of(stored["aggregate"].encode(), PARTITIONS[topic])
