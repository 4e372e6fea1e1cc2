"""Creates a version's tables for a rebuild: without keys and indexes first, which are added after the load.

An index built once over all rows costs a third of one maintained row by row, and is denser.
"""

from psycopg2.extensions import cursor as Cursor
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

from projections.engine.ddl import DIALECT
from projections.engine.projection import Projection, schema_of
from projections.engine.rows import quoted

# Settings of a session that builds indexes: it sorts in memory. While partitions are folded parallel workers would slow
# the fold and gain nothing; after the last one a core is free.
FOR_INDEXES = "SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL max_parallel_maintenance_workers = {}"


def make(cursor: Cursor, projection: Projection) -> None:
    """Create the schema, and its tables without keys and indexes."""
    schema = schema_of(projection)
    cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
    for table in projection.tables.sorted_tables:
        bare = Table(
            table.name,
            MetaData(schema=schema),
            *(
                Column(c.name, c.type, nullable=c.nullable and not c.primary_key, comment=c.comment)
                for c in table.columns
            ),
            comment=table.comment,
        )
        cursor.execute(str(CreateTable(bare).compile(dialect=DIALECT)))
        # Vacuumed while it is loaded, it would be read again and again; ``complete_table`` ends that.
        cursor.execute(f"ALTER TABLE {quoted(schema, table.name)} SET (autovacuum_enabled = false)")
        for column in bare.columns:
            if column.comment:
                cursor.execute(_literal(SetColumnComment(column)))
        if bare.comment:
            cursor.execute(_literal(SetTableComment(bare)))


def complete(cursor: Cursor, projection: Projection) -> None:
    """Complete all tables; see ``complete_table``."""
    for table in projection.tables.sorted_tables:
        complete_table(cursor, projection, table)


def complete_table(cursor: Cursor, projection: Projection, table: Table, helpers: int = 0) -> None:
    """Add the primary key and indexes and run ANALYZE; does nothing if that is already done.

    ``helpers``: how many processes of PostgreSQL may help to sort. Raises IntegrityError if two rows share a key.
    """
    schema = schema_of(projection)
    name = quoted(schema, table.name)
    cursor.execute("SELECT 1 FROM pg_index WHERE indrelid = to_regclass(%s) AND indisprimary", (name,))
    if cursor.fetchone():
        return
    cursor.execute(FOR_INDEXES.format(helpers))
    key = ", ".join(quoted(c.name) for c in table.primary_key.columns)
    cursor.execute(f"ALTER TABLE {name} ADD PRIMARY KEY ({key})")
    add_indexes(cursor, table, schema)
    cursor.execute(f"ALTER TABLE {name} RESET (autovacuum_enabled)")
    cursor.execute(f"ANALYZE {name}")


def add_indexes(cursor: Cursor, table: Table, schema: str) -> None:
    """Create the table's secondary indexes in that schema."""
    full = table.to_metadata(MetaData(), schema=schema)
    for index in sorted(full.indexes, key=lambda i: str(i.name)):
        cursor.execute(_literal(CreateIndex(index)))


def _literal(ddl: object) -> str:
    return str(ddl.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined]
