"""The comparison with the region as it was made last (``region_pass``): one row that says of what, and its figures."""

from typing import Any, Final

from psycopg2.extensions import connection as Connection

from projections.engine.query import fetch

NAMED: Final = ("act", "modality", "population", "weight", "quantity", "phantom_cm")
COUNTS: Final = ("exposures", "persons", "sites")
QUARTILES: Final = ("q1", "median", "q3")
MADE: Final = ("made_at", "view_version", "acts", "levels", "since", "until", *COUNTS)
KNOWN: Final = f"""
SELECT {", ".join(MADE[1:])},
       to_char(made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS made_at,
       extract(epoch FROM clock_timestamp() - made_at)::float8 AS age_s
FROM dose_region.made
"""
ROWS: Final = f"SELECT {', '.join((*NAMED, *COUNTS, *QUARTILES))} FROM dose_region.figure"
Document = dict[str, Any]
Group = tuple[Any, ...]
"""The values of ``NAMED``."""


def known(connection: Connection) -> Document | None:
    """The comparison as it was made last: ``MADE``, and its age in seconds; None: never."""
    found = fetch(connection, KNOWN)
    return found[0] if found else None


def figures(connection: Connection) -> dict[Group, Document]:
    """Its figures by group."""
    return {tuple(row[name] for name in NAMED): row for row in fetch(connection, ROWS)}
