"""What the PostgreSQL server lets in, and who holds how many sessions of it."""

from typing import Final

from psycopg2.extensions import connection as Connection

MOST: Final = """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
- coalesce(current_setting('reserved_connections', true), '0')::int"""
HOLDERS: Final = """SELECT coalesce(nullif(application_name, ''), backend_type) AS name, count(*) AS held
FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1 ORDER BY 2 DESC, 1"""


def most(connection: Connection) -> int:
    """How many sessions the server lets in, without those that it keeps for its administrator."""
    with connection.cursor() as cursor:
        cursor.execute(MOST)
        ((count,),) = cursor.fetchall()
        return int(count)


def holders(connection: Connection) -> dict[str, int]:
    """Sessions of this database by their name, those with the most first."""
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS)
        return {str(name): int(held) for name, held in cursor.fetchall()}
