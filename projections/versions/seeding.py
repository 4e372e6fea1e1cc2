"""Inserts the rows derived from rules (``Projection.seeds``) when a version's tables are created."""

import json
from collections.abc import Collection
from typing import Any

from psycopg2.extensions import cursor as Cursor

from projections.engine.projection import Projection
from projections.engine.rows import quoted


def insert_seeds(cursor: Cursor, projection: Projection, schema: str, tables: Collection[str] | None = None) -> None:
    """Insert the seeds of these tables (None: all) into a schema that has none yet, in the caller's transaction."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for key, row in projection.seeds():
        if tables is None or key.table in tables:
            names = (c.name for c in projection.tables.tables[key.table].primary_key.columns)
            by_table.setdefault(key.table, []).append({**row, **dict(zip(names, key.key, strict=True))})
    for name, rows in by_table.items():
        target = quoted(schema, name)
        statement = f"INSERT INTO {target} SELECT * FROM json_populate_recordset(NULL::{target}, %s)"
        cursor.execute(statement, (json.dumps(rows),))
