"""Writes the rows of ``link.*`` events: the latest statement on each pair, its history, and the resulting persons."""

from collections.abc import Callable, Collection, Iterable

from domain.membership import HELD_BY_EVENT
from projections.engine.projection import RowKey, Rows
from projections.identity_index.membership_rows import state
from schemas.event import LedgerEvent

EVIDENCE = ("reason", "rule", "rule_version", "score", "compared", "differing")


def keys(event: LedgerEvent) -> Iterable[RowKey]:
    """The pair's link and the nodes of both sides; clusters are named by the nodes and read on demand."""
    low, high = event.data["low"], event.data["high"]
    return RowKey("link", (low, high)), RowKey("node", (low,)), RowKey("node", (high,))


def _said(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    low, high = data["low"], data["high"]
    rows.put(
        RowKey("statement", (event.position,)),
        {
            "link_id": event.aggregate_id,
            "type": event.type,
            "low": low,
            "high": high,
            "actor": data["actor"],
            "recorded_at": data["recorded_at"],
            **{name: data.get(name) for name in EVIDENCE},
        },
    )
    link = RowKey("link", (low, high))
    said = event.type.removeprefix("link.")
    rows.change(link, link_id=event.aggregate_id, state=said, position=event.position)
    if HELD_BY_EVENT[event.type] is not None:
        state(event, rows)


WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = dict.fromkeys(HELD_BY_EVENT, _said)
"""What writes the rows of each event type."""

PAIR = ("low", "high", "low_registered", "high_registered")
READS: dict[str, Collection[str]] = dict.fromkeys(HELD_BY_EVENT, (*PAIR, "actor", "recorded_at", *EVIDENCE))
