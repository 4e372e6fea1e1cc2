"""Overwrites in the rows of a version what was sealed under keys of erased people, with what readers are shown.

A worker keeps rows for one transaction, which moves the version's positions first: whoever locks these changes rows
alone. Rows are found without a lock and changed a page at a time, so a worker waits for one page. Repeating it is
harmless.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from psycopg2.extensions import connection as Connection

from projections.engine.projection import Projection, schema_of
from projections.engine.rows import quoted
from projections.engine.sealed import sealed_columns, shown

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
            now = {column: shown(column, columns) for column in columns}
            for page in _found(db, table, schema_of(projection), now, erased):
                changed += _overwrite(db, projection, table, now, page, erased)
    return changed


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
    told = ", ".join(f'"{column}" = {value}' for column, value in now.items())
    keys = ", ".join(f't."{key.name}"' for key in table.primary_key)
    with db, db.cursor() as cursor:
        cursor.execute(LOCK, (projection.name, projection.version))
        cursor.execute(
            f"UPDATE {quoted(schema_of(projection), table.name)} t SET {told} WHERE ({keys}) IN %(page)s",
            {"erased": list(erased), "page": tuple(page)},
        )
        return cursor.rowcount
