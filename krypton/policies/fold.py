"""Runs a policy in the stream processor: decisions go to the outbox in the transaction that moves the position.

To the store it is a view whose only table is the outbox; so positions, dead letters and parked keys are those of views.
It is no version of a view: nothing rebuilds it, and no rebuild comes here.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from adapters.outbox.outbox import WAITING
from policies.policy import Due, Policy
from projections.engine.projection import ALL_FIELDS, NO_RULES, RowKey, Rows, Seed, Tables
from schemas.event import LedgerEvent

if TYPE_CHECKING:
    from sqlalchemy import MetaData

ENTRIES = UUID("b8f1d3a4-5e0c-5d27-9c66-2a7e41f09d83")  # namespace of outbox ids: stored state, never change it
PREFIX = "policy-"
TABLE = "outbox"


def _tables() -> "MetaData":
    from adapters.outbox.tables import METADATA

    return METADATA


def no_step(_: str) -> None:
    """Nobody follows the steps; fault tests do."""


class PolicyFold:
    """``projections.engine.projection.Projection`` of one policy."""

    version = 1  # of the outbox, not of the policy's reactions: it never starts over
    tables = Tables(_tables)
    rules = NO_RULES
    reads = ALL_FIELDS

    def __init__(self, policy: Policy, step: Callable[[str], None] = no_step) -> None:
        self.name = f"{PREFIX}{policy.name}"
        self.topics = policy.topics
        self._policy = policy
        self._step = step
        self._batch: Rows | None = None
        self._led_to: dict[tuple[Any, ...], tuple[int, RowKey]] = {}

    def seeds(self) -> Iterable[Seed]:
        """None."""
        return ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The entries that the event leads to."""
        return [key for key, _ in self._entries(event)]

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Write what the policy decides; an entry that is there stays as it is, whatever became of it."""
        for place, (key, due) in enumerate(self._entries(event)):
            if rows.get(key) is None and self._stands(event, key, due, rows):
                rows.put(key, self._row(event, place, due))
        self._step("folded")

    def _stands(self, event: LedgerEvent, key: RowKey, due: Due, rows: Rows) -> bool:
        """Whether no later event of the command leads to the same; what an earlier one led to is taken back, where it
        is not stored yet.
        """
        if not due.last_alone:
            return True
        if rows is not self._batch:
            self._batch, self._led_to = rows, {}
        same = event.data["command_id"], due.does, *sorted(due.body.items())
        position, former = self._led_to.get(same, (0, key))
        if position > event.position:  # a record that was sent twice
            return False
        rows.delete(former)
        self._led_to[same] = event.position, key
        return True

    def _entries(self, event: LedgerEvent) -> list[tuple[RowKey, Due]]:
        cause = f"{self._policy.name}@{self._policy.version}|{event.aggregate_id}/{event.version}"
        return [
            (RowKey(TABLE, (str(uuid5(ENTRIES, f"{cause}|{place}|{due.does}")),)), due)
            for place, due in enumerate(self._policy.react(event))
        ]

    def _row(self, event: LedgerEvent, place: int, due: Due) -> dict[str, Any]:
        at = event.data["recorded_at"] if due.at is None else due.at
        return {
            "policy": self._policy.name,
            "version": self._policy.version,
            "kind": due.kind.value,
            "does": due.does,
            "body": dict(due.body),
            "cause": event.position,
            "correlation_id": event.data["correlation_id"],
            "place": place,
            "due_at": at,
            "try_at": at,
            "state": WAITING,
            "attempts": 0,
        }
