"""In-memory rows of one partition, for a rebuild; least recently used rows spill to temporary tables.

Implements ``projections.engine.projection.Rows`` without a database, up to a limit. Rows are in two generations: when
the ``young`` reach half the limit, the ``old`` are spilled and the young become old. A row that is used again becomes
young. A key is in one place only.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from projections.engine.projection import RowKey
from projections.engine.rows import UnknownColumn
from projections.engine.shape import Shape, Shapes
from projections.versions.away import Away
from projections.versions.bounds import USUAL

Row = Mapping[str, Any]
Key = tuple[Any, ...]
Held = Mapping[str, Mapping[Key, Row]]
"""Table name to its rows by primary key."""


class Spill(Protocol):
    """Storage for rows beyond the memory limit (``projections.versions.spill``)."""

    def store(self, rows: Held) -> None:
        """Store rows; their keys must not be stored yet."""

    def load(self, keys: Iterable[RowKey]) -> Held:
        """Return those of the rows that are stored, and remove them."""


class _Table:
    """One table's rows. ``away``: which keys may be spilled."""

    __slots__ = ("away", "blank", "name", "old", "young")

    def __init__(self, name: str, shape: Shape, away_bytes: int) -> None:
        self.name = name
        self.blank: dict[str, Any] = dict.fromkeys(column for column in shape.columns if column not in shape.key)
        self.young: dict[Key, Row] = {}
        self.old: dict[Key, Row] = {}
        self.away = Away(away_bytes)

    def filled(self, values: Row, base: Row) -> Row:
        """The base row with these values set. Raises UnknownColumn."""
        row = {**base, **values}
        if len(row) != len(base):
            unknown = sorted(row.keys() - self.blank.keys())
            raise UnknownColumn(f"{self.name} has no columns {unknown} beside its key")
        return row


class MemoryRows:
    """One partition's rows. ``most``: how many are kept before the older half is spilled; ``away_bytes``: what knowing
    the spilled ones takes, for each table.
    """

    def __init__(self, shapes: Shapes, most: int, spill: Spill, away_bytes: int = USUAL.away_bytes) -> None:
        self._tables = {name: _Table(name, shape, away_bytes) for name, shape in shapes.items()}
        self._half = most // 2
        self._spill = spill
        self._spilt = False  # before the first spill all rows are young
        self._undo: list[tuple[dict[Key, Row], Key, Row | None]] = []

    @property
    def spills(self) -> bool:
        """Whether rows were spilled."""
        return any(table.away for table in self._tables.values())

    def prefetch(self, keys: Iterable[RowKey]) -> None:
        """Load spilled rows back together; costs nothing if none were spilled."""
        if self._spilt:
            self._load({RowKey(name, key) for name, key in keys if self._is_away(self._tables[name], key)})

    def get(self, key: RowKey) -> Row | None:
        """See ``Rows``."""
        name, values = key
        table = self._tables[name]
        if (row := table.young.get(values)) is None and self._spilt:
            return self._older(table, values)
        return row

    def put(self, key: RowKey, values: Row) -> None:
        """See ``Rows``. Raises UnknownColumn. A dict with all columns is kept as it is, without a copy."""
        name, ident = key
        table = self._tables[name]
        if (before := table.young.get(ident)) is None and self._spilt:  # inlined from ``get``: this runs once per row
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
        """Set the point that ``rollback_to_mark`` returns to."""
        self._undo.clear()

    def rollback_to_mark(self) -> None:
        """Undo everything put, changed and deleted since the mark, so that a failed event has no effect."""
        for young, key, before in reversed(self._undo):
            if before is None:
                young.pop(key, None)
            else:
                young[key] = before
        self._undo.clear()

    def tidy(self) -> None:
        """Enforce the limit; call between two events."""
        if sum(len(table.young) for table in self._tables.values()) <= self._half:
            return
        if older := {table.name: table.old for table in self._tables.values() if table.old}:
            self._spill.store(older)
        for table in self._tables.values():
            table.away.note(table.old)
            table.old, table.young = table.young, {}
        self._spilt = True
        self._undo.clear()

    def rows(self) -> Held:
        """All rows that are not spilled; every column is present."""
        return {name: {**t.old, **t.young} if t.old else t.young for name, t in self._tables.items()}

    def _older(self, table: _Table, key: Key) -> Row | None:
        """A row that is not young; it becomes young."""
        if (row := table.old.pop(key, None)) is not None:
            table.young[key] = row
        elif table.away.may_hold(key):
            self._load((RowKey(table.name, key),))
            return table.young.get(key)
        return row

    def _is_away(self, table: _Table, key: Key) -> bool:
        return key not in table.young and key not in table.old and table.away.may_hold(key)

    def _load(self, keys: Collection[RowKey]) -> None:
        # They stay in ``away``: one look-up too many is harmless.
        for name, rows in self._spill.load(keys).items() if keys else ():
            self._tables[name].young.update(rows)
