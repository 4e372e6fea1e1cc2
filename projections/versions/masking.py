"""Overwrites in the rows of a version what was sealed under keys of erased people, with what readers are shown.

So are rows of studies that are theirs now, though their texts are sealed under the keys of whose the studies were.

A worker keeps rows for one transaction, which moves the version's positions first: whoever locks these changes rows
alone. Rows are found without a lock and changed a page at a time, so a worker waits for one page. Repeating it is
harmless.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from projections.engine.projection import Projection, schema_of
from projections.engine.rows import quoted
from projections.engine.sealed import Seal, owned_by_erased, sealed_columns, shown

if TYPE_CHECKING:
    from sqlalchemy import Table

SESSION: Final = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s", "jit": "off"}
LOCK: Final = "SELECT FROM views.position WHERE view = %s AND version = %s FOR UPDATE"
PAGE: Final = 500


def mask(db: Connection, projection: Projection, erased: Sequence[str]) -> int:
    """Overwrite the texts of these identities in one version; returns how many rows changed. Raises psycopg2.Error."""
    sealed = sealed_columns(projection.tables)
    changed = 0
    for table in projection.tables.sorted_tables:
        if columns := sealed[table.name]:
            now = _now(table, columns, schema_of(projection))
            for page in _found(db, table, schema_of(projection), now, erased):
                changed += _overwrite(db, projection, table, now, page, erased)
    return changed


def mask_owned(cursor: Cursor, projection: Projection, erased: Sequence[str]) -> None:
    """Overwrite texts of studies that are these identities' now and are sealed under keys of others, which stay.

    For a version that nobody else writes yet, and for what a replay has just applied, in its transaction: what was read
    of these studies could be opened.
    """
    sealed = sealed_columns(projection.tables)
    for table in projection.tables.sorted_tables:
        if owned := owned_by_erased(table, schema_of(projection)):
            told = _told(_now(table, sealed[table.name], schema_of(projection)))
            cursor.execute(
                f"UPDATE {quoted(schema_of(projection), table.name)} t SET {told} WHERE {owned}",
                {"erased": list(erased)},
            )


def _now(table: "Table", columns: Mapping[str, Seal], schema: str) -> dict[str, str]:
    """Each sealed column as it is to be, in SQL."""
    owned = owned_by_erased(table, schema)
    return {column: shown(column, columns, owned) for column in columns}


def _told(now: Mapping[str, str]) -> str:
    return ", ".join(f'"{column}" = {value}' for column, value in now.items())


def _found(
    db: Connection, table: "Table", schema: str, now: dict[str, str], erased: Sequence[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """The keys of the rows that still tell something, in pages."""
    differs = " OR ".join(f't."{column}" IS DISTINCT FROM {told}' for column, told in now.items())
    keys = ", ".join(f't."{key.name}"' for key in table.primary_key)
    with db, db.cursor() as cursor:
        cursor.execute(f"SELECT {keys} FROM {quoted(schema, table.name)} t WHERE {differs}", {"erased": list(erased)})
        found = cursor.fetchall()
    for start in range(0, len(found), PAGE):
        yield found[start : start + PAGE]


def _overwrite(
    db: Connection,
    projection: Projection,
    table: "Table",
    now: dict[str, str],
    page: Sequence[tuple[Any, ...]],
    erased: Sequence[str],
) -> int:
    keys = ", ".join(f't."{key.name}"' for key in table.primary_key)
    with db, db.cursor() as cursor:
        cursor.execute(LOCK, (projection.name, projection.version))
        cursor.execute(
            f"UPDATE {quoted(schema_of(projection), table.name)} t SET {_told(now)} WHERE ({keys}) IN %(page)s",
            {"erased": list(erased), "page": tuple(page)},
        )
        return cursor.rowcount
