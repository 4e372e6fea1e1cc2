"""Groups received items that belong together into batches, each recorded by one command: never one command per item.

A batch closes when every feeder (an association, a connection) that brought a part of it has ended and nothing
followed for a moment, when nothing came for a quiet time, or when it is large or old enough.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from adapters.inbox.spool import Name
from adapters.inbox.whose import Borne
from domain.work import Command

NEVER = float("inf")


@dataclass(frozen=True)
class Limits:
    """When a batch closes. Times in seconds; ``items`` and ``open_batches`` bound the memory that batches take."""

    quiet_s: float = 2.0
    linger_s: float = 0.5  # after the last feeder: the next one may be dialling already
    longest_s: float = 60.0
    items: int = 2_000
    open_batches: int = 50


class Item(Protocol):
    """One new item that waits in the spool. Items of one key go together."""

    @property
    def name(self) -> Name:
        """Its name in the spool."""

    @property
    def key(self) -> Hashable:
        """What it has in common with the others of its batch."""


I_contra = TypeVar("I_contra", bound=Item, contravariant=True)
I = TypeVar("I", bound=Item)  # noqa: E741  the item


@dataclass(frozen=True)
class Batch:
    """A closed batch: what is asked, under which id, and which pending items it is made of.

    ``borne``: the numbers that the items state of whom they are, by which it is found where it is refused.
    """

    site: str
    actor: str
    command_id: UUID
    command: Command
    names: tuple[Name, ...]
    borne: tuple[Borne, ...] = ()


class OpenBatch(Protocol[I_contra]):
    """A batch that still grows: keeps of each item only what the command needs."""

    def add(self, item: I_contra) -> None:
        """Take one more item in."""

    def close(self) -> Batch:
        """The command. Its id is made of the batch's content: asking it again is harmless."""


@dataclass
class _Growing(Generic[I]):
    """When an open batch closes."""

    batch: OpenBatch[I]
    opened_at: float
    count: int = 0
    feeders: set[Hashable] = field(default_factory=set)
    closes_at: float = NEVER


class Batches(Generic[I]):
    """The open batches of one process. Thread-safe. Times are a monotonic clock's, given by the caller."""

    def __init__(self, begin: Callable[[I], OpenBatch[I]], limits: Limits) -> None:
        """``begin``: an empty batch for items of that one's key."""
        self._begin = begin
        self._limits = limits
        self._lock = Lock()
        self._open: dict[Any, _Growing[I]] = {}

    def add(self, item: I, *, feeder: Hashable, now: float) -> list[Batch]:
        """Put an item into its batch; ``feeder``: what brought it. Returns what is full now."""
        key = item.key
        with self._lock:
            if (growing := self._open.get(key)) is None:
                growing = self._open[key] = _Growing(self._begin(item), now)
            growing.batch.add(item)
            growing.count += 1
            growing.feeders.add(feeder)
            growing.closes_at = min(now + self._limits.quiet_s, growing.opened_at + self._limits.longest_s)
            full = [key] if growing.count >= self._limits.items else []
            if len(self._open) - len(full) > self._limits.open_batches:
                full.append(next(k for k in self._open if k not in full))  # the one opened first
            return [self._open.pop(k).batch.close() for k in full]

    def end(self, feeder: Hashable, *, now: float) -> None:
        """A feeder has ended: batches that wait for nobody else close soon."""
        with self._lock:
            for growing in self._open.values():
                if feeder in growing.feeders:
                    growing.feeders.discard(feeder)
                    if not growing.feeders:
                        growing.closes_at = min(growing.closes_at, now + self._limits.linger_s)

    def due(self, *, now: float) -> list[Batch]:
        """The batches whose time has come, closed."""
        with self._lock:
            due = [key for key, growing in self._open.items() if growing.closes_at <= now]
            return [self._open.pop(key).batch.close() for key in due]

    def close_all(self) -> list[Batch]:
        """All of them, closed."""
        return self.due(now=NEVER)
