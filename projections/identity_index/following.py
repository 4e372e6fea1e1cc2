"""Writes rows that are made from an identity's own row, as names and keys are: what changes of them, no more."""

from collections.abc import Callable, Mapping
from typing import Any

from projections.engine.projection import RowKey, Rows
from schemas.event import LedgerEvent

Write = Callable[[LedgerEvent, Rows], None]
Made = Callable[[Mapping[str, Any] | None, str], Mapping[tuple[Any, ...], dict[str, Any]]]
"""The rows, by their keys, that follow from an identity's row, None where there is none, and its id."""


def write_following(event: LedgerEvent, rows: Rows, write: Write, table: str, made: Made) -> None:
    """Write the event's own rows, then those of the table that follow from the identity's."""
    identity = RowKey("identity", (event.aggregate_id,))
    # A registration is an identity's first event: there is nothing to look for.
    before = {} if event.type == "identity.registered" else made(rows.get(identity), event.aggregate_id)
    write(event, rows)
    after = made(rows.get(identity), event.aggregate_id)
    for gone in before.keys() - after.keys():
        rows.delete(RowKey(table, gone))
    for key, said in after.items():
        if before.get(key) != said:
            rows.put(RowKey(table, key), said)
