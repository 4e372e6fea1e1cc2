"""Says whether practice is compared with the region as often as it should be (``krypton.services.region``)."""

import time
from collections.abc import Iterator
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from krypton.queries.region import LATE
from krypton.views.looking import Problem
from projections.dose_practice import region
from projections.engine.query import fetch
from projections.versions import catalog
from streams.relay.outgoing import first_long

VIEW: Final = "dose_practice"
THERE: Final = "SELECT to_regclass('dose_region.made') IS NOT NULL AS there"
SOME_REPORT: Final = """
SELECT state FROM ledger.ledger_events WHERE id = (SELECT position FROM dose_practice.report LIMIT 1)
"""
OFTEN_S: Final = 300.0
"""Who has it made more often than that is not told that one was late: a pass of a large region takes minutes."""
US: Final = 1_000_000
WHAT_TO_DO: Final = (
    "the worker of dose_practice makes it: is krypton run up? Its log says why not; krypton dose region makes it now"
)


def late_after(age_s: float) -> float:
    """Of how many seconds a comparison is late. ``age_s``: after which it is to be made again."""
    return LATE * max(age_s, OFTEN_S)


def problems_of(connection: Connection, late_s: float) -> Iterator[Problem]:
    """Nothing where no dose is known: then there is nothing to compare."""
    if catalog.live_version(connection, VIEW) is None:
        return
    if not fetch(connection, THERE)[0]["there"]:
        yield Problem("region", "practice is compared with no region: its tables are not there: run krypton init")
    elif (known := region.known(connection)) is None:
        if _knows_doses_since(connection) > late_s:
            yield Problem("region", f"practice was never compared with the region; {WHAT_TO_DO}")
    elif not 0 <= known["age_s"] <= late_s:  # less than nothing where a clock was ahead
        ago = f"{known['age_s'] / 3600:.0f} hours ago, " if known["age_s"] > 0 else ""
        said = f"practice was compared with the region {ago}at {known['made_at']}"
        yield Problem("region", f"{said}; {WHAT_TO_DO}")


def _knows_doses_since(connection: Connection) -> float:
    """For how many seconds the view knows a dose: one of the first; 0: it knows none."""
    found: list[dict[str, Any]] = fetch(connection, SOME_REPORT)
    return time.time() - first_long(bytes(found[0]["state"])) / US if found else 0.0
