"""SQL that compares one table between two versions of a view, row by row.

A table that only one version has counts as all added or all gone. If the keys differ, all rows count as replaced.
Columns that only one version has, or whose type differs, are named and not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch
from projections.engine.rows import quoted
from projections.engine.sealed import Seal, shown

COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, coalesce(i.indisprimary, false) AS key
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey)
WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


class Column(NamedTuple):
    """A column as PostgreSQL describes it."""

    type: str
    key: bool


Columns = Mapping[str, Column]
"""Columns by name, in table order; empty if the version has no such table."""


def columns_of(connection: Connection, schema: str, table: str) -> Columns:
    """The columns of an existing table."""
    found = fetch(connection, COLUMNS, table=quoted(schema, table))
    return {row["name"]: Column(row["type"], row["key"]) for row in found}


@dataclass(frozen=True)
class Compared:
    """``schemas``: of the live version and of the candidate. ``sealed``: the columns that readers see masked
    after an erasure.
    """

    name: str
    schemas: tuple[str, str]
    live: Columns
    candidate: Columns
    sealed: Mapping[str, Seal]

    @property
    def key(self) -> tuple[str, ...]:
        """The key columns, from whichever version has the table."""
        return _key(self.live) or _key(self.candidate)

    @property
    def rekeyed(self) -> bool:
        """Both versions have the table, with different keys."""
        keys = [{name: one for name, one in side.items() if one.key} for side in (self.live, self.candidate)]
        return all(keys) and keys[0] != keys[1]

    @property
    def shared(self) -> tuple[str, ...]:
        """Columns that both have, besides the key."""
        return tuple(name for name, one in self.live.items() if not one.key and self._comparable(name))

    @property
    def other(self) -> list[str]:
        """Columns not compared: only one version has them, or their type or role differs."""
        return [n for n in {**self.live, **self.candidate} if not self._comparable(n)]

    def _comparable(self, name: str) -> bool:
        needed = {name, *(self.sealed[name].subjects if name in self.sealed else ())}
        both = needed <= self.live.keys() & self.candidate.keys()
        return both and self.live[name] == self.candidate[name]

    def joined(self) -> str:
        """Both sides of each row that differs: ``l`` and ``c``, each with the key and ``hash``. Not if rekeyed."""
        left, right = (self._hashed(source) for source in self.sources)
        matched = " AND ".join(f"l.{quoted(c)} = c.{quoted(c)}" for c in self.key)
        return f"FROM ({left}) l FULL JOIN ({right}) c ON {matched} WHERE l.hash IS DISTINCT FROM c.hash"

    @property
    def sources(self) -> tuple[str, str]:
        """The two FROM clauses, as ``t``; an empty relation for a version that lacks the table."""
        live, candidate = (quoted(schema, self.name) for schema in self.schemas)
        none = f"(SELECT * FROM {live if self.live else candidate} WHERE false) t"
        return (f"{live} t" if self.live else none, f"{candidate} t" if self.candidate else none)

    def _hashed(self, source: str) -> str:
        key = ", ".join(f"t.{quoted(c)}" for c in self.key)
        row = ", ".join(shown(c, self.sealed) for c in self.shared)
        return f"SELECT {key}, hash_record_extended(ROW({row}), 0) AS hash FROM {source}"

    def replaced(self) -> str:
        """If rekeyed: ``change`` and ``key`` of every row of both, the key as one document."""
        changes = zip(("gone", "added"), self.sources, (self.live, self.candidate), strict=True)
        return " UNION ALL ".join(
            f"SELECT '{change}' AS change, {_document(_key(side))} AS key FROM {source}"
            for change, source, side in changes
        )


def _key(side: Columns) -> tuple[str, ...]:
    return tuple(name for name, one in side.items() if one.key)


def _document(key: tuple[str, ...]) -> str:
    pairs = ", ".join(f"'{column}', t.{quoted(column)}" for column in key)
    return f"jsonb_build_object({pairs})"
