"""A small fold kept up to date with the event store: what commands must know of other aggregates.

Reads only the event types it needs, from the last position it saw, each time it is asked: so a decision sees all
that was stored before it, in this process or another.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from domain.ports import CommandLog, EventCodec


class Fold(Protocol):
    """A state made from events alone."""

    TYPES: ClassVar[tuple[str, ...]]

    def apply(self, event_type: str, position: int, data: Mapping[str, Any]) -> None:
        """Take one event in; events come in ledger order."""


F = TypeVar("F", bound=Fold)


class Tail(Generic[F]):
    """Keeps one fold at the end of the ledger. Safe to share between threads."""

    def __init__(self, fold: F, log: CommandLog, codec: EventCodec) -> None:
        self._fold = fold
        self._log = log
        self._codec = codec
        self._seen = 0
        self._lock = Lock()

    def current(self) -> F:
        """The fold, with everything stored so far."""
        with self._lock:
            head, found = self._log.changes(self._seen, self._fold.TYPES)
            for stored in found:
                _, data = self._codec.decode(stored.state, stored.originator_version, unseal=False)
                self._fold.apply(stored.topic, stored.id, data)
            self._seen = head
        return self._fold
