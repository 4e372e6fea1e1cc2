"""Finds which events the live version of a view has read, together with all that the ledger held before them.

Kafka is not asked: which partition an event goes to is known from its key, and the view's own positions say what it
has read of each. Only at the start, and when another version is promoted, the slower question is asked (``lag.lacks``).
"""

import time
from collections.abc import Collection, Iterable
from typing import Any

from krypton.bootstrap import Krypton
from krypton.views import lag
from projections.declared import VIEWS
from projections.engine.query import fetch_planned
from schemas.registry import registry
from streams.broker.partition import partition_of
from streams.broker.topics import PARTITIONS

STORED = """SELECT id, originator_id::text AS aggregate, topic AS type FROM ledger.ledger_events
WHERE id > %(after)s AND id <= %(upto)s AND topic = ANY(%(types)s) ORDER BY id"""
READ = """SELECT topic, "partition", ledger_position FROM views.position
WHERE view = %(view)s AND version = %(version)s"""
BEGIN_EVERY_S = 0.2
PAGE = 20_000
"""Positions of the ledger that are looked at together: of a long backlog only what is not read is kept."""


class Seen:
    """Of one view. As of the last question, ``read``: (topic, partition) to the last ledger position read; ``upto``:
    the position up to which all is read.
    """

    def __init__(self, ours: Krypton, view: str) -> None:
        self._ours = ours
        self._view = view
        topics = VIEWS[view].make().topics
        found = [schema for schema in registry().latest.values() if schema.topic in topics]
        self._topic_of = {schema.type: schema.topic for schema in found}
        assert all(s.key == s.aggregate or PARTITIONS[s.topic] == 1 for s in found)  # else it is in the event
        self._version: int | None = None
        self._upto = 0
        self.upto = 0
        self._unread: list[tuple[int, tuple[str, int]]] = []
        self._begin_at = 0.0
        self._beginning: tuple[int, int] | None = None
        self.read: dict[tuple[str, int], int] = {}

    def of(self, connection: Any, version: int, positions: Collection[int]) -> set[int]:
        """Those of the positions up to which that version, the live one, has read all, in this snapshot."""
        if not self._looked(connection, version, max(positions)):
            return set()
        return {position for position in positions if position <= self.upto}

    def all(self, connection: Any, version: int) -> bool:
        """Find out up to where that version, the live one, has read all, in this snapshot; whether that is known."""
        return self._looked(connection, version, None)

    @property
    def newest(self) -> int:
        """The ledger position of the newest that was read."""
        return max(self.read.values(), default=0)

    def _looked(self, connection: Any, version: int, last: int | None) -> bool:
        """``last``: position to look up to; None: what comes behind ``newest`` is not read."""
        if version != self._version:
            self._begin(version)
            return False  # true by now, perhaps, and not yet in the caller's snapshot
        rows = fetch_planned(connection, READ, view=self._view, version=version)
        self.read = {(row["topic"], row["partition"]): row["ledger_position"] for row in rows}
        self._unread = self._left(self._unread)
        goal = self.newest if last is None else last
        while self._upto < goal:
            upto = min(goal, self._upto + PAGE)
            asked = {"after": self._upto, "upto": upto, "types": list(self._topic_of)}
            stored = fetch_planned(connection, STORED, **asked)
            self._unread += self._left((one["id"], self._partition(one)) for one in stored)
            self._upto = upto
        self.upto = self._unread[0][0] - 1 if self._unread else self._upto
        return True

    def _left(self, stored: Iterable[tuple[int, tuple[str, int]]]) -> list[tuple[int, tuple[str, int]]]:
        return [(at, partition) for at, partition in stored if self.read.get(partition, 0) < at]

    def _begin(self, version: int) -> None:
        if time.monotonic() < self._begin_at:
            return
        self._begin_at = time.monotonic() + BEGIN_EVERY_S
        if self._beginning is None or self._beginning[0] != version:
            self._beginning = version, self._ours.ledger.recorder.max_notification_id() or 0
        _, head = self._beginning  # the same until it was read: the ledger goes on meanwhile
        if not lag.lacks(self._ours, self._view, head, 0, version):  # another one may be promoted meanwhile
            self._version, self._upto, self._unread = version, head, []

    def _partition(self, stored: Any) -> tuple[str, int]:
        topic = self._topic_of[stored["type"]]
        return topic, partition_of(stored["aggregate"].encode(), PARTITIONS[topic])
