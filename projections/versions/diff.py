"""Compares two versions of a view: counts first, then the keys of differing rows page by page, never values.

PostgreSQL reduces each row to its key and a 64-bit hash of its other columns and joins the two sides on the key: no row
leaves the server. For tables and columns that only one version has see ``compared``. Texts of erased persons are
compared as readers see them. Use one snapshot (a REPEATABLE READ connection): ``settled`` says whether both versions
had read equally far in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection

from domain.errors import NotFound
from projections.engine.declaration import Document, Keep, Meaning, Tell
from projections.engine.query import fetch
from projections.engine.rows import quoted
from projections.engine.sealed import Seal, shown
from projections.versions import catalog
from projections.versions.compared import Compared, columns_of

T = TypeVar("T")
OTHER_TABLES = (
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.UndefinedColumn,
    psycopg2.errors.UndefinedFunction,
    psycopg2.errors.DatatypeMismatch,
)

TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = ANY(%(schemas)s) GROUP BY 1 ORDER BY 1"
SIZES = """
SELECT c.relname AS name, sum(greatest(c.reltuples, 1))::bigint AS rows FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = ANY(%(schemas)s) GROUP BY 1
"""
POSITIONS = """
SELECT version, topic, "partition", next FROM views.position
WHERE view = %(view)s AND version IN (%(live)s, %(candidate)s)
"""
# A diff reads two whole versions once: fast sorting and hashing in memory matters more than saving memory, and what a
# cursor begins is read to its end.
SESSION = (
    "SET LOCAL work_mem = '256MB'; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 2; "
    "SET LOCAL cursor_tuple_fraction = 1"
)


@dataclass(frozen=True)
class Pair:
    """Two versions of one view: ``live`` is what readers see, ``candidate`` the other.

    ``sealed``: for each table its sealed columns. ``erased``: the erased
    identities. ``meaning``: what a difference means beyond rows, if the view declares it.
    """

    view: str
    live: int
    candidate: int
    sealed: Mapping[str, Mapping[str, Seal]] = field(default_factory=dict)
    erased: Sequence[str] = ()
    meaning: Meaning | None = None

    @property
    def schemas(self) -> tuple[str, str]:
        """The PostgreSQL schemas of both."""
        return f"{self.view}_v{self.live}", f"{self.view}_v{self.candidate}"


def summary(connection: Connection, pair: Pair, tell: Tell = lambda *_: None, keep: Keep = lambda _: None) -> Document:
    """The counts of ``views diff``: rows added, gone and changed per table, and what they mean.

    ``equal``: no difference in rows or columns. ``dead_letters``: how many wait in each. ``persons``, ``doses``: see
    ``Meaning``; only if they apply and both versions have the tables for them. ``tell``: told how
    far it is; the rows to compare are PostgreSQL's estimate. ``keep``: see ``Keep``.
    """
    tables = _counted(connection, pair, tell)
    letters, sides = catalog.dead_letters(connection), {"live": pair.live, "candidate": pair.candidate}
    nothing: Document = {}
    meant = _meant(connection, pair, lambda told: told.counts(connection, *pair.schemas, tell, keep), nothing)
    return {
        "view": pair.view,
        "live": pair.live,
        "candidate": pair.candidate,
        "equal": _are_equal(tables),
        "settled": _settled(connection, pair),
        "dead_letters": {side: letters.get((pair.view, number), 0) for side, number in sides.items()},
        **meant,
        "tables": tables,
    }


def equal(connection: Connection, pair: Pair, tell: Tell = lambda *_: None) -> bool:
    """Whether no row and no column differs. What differences mean is not worked out: of a region that takes minutes."""
    return _are_equal(_counted(connection, pair, tell))


def listing(connection: Connection, pair: Pair, table: str, offset: int = 0, limit: int = 100) -> list[Document]:
    """The differing rows of one table: ``change`` (added, gone or changed), ``key`` and differing ``columns``.

    Raises NotFound, which names the existing tables.
    """
    _session(connection)
    names = [row["name"] for row in fetch(connection, TABLES, schemas=list(pair.schemas))]
    if table not in names:
        raise NotFound(f"{pair.view} has no table {table}; its tables are {', '.join(names)}")
    return _page(connection, pair, _compared(connection, pair, table), offset, limit)


def meaning(
    connection: Connection, pair: Pair, offset: int = 0, limit: int = 100, tell: Tell = lambda *_: None
) -> list[Document]:
    """What the differences mean, one document each: persons joined or split, alerts newly raised or no longer
    raised.
    """
    _session(connection)
    nothing: list[Document] = []
    return _meant(connection, pair, lambda told: told.page(connection, *pair.schemas, offset, limit, tell), nothing)


def _meant(connection: Connection, pair: Pair, ask: Callable[[Meaning], T], nothing: T) -> T:
    """The answer; ``nothing`` if a view has no such meaning, or a version lacks the tables for it."""
    if (told := pair.meaning) is None:
        return nothing
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT meaning")
        try:
            return ask(told)
        except OTHER_TABLES:
            cursor.execute("ROLLBACK TO SAVEPOINT meaning")
            return nothing


def _session(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SESSION)


def _counted(connection: Connection, pair: Pair, tell: Tell) -> list[Document]:
    """Rows added, gone and changed, table by table."""
    _session(connection)
    tables, sizes = list[Document](), _sizes(connection, pair)
    for table in _tables(connection, pair):
        tables.append(_counts(connection, pair, table))
        tell("rows compared", sum(sizes.get(one["table"], 0) for one in tables), sum(sizes.values()))
    return tables


def _are_equal(tables: Sequence[Document]) -> bool:
    return not any(t["added"] or t["gone"] or t["changed"] or t["columns"] for t in tables)


def _tables(connection: Connection, pair: Pair) -> list[Compared]:
    names = [row["name"] for row in fetch(connection, TABLES, schemas=list(pair.schemas))]
    return [_compared(connection, pair, name) for name in names]


def _sizes(connection: Connection, pair: Pair) -> dict[str, int]:
    """About how many rows each table has in both versions together."""
    return {row["name"]: row["rows"] for row in fetch(connection, SIZES, schemas=list(pair.schemas))}


def _compared(connection: Connection, pair: Pair, name: str) -> Compared:
    live, candidate = (columns_of(connection, schema, name) for schema in pair.schemas)
    return Compared(name, pair.schemas, live, candidate, pair.sealed.get(name, {}))


def _counts(connection: Connection, pair: Pair, table: Compared) -> Document:
    if table.rekeyed:
        counted = f"""SELECT count(*) FILTER (WHERE change = 'added') AS added,
        count(*) FILTER (WHERE change = 'gone') AS gone, 0 AS changed FROM ({table.replaced()}) r"""
        (found,) = fetch(connection, counted)
        return {"table": table.name, **found, "columns": table.other}
    first = quoted(table.key[0])
    (found,) = fetch(
        connection,
        f"SELECT count(*) FILTER (WHERE l.{first} IS NULL) AS added, count(*) FILTER (WHERE c.{first} IS NULL) AS gone,"
        f" count(*) FILTER (WHERE l.{first} IS NOT NULL AND c.{first} IS NOT NULL) AS changed {table.joined()}",
        erased=list(pair.erased),
    )
    return {"table": table.name, **found, "columns": table.other}


def _page(connection: Connection, pair: Pair, table: Compared, offset: int, limit: int) -> list[Document]:
    if table.rekeyed:
        query = f"SELECT change, key FROM ({table.replaced()}) r ORDER BY 1, 2 OFFSET %(offset)s LIMIT %(limit)s"
        found = fetch(connection, query, offset=offset, limit=limit)
        return [{"table": table.name, **row, "columns": []} for row in found]
    first = quoted(table.key[0])
    key = ", ".join(f"coalesce(l.{quoted(c)}, c.{quoted(c)}) AS {quoted(c)}" for c in table.key)
    change = f"CASE WHEN l.{first} IS NULL THEN 'added' WHEN c.{first} IS NULL THEN 'gone' ELSE 'changed' END"
    order = ", ".join(str(n) for n in range(2, 2 + len(table.key)))
    found = fetch(
        connection,
        f"SELECT {change} AS change, {key} {table.joined()} ORDER BY {order} OFFSET %(offset)s LIMIT %(limit)s",
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


def _differing(connection: Connection, pair: Pair, table: Compared, key: Mapping[str, Any]) -> Sequence[str]:
    """Names of the columns in which a row differs; none if one side lacks the row."""
    if not table.shared:
        return []
    row = ", ".join(f"{shown(c, table.sealed)} AS {quoted(c)}" for c in table.shared)
    where = " AND ".join(f"t.{quoted(c)} = %(k{n})s" for n, c in enumerate(table.key))
    left, right = (f"(SELECT {row} FROM {source} WHERE {where})" for source in table.sources)
    flags = ", ".join(f"l.{quoted(c)} IS DISTINCT FROM c.{quoted(c)} AS {quoted(c)}" for c in table.shared)
    values = {f"k{n}": value for n, value in enumerate(key.values())}
    found = fetch(connection, f"SELECT {flags} FROM {left} l, {right} c", erased=list(pair.erased), **values)
    return [column for column, differs in found[0].items() if differs] if found else []


def _settled(connection: Connection, pair: Pair) -> bool:
    read: dict[int, dict[tuple[str, int], int]] = {pair.live: {}, pair.candidate: {}}
    for row in fetch(connection, POSITIONS, view=pair.view, live=pair.live, candidate=pair.candidate):
        read[row["version"]][row["topic"], row["partition"]] = row["next"]
    return read[pair.live] == read[pair.candidate]
