"""Defines the shape of a table: its key and its columns with their types, without SQLAlchemy.

Who replays a few events into temporary tables needs no more, and SQLAlchemy takes longer to import than the replay.
Each view's shapes are in ``shape.py`` of its package, made from its ``tables.py`` by ``python -m tools``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy import MetaData


class Shape(NamedTuple):
    """One table. ``key``: the columns of its primary key; ``columns``: all, each with its type in PostgreSQL, both in
    table order.
    """

    key: tuple[str, ...]
    columns: Mapping[str, str]


Shapes = Mapping[str, Shape]
"""By table."""


def shapes_of(tables: "MetaData") -> Shapes:
    """The shapes of tables as declared."""
    from projections.engine.ddl import DIALECT

    return {
        table.name: Shape(
            tuple(column.name for column in table.primary_key.columns),
            {column.name: column.type.compile(dialect=DIALECT) for column in table.columns},
        )
        for table in tables.sorted_tables
    }
