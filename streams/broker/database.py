"""Opens PostgreSQL sessions that detect a dead peer within seconds, for the relay."""

from typing import Any

import psycopg2

CONNECT_S = 5
# Both sides probe an idle connection, so that the server releases the lock of a machine that lost power.
CLIENT_SIDE: dict[str, Any] = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
SERVER_SIDE = "-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 -c tcp_user_timeout=5000"


def connect(database: str, name: str) -> Any:
    """A psycopg2 session in autocommit, shown as ``name`` in pg_stat_activity. Raises psycopg2.OperationalError."""
    connection = psycopg2.connect(
        database, application_name=name, connect_timeout=CONNECT_S, options=SERVER_SIDE, **CLIENT_SIDE
    )
    connection.autocommit = True
    return connection
