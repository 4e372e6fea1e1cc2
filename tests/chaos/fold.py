"""Folds a view from the event store in memory, and reads the rows that the view shows, to compare the two."""

from typing import Any

from projections.engine.projection import Projection, schema_of
from schemas.event import LedgerEvent
from tests.fakes.rows import MemoryRows
from tests.integration.live_ledger import LiveLedger

Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def folded(ledger: LiveLedger, view: Projection) -> Tables:
    """The view as a fold of the event store; columns never set are null."""
    rows = MemoryRows(view.tables)
    for key, seed in view.seeds():
        rows.put(key, seed)
    stored = ledger.query("SELECT id, originator_version, state FROM ledger.ledger_events ORDER BY id")
    for position, version, state in stored:
        schema, data = ledger.krypton.codec.decode(bytes(state), version)
        if schema.topic in view.topics:
            view.apply(LedgerEvent(position, schema.type, data[schema.aggregate], version, data), rows)
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
