"""When an identity was flagged because something else was received under it: with which study that came."""

from collections.abc import Collection
from typing import Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

FLAGS: Final = ("names_differ", "traits_differ")
FLAGGED: Final = """
SELECT recorded_at, detail ->> 'flag' AS flag FROM identity_index.identity_event
WHERE identity_id = %(identity)s AND type = 'identity.flagged' AND detail ->> 'flag' = ANY(%(flags)s)
"""


def flagged_at(connection: Connection, identity: str, flags: Collection[str] = FLAGS) -> dict[int, list[str]]:
    """Ledger time, µs since 1970, to the flags that were set then. What a command decides has one time, so a study of
    that time is the one that said otherwise.
    """
    found: dict[int, list[str]] = {}
    for row in fetch(connection, FLAGGED, identity=identity, flags=list(flags)):
        found.setdefault(row["recorded_at"], []).append(row["flag"])
    return found
