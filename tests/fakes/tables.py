"""Rows folded in memory, put into real tables: what tests of a view's queries read."""

from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from projections.projection import Projection
from tests.fakes.rows import MemoryRows

KRYPTON_DRIVER = "postgresql+psycopg2"


def write_rows(database_url: str, view: Projection, rows: MemoryRows) -> None:
    """Make the view's tables anew, in the stable schema that readers use, and fill them."""
    engine = create_engine(database_url.replace("postgresql", KRYPTON_DRIVER, 1))
    placed = engine.execution_options(schema_translate_map={None: view.name})
    with placed.begin() as connection:
        connection.execute(CreateSchema(view.name, if_not_exists=True))
        view.tables.drop_all(connection)
        view.tables.create_all(connection)
        for name, held in rows.tables().items():
            table = view.tables.tables[name]
            keys = [column.name for column in table.primary_key.columns]
            blank: dict[str, Any] = dict.fromkeys(column.name for column in table.columns)
            connection.execute(
                table.insert(), [blank | dict(zip(keys, key, strict=True)) | row for key, row in held.items()]
            )
    engine.dispose()
