"""Keeps a small in-memory fold up to date with the event store, for what commands need of other aggregates.

On each use it reads only the needed event types from its last position on, so a decision sees everything stored before
it, by this process or another.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from domain.ports import CommandLog, EventCodec


class Fold(Protocol):
    """A state derived from events only."""

    TYPES: ClassVar[tuple[str, ...]]
    upto: int
    """The position up to which it has read; ``Tail`` sets it."""

    def apply(self, event_type: str, position: int, data: Mapping[str, Any]) -> None:
        """Fold one event; events come in ledger order."""


F = TypeVar("F", bound=Fold)


class Tail(Generic[F]):
    """Keeps one fold at the end of the ledger. Thread-safe."""

    def __init__(self, fold: F, log: CommandLog, codec: EventCodec) -> None:
        self._fold = fold
        self._log = log
        self._codec = codec
        self._seen = 0
        self._lock = Lock()

    def current(self) -> F:
        """The fold with everything stored so far."""
        with self._lock:
            head, found = self._log.changes(self._seen, self._fold.TYPES)
            for stored in found:
                _, data = self._codec.decode(stored.state, stored.originator_version, unseal=False)
                self._fold.apply(stored.topic, stored.id, data)
            self._seen = self._fold.upto = head
        return self._fold
