"""Runs the views' own queries on temporary tables that contain only selected events.

The queries of each view are the one definition of what a reader sees. They name tables as ``patient_record.study``; a
connection made here reads ``pg_temp."patient_record.study"`` instead, filled by the view's projection from the given
events. Nothing is committed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from postgres.session import connect
from projections.declared import VIEWS
from projections.engine.rows import quoted
from projections.engine.shape import Shape
from projections.versions.memory_rows import Held

NAMED: Final = re.compile(rf"\b({'|'.join(VIEWS)})\.([a-z_]+)\b")
TEMPORARY: Final = "pg_temp"


class TemporaryCursor(Cursor):
    """Redirects a query from a view's tables to the temporary ones."""

    def execute(self, query: Any, vars: Any = None) -> None:
        """See psycopg2."""
        super().execute(NAMED.sub(rf'{TEMPORARY}."\1.\2"', query), vars)


@contextmanager
def temporary_views(database: str, folded: Mapping[str, Held]) -> Iterator[Connection]:
    """A connection to views that contain only these rows; ``folded``: by view."""
    connection = connect(database, "temporary views")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL jit = off")
            for view, rows in folded.items():
                _fill(cursor, view, rows)
        connection.cursor_factory = TemporaryCursor
        yield connection
    finally:
        connection.close()


def _fill(cursor: Cursor, view: str, rows: Held) -> None:
    """Create a view's tables without keys and indexes, as there are few rows, and insert the rows as the live engine
    would.
    """
    shapes = VIEWS[view].shapes()
    cursor.execute("; ".join(_made(f"{view}.{name}", shape) for name, shape in shapes.items()))
    for name, held in rows.items():
        if not held:
            continue
        documents = [{**row, **dict(zip(shapes[name].key, key, strict=True))} for key, row in held.items()]
        table = quoted(TEMPORARY, f"{view}.{name}")
        given = f"json_populate_recordset(NULL::{table}, %s)"
        cursor.execute(f"INSERT INTO {table} SELECT * FROM {given}", (json.dumps(documents, allow_nan=False),))


def _made(table: str, shape: Shape) -> str:
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in shape.columns.items())
    return f"CREATE TABLE {quoted(TEMPORARY, table)} ({columns})"
