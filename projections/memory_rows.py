"""Rows of one partition, in memory: what a rebuild folds events into.

``projections.projection.Rows`` without a database, until there are more rows than memory is meant for: then the older
half goes to an ``Attic``, and a row that is asked for again is brought back. A key is in one place only.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, Protocol

from sqlalchemy import MetaData

from projections.projection import RowKey
from projections.rows import UnknownColumn

Row = Mapping[str, Any]
ABSENT: Final = object()


class Attic(Protocol):
    """Where rows go that memory is not meant for (``projections.attic``)."""

    def put_away(self, rows: Mapping[RowKey, Row]) -> None:
        """Take rows, whose keys it does not hold."""

    def bring_back(self, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
        """Give back those of the rows that it holds, and forget them."""


class MemoryRows:
    """One partition's rows. ``most``: how many are held before the older half goes to the attic."""

    def __init__(self, tables: MetaData, most: int, attic: Attic) -> None:
        keyed = {t.name: t for t in tables.sorted_tables}
        self._blank = {name: dict.fromkeys(c.name for c in t.columns if not c.primary_key) for name, t in keyed.items()}
        self._columns = {name: blank.keys() for name, blank in self._blank.items()}
        self._most = most
        self._attic = attic
        self._away: set[int] = set()  # hashes of the keys in the attic: 8 bytes each, not the keys themselves
        self._rows: dict[RowKey, Row] = {}
        self._undo: list[tuple[RowKey, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def spills(self) -> bool:
        """Whether rows are in the attic."""
        return bool(self._away)

    def prefetch(self, keys: Iterable[RowKey]) -> None:
        """Bring rows back from the attic together; costs nothing while it is empty."""
        if self._away and (wanted := {key for key in keys if key not in self._rows and hash(key) in self._away}):
            self._bring_back(wanted)

    def get(self, key: RowKey) -> Row | None:
        """See ``Rows``."""
        if (row := self._rows.get(key)) is None and self._away and hash(key) in self._away:
            self._bring_back((key,))
            return self._rows.get(key)
        return row

    def put(self, key: RowKey, values: Mapping[str, Any]) -> None:
        """See ``Rows``. Raises UnknownColumn. A row that names as many columns as there are is kept as it is."""
        blank = self._blank[key.table]
        if len(values) == len(blank):
            self._undo.append((key, self.get(key)))
            self._rows[key] = values
        else:
            self._set(key, values, blank, self.get(key))

    def change(self, key: RowKey, **values: Any) -> None:
        """See ``Rows``. Raises UnknownColumn."""
        before = self.get(key)
        self._set(key, values, self._blank[key.table] if before is None else before, before)

    def delete(self, key: RowKey) -> None:
        """See ``Rows``."""
        if (row := self.get(key)) is not None:
            self._undo.append((key, row))
            del self._rows[key]

    def mark(self) -> None:
        """From here on, ``rollback_to_mark`` takes back."""
        self._undo.clear()

    def rollback_to_mark(self) -> None:
        """Take back what was put, changed and deleted since the mark, so that a failed event leaves nothing."""
        for key, before in reversed(self._undo):
            if before is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = before
        self._undo.clear()

    def tidy(self) -> None:
        """Between two events: keep to the bound."""
        if len(self._rows) <= self._most:
            return
        older = dict(islice(self._rows.items(), len(self._rows) - self._most // 2))
        self._attic.put_away(older)
        self._away.update(map(hash, older))
        self._rows = dict(islice(self._rows.items(), len(older), None))
        self._undo.clear()

    def rows(self) -> Mapping[RowKey, Row]:
        """All rows that are not in the attic; every column is there."""
        return self._rows

    def _set(self, key: RowKey, values: Mapping[str, Any], base: Row, before: Row | None) -> None:
        row = {**base, **values}
        if len(row) != len(base):
            unknown = sorted(row.keys() - self._columns[key.table])
            raise UnknownColumn(f"{key.table} has no columns {unknown} beside its key")
        self._undo.append((key, before))
        self._rows[key] = row

    def _bring_back(self, keys: Iterable[RowKey]) -> None:
        # The hashes stay in ``_away``: another key may have the same one, and looking once too often is harmless.
        self._rows.update(self._attic.bring_back(keys))
