"""What differs between two versions of a view: counts first, then a listing by key, page by page; never a value.

Each row is reduced to its key and a 64-bit hash of its other columns inside the server, and the two sides are joined
on the key: no row leaves PostgreSQL. Columns that only one version has are not compared, but named. What was sealed
under a destroyed key is compared as readers see it. Ask in one snapshot (a REPEATABLE READ connection): ``settled``
tells whether both versions had read equally far in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg2.extensions import connection as Connection

from projections.meaning import MEANINGS
from projections.reading import fetch
from projections.rows import quoted
from projections.sealed import shown

Document = dict[str, Any]

COLUMNS = """
SELECT a.attname AS name, coalesce(i.indisprimary, false) AS key
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey)
WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = ANY(%(schemas)s) GROUP BY 1 ORDER BY 1"
POSITIONS = """
SELECT version, topic, "partition", next FROM views.position
WHERE view = %(view)s AND version IN (%(live)s, %(candidate)s)
"""
# A diff reads two whole versions once: sorting and hashing in memory is worth more than being frugal.
SESSION = "SET LOCAL work_mem = '256MB'; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 2"


@dataclass(frozen=True)
class Pair:
    """Two versions of one view: ``live`` is what readers see, ``candidate`` what they might.

    ``sealed``: of each table, the sealed columns and the columns that name their subjects. ``erased``: the identities
    whose key is destroyed.
    """

    view: str
    live: int
    candidate: int
    sealed: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    erased: Sequence[str] = ()

    @property
    def schemas(self) -> tuple[str, str]:
        """The PostgreSQL schemas of both."""
        return f"{self.view}_v{self.live}", f"{self.view}_v{self.candidate}"


@dataclass(frozen=True)
class _Compared:
    """One table, as both versions have it."""

    name: str
    key: tuple[str, ...]
    shared: tuple[str, ...]
    only_live: tuple[str, ...]
    only_candidate: tuple[str, ...]

    def joined(self, pair: Pair) -> str:
        """Both sides of each row that differs: ``l`` and ``c``, each with the key and ``hash``."""
        sealed = pair.sealed.get(self.name, {})
        left, right = (self._hashed(quoted(schema, self.name), sealed) for schema in pair.schemas)
        matched = " AND ".join(f"l.{quoted(c)} = c.{quoted(c)}" for c in self.key)
        return f"FROM ({left}) l FULL JOIN ({right}) c ON {matched} WHERE l.hash IS DISTINCT FROM c.hash"

    def _hashed(self, table: str, sealed: Mapping[str, Sequence[str]]) -> str:
        key = ", ".join(f"t.{quoted(c)}" for c in self.key)
        row = ", ".join(shown(c, sealed) for c in self.shared)
        return f"SELECT {key}, hash_record_extended(ROW({row}), 0) AS hash FROM {table} t"


def summary(connection: Connection, pair: Pair) -> Document:
    """``views diff``, the counts: rows added, gone and changed by table, and what that means.

    ``equal``: nothing differs, in rows or columns. ``persons``, ``alerts``: see ``meaning``; only where they apply.
    """
    _session(connection)
    tables = [_counts(connection, pair, table) for table in _tables(connection, pair)]
    meant = MEANINGS[pair.view].counts(connection, *pair.schemas) if pair.view in MEANINGS else {}
    return {
        "view": pair.view,
        "live": pair.live,
        "candidate": pair.candidate,
        "equal": not any(t["added"] or t["gone"] or t["changed"] or t["columns"] for t in tables),
        "settled": _settled(connection, pair),
        **meant,
        "tables": tables,
    }


def listing(connection: Connection, pair: Pair, table: str, offset: int = 0, limit: int = 100) -> list[Document]:
    """The rows of one table that differ: ``change`` (added, gone or changed), ``key`` and differing ``columns``."""
    _session(connection)
    for one in _tables(connection, pair):
        if one.name == table:
            return _page(connection, pair, one, offset, limit)
    return []


def meaning(connection: Connection, pair: Pair, offset: int = 0, limit: int = 100) -> list[Document]:
    """What the differences mean, one document each: persons joined or split, alerts newly raised or no longer."""
    _session(connection)
    return MEANINGS[pair.view].page(connection, *pair.schemas, offset, limit) if pair.view in MEANINGS else []


def _session(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SESSION)


def _tables(connection: Connection, pair: Pair) -> list[_Compared]:
    return [_compared(connection, pair, row["name"]) for row in fetch(connection, TABLES, schemas=list(pair.schemas))]


def _compared(connection: Connection, pair: Pair, name: str) -> _Compared:
    live, candidate = (
        {c["name"]: c["key"] for c in fetch(connection, COLUMNS, table=quoted(schema, name))} for schema in pair.schemas
    )
    key = tuple(c for c, is_key in (live or candidate).items() if is_key)
    return _Compared(
        name,
        key,
        tuple(c for c in live if c in candidate and c not in key),
        tuple(c for c in live if c not in candidate),
        tuple(c for c in candidate if c not in live),
    )


def _counts(connection: Connection, pair: Pair, table: _Compared) -> Document:
    first = quoted(table.key[0])
    (found,) = fetch(
        connection,
        f"SELECT count(*) FILTER (WHERE l.{first} IS NULL) AS added, count(*) FILTER (WHERE c.{first} IS NULL) AS gone,"
        f" count(*) FILTER (WHERE l.{first} IS NOT NULL AND c.{first} IS NOT NULL) AS changed {table.joined(pair)}",
        erased=list(pair.erased),
    )
    return {"table": table.name, **found, "columns": [*table.only_live, *table.only_candidate]}


def _page(connection: Connection, pair: Pair, table: _Compared, offset: int, limit: int) -> list[Document]:
    first = quoted(table.key[0])
    key = ", ".join(f"coalesce(l.{quoted(c)}, c.{quoted(c)}) AS {quoted(c)}" for c in table.key)
    change = f"CASE WHEN l.{first} IS NULL THEN 'added' WHEN c.{first} IS NULL THEN 'gone' ELSE 'changed' END"
    order = ", ".join(str(n) for n in range(2, 2 + len(table.key)))
    found = fetch(
        connection,
        f"SELECT {change} AS change, {key} {table.joined(pair)} ORDER BY {order} OFFSET %(offset)s LIMIT %(limit)s",
        offset=offset,
        limit=limit,
        erased=list(pair.erased),
    )
    return [
        {
            "table": table.name,
            "change": row.pop("change"),
            "key": dict(row),
            "columns": _differing(connection, pair, table, row),
        }
        for row in found
    ]


def _differing(connection: Connection, pair: Pair, table: _Compared, key: Mapping[str, Any]) -> Sequence[str]:
    """Names of the columns in which a row differs; none where one side lacks it."""
    if not table.shared:
        return []
    sealed = pair.sealed.get(table.name, {})
    row = ", ".join(f"{shown(c, sealed)} AS {quoted(c)}" for c in table.shared)
    where = " AND ".join(f"t.{quoted(c)} = %(k{n})s" for n, c in enumerate(table.key))
    left, right = (f"(SELECT {row} FROM {quoted(schema, table.name)} t WHERE {where})" for schema in pair.schemas)
    flags = ", ".join(f"l.{quoted(c)} IS DISTINCT FROM c.{quoted(c)} AS {quoted(c)}" for c in table.shared)
    values = {f"k{n}": value for n, value in enumerate(key.values())}
    found = fetch(connection, f"SELECT {flags} FROM {left} l, {right} c", erased=list(pair.erased), **values)
    return [column for column, differs in found[0].items() if differs] if found else []


def _settled(connection: Connection, pair: Pair) -> bool:
    read: dict[int, dict[tuple[str, int], int]] = {pair.live: {}, pair.candidate: {}}
    for row in fetch(connection, POSITIONS, view=pair.view, live=pair.live, candidate=pair.candidate):
        read[row["version"]][row["topic"], row["partition"]] = row["next"]
    return read[pair.live] == read[pair.candidate]
