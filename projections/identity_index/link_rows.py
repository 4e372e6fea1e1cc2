"""Writes the rows of ``link.*`` events: the latest statement on each pair, its history, and the resulting persons."""

from collections.abc import Callable, Collection, Iterable

from domain.membership import HELD_BY_EVENT
from projections.engine.projection import RowKey, Rows
from projections.identity_index.membership_rows import state
from schemas.event import LedgerEvent

EVIDENCE = ("reason", "rule", "rule_version", "score", "compared", "differing")

DEFERS: dict[str, dict[str, str]] = {
    "link.postponed": {"until": "postponed_until"},
    "link.assigned": {"assigned_to": "assigned_to"},
}
"""Statements that only change when a pair is on the worklist, and whose it is: field to column."""


def keys(event: LedgerEvent) -> Iterable[RowKey]:
    """The pair's link and the nodes of both sides, which name the clusters."""
    low, high = event.data["low"], event.data["high"]
    return RowKey("link", (low, high)), RowKey("node", (low,)), RowKey("node", (high,))


def clusters(event: LedgerEvent, rows: Rows) -> list[RowKey]:
    """The clusters that the event may change, as far as the nodes of both sides know them."""
    if HELD_BY_EVENT[event.type] is None:
        return []
    nodes = [rows.get(RowKey("node", (event.data[side],))) for side in ("low", "high")]
    return [RowKey("cluster", (node["cluster_id"],)) for node in nodes if node]


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
    if event.type in DEFERS:  # neither its state nor since when it waits
        rows.change(link, **{column: data.get(field) for field, column in DEFERS[event.type].items()})
        return
    said = event.type.removeprefix("link.")
    last = {"state": said, "position": event.position, "postponed_until": None, "assigned_to": None}
    rows.change(link, link_id=event.aggregate_id, **last)
    if HELD_BY_EVENT[event.type] is not None:
        state(event, rows)


WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = dict.fromkeys(HELD_BY_EVENT, _said)
"""What writes the rows of each event type."""

PAIR = ("low", "high", "low_registered", "high_registered")
READS: dict[str, Collection[str]] = {
    said: (*PAIR, "actor", "recorded_at", *EVIDENCE, *DEFERS.get(said, ())) for said in HELD_BY_EVENT
}
