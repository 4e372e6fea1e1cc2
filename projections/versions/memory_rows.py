"""Rows of one partition, in memory: what a rebuild folds events into.

``projections.engine.projection.Rows`` without a database, until there are more rows than memory is meant for. Rows come
in two generations: when the ``young`` are half of what may be held, the ``old`` go to an ``Attic``, and the young
become old. A row that is asked for again is brought back among the young. A key is in one place only.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import MetaData, Table

from projections.engine.projection import RowKey
from projections.engine.rows import UnknownColumn

Row = Mapping[str, Any]
Key = tuple[Any, ...]
Held = Mapping[str, Mapping[Key, Row]]
"""Table name to its rows, by the values of the primary key."""


class Attic(Protocol):
    """Where rows go that memory is not meant for (``projections.versions.spill``)."""

    def put_away(self, rows: Held) -> None:
        """Take rows, whose keys it does not hold."""

    def bring_back(self, keys: Iterable[RowKey]) -> Held:
        """Give back those of the rows that it holds, and forget them."""


class _Table:
    """One table's rows. ``away``: hashes of the keys in the attic, 8 bytes each, not the keys themselves."""

    __slots__ = ("away", "blank", "name", "old", "young")

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.blank: dict[str, Any] = dict.fromkeys(c.name for c in table.columns if not c.primary_key)
        self.young: dict[Key, Row] = {}
        self.old: dict[Key, Row] = {}
        self.away: set[int] = set()

    def filled(self, values: Row, base: Row) -> Row:
        """The base with these values. Raises UnknownColumn."""
        row = {**base, **values}
        if len(row) != len(base):
            unknown = sorted(row.keys() - self.blank.keys())
            raise UnknownColumn(f"{self.name} has no columns {unknown} beside its key")
        return row


class MemoryRows:
    """One partition's rows. ``most``: how many are held before the older half goes to the attic."""

    def __init__(self, tables: MetaData, most: int, attic: Attic) -> None:
        self._tables = {table.name: _Table(table) for table in tables.sorted_tables}
        self._half = most // 2
        self._attic = attic
        self._spilt = False  # nothing is old nor away: all that is held is young
        self._undo: list[tuple[dict[Key, Row], Key, Row | None]] = []

    @property
    def spills(self) -> bool:
        """Whether rows are in the attic."""
        return any(table.away for table in self._tables.values())

    def prefetch(self, keys: Iterable[RowKey]) -> None:
        """Bring rows back from the attic together; costs nothing while it is empty."""
        if self._spilt:
            self._bring_back({RowKey(name, key) for name, key in keys if self._is_away(self._tables[name], key)})

    def get(self, key: RowKey) -> Row | None:
        """See ``Rows``."""
        name, values = key
        table = self._tables[name]
        if (row := table.young.get(values)) is None and self._spilt:
            return self._older(table, values)
        return row

    def put(self, key: RowKey, values: Row) -> None:
        """See ``Rows``. Raises UnknownColumn. A row that names as many columns as there are is kept as it is."""
        name, ident = key
        table = self._tables[name]
        if (before := table.young.get(ident)) is None and self._spilt:  # as in ``get``: this runs once per row
            before = self._older(table, ident)
        self._undo.append((table.young, ident, before))
        table.young[ident] = values if len(values) == len(table.blank) else table.filled(values, table.blank)

    def change(self, key: RowKey, **values: Any) -> None:
        """See ``Rows``. Raises UnknownColumn."""
        before = self.get(key)
        name, ident = key
        table = self._tables[name]
        self._undo.append((table.young, ident, before))
        table.young[ident] = table.filled(values, table.blank if before is None else before)

    def delete(self, key: RowKey) -> None:
        """See ``Rows``."""
        if (row := self.get(key)) is not None:
            young = self._tables[key.table].young
            self._undo.append((young, key.key, row))
            del young[key.key]

    def mark(self) -> None:
        """From here on, ``rollback_to_mark`` takes back."""
        self._undo.clear()

    def rollback_to_mark(self) -> None:
        """Take back what was put, changed and deleted since the mark, so that a failed event leaves nothing."""
        for young, key, before in reversed(self._undo):
            if before is None:
                young.pop(key, None)
            else:
                young[key] = before
        self._undo.clear()

    def tidy(self) -> None:
        """Between two events: keep to the bound."""
        if sum(len(table.young) for table in self._tables.values()) <= self._half:
            return
        if older := {table.name: table.old for table in self._tables.values() if table.old}:
            self._attic.put_away(older)
        for table in self._tables.values():
            table.away.update(map(hash, table.old))
            table.old, table.young = table.young, {}
        self._spilt = True
        self._undo.clear()

    def rows(self) -> Held:
        """All rows that are not in the attic; every column is there."""
        return {name: {**t.old, **t.young} if t.old else t.young for name, t in self._tables.items()}

    def _older(self, table: _Table, key: Key) -> Row | None:
        """A row that is not young; it is from now on."""
        if (row := table.old.pop(key, None)) is not None:
            table.young[key] = row
        elif hash(key) in table.away:
            self._bring_back((RowKey(table.name, key),))
            return table.young.get(key)
        return row

    def _is_away(self, table: _Table, key: Key) -> bool:
        return hash(key) in table.away and key not in table.young and key not in table.old

    def _bring_back(self, keys: Collection[RowKey]) -> None:
        # The hashes stay in ``away``: another key may have the same one, and looking once too often is harmless.
        for name, rows in self._attic.bring_back(keys).items() if keys else ():
            self._tables[name].young.update(rows)
