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

    def seeds(self) -> Iterable[Seed]:
        """None."""
        return ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The entries that the event leads to."""
        return [key for key, _ in self._entries(event)]

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Write what the policy decides; an entry that is there stays as it is, whatever became of it."""
        for place, (key, due) in enumerate(self._entries(event)):
            if rows.get(key) is None:
                rows.put(key, self._row(event, place, due))
        self._step("folded")

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
