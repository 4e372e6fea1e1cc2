"""Folds a view from the event store in memory, and reads the rows that the view shows, to compare the two."""

from collections.abc import Iterable
from typing import Any

from projections.engine.projection import Projection, schema_of
from schemas.event import LedgerEvent
from schemas.registry import registry
from tests.fakes.rows import MemoryRows
from tests.integration.live_ledger import LiveLedger

Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def stored(ledger: LiveLedger) -> list[LedgerEvent]:
    """All that the event store holds, in order; read once for all views."""
    found = []
    rows = ledger.query("SELECT id, originator_version, state FROM ledger.ledger_events ORDER BY id")
    for position, version, state in rows:
        schema, data = ledger.krypton.codec.decode(bytes(state), version)
        found.append(LedgerEvent(position, schema.type, data[schema.aggregate], version, data))
    return found


def folded(events: Iterable[LedgerEvent], view: Projection) -> Tables:
    """The view as a fold of these events; columns never set are null."""
    rows, topic_of = MemoryRows(view.tables), {each.type: each.topic for each in registry().latest.values()}
    for key, seed in view.seeds():
        rows.put(key, seed)
    for event in events:
        if topic_of[event.type] in view.topics:
            view.apply(event, rows)
    return {
        name: {
            key: {c.name: row.get(c.name) for c in view.tables.tables[name].columns if not c.primary_key}
            for key, row in found.items()
        }
        for name, found in rows.tables().items()
    }


def shown(ledger: LiveLedger, view: Projection) -> Tables:
    """The view's rows as they are."""
    found: Tables = {}
    for table in view.tables.sorted_tables:
        width, names = len(table.primary_key.columns), [c.name for c in table.columns]
        for row in ledger.query(f"SELECT {', '.join(names)} FROM {schema_of(view)}.{table.name}"):
            found.setdefault(table.name, {})[row[:width]] = dict(zip(names[width:], row[width:], strict=True))
    return found
