"""A view's rows in memory: what unit tests fold events into."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import MetaData

from projections.engine.projection import RowKey

Row = dict[str, Any]


class MemoryRows:
    """Rows by table and key. Given the view's tables, it refuses columns and keys that they do not have."""

    def __init__(self, tables: MetaData | None = None) -> None:
        self._declared = tables
        self._rows: dict[RowKey, Row] = {}

    def get(self, key: RowKey) -> Mapping[str, Any] | None:
        """See ``projections.engine.projection.Rows``."""
        row = self._rows.get(key)
        return None if row is None else dict(row)

    def put(self, key: RowKey, values: Mapping[str, Any]) -> None:
        """See ``projections.engine.projection.Rows``."""
        self._check(key, values)
        self._rows[key] = dict(values)

    def change(self, key: RowKey, **values: Any) -> None:
        """See ``projections.engine.projection.Rows``."""
        self._check(key, values)
        self._rows[key] = {**self._rows.get(key, {}), **values}

    def delete(self, key: RowKey) -> None:
        """See ``projections.engine.projection.Rows``."""
        self._rows.pop(key, None)

    def tables(self) -> dict[str, dict[tuple[Any, ...], Row]]:
        """Everything: table to key to row, without the tables that hold none."""
        found: dict[str, dict[tuple[Any, ...], Row]] = {}
        for key, row in self._rows.items():
            found.setdefault(key.table, {})[key.key] = dict(row)
        return found

    def table(self, name: str) -> dict[tuple[Any, ...], Row]:
        """One table's rows by key; empty where there is none."""
        return self.tables().get(name, {})

    def _check(self, key: RowKey, values: Mapping[str, Any]) -> None:
        if self._declared is None:
            return
        table = self._declared.tables[key.table]
        primary = [c.name for c in table.primary_key.columns]
        assert len(primary) == len(key.key), f"{key.table} has the key {primary}, not {len(key.key)} values"
        unknown = values.keys() - ({c.name for c in table.columns} - set(primary))
        assert not unknown, f"{key.table} has no columns {sorted(unknown)} beside its key"
