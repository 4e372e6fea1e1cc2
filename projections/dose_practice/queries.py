"""Answers from the practice census: the exposures of a site's devices that count, each irradiation event once."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from domain.dose_alerts import QUANTITIES
from projections.dose_practice.values import VALUES
from projections.engine.query import fetch

Row = Mapping[str, Any]
ROWS: Final = f"""
SELECT study_id::text AS study, report_uid AS report, irradiation_event_uid AS uid, identity_id::text AS identity,
       device, day, modality, marks, protocol, operator, population, weight, weight_kg, phantom_cm, {VALUES}
FROM dose_practice.exposure WHERE counts AND site = %(site)s {{also}} ORDER BY study_id
"""
ALSO: Final = {"device": "AND device = %(device)s", "since": "AND day >= %(since)s", "until": "AND day <= %(until)s"}
OF_GROUP: Final = ("device", "marks", "operator", "population", "weight", "weight_kg", "phantom_cm")
"""What exposures are grouped by, as reports state it: the age is theirs."""
EVENT: Final = ("uid", "identity", "day", *QUANTITIES)
PRACTISED: Final = f"""
SELECT {{once}} device, marks, operator, population, weight, weight_kg, phantom_cm, irradiation_event_uid,
       identity_id::text, day, {VALUES}
FROM dose_practice.exposure WHERE counts AND site = %(site)s AND marks IS NOT NULL {{also}} {{order}}
"""
TOLD_ONCE: Final = "DISTINCT ON (irradiation_event_uid)", "ORDER BY irradiation_event_uid, study_id"
DEVICES: Final = """
SELECT device, count(*) AS exposures, max(day) AS last FROM dose_practice.exposure
WHERE counts AND site = %(site)s AND device IS NOT NULL GROUP BY device ORDER BY device
"""

UNDATED: Final = """
SELECT device, count(DISTINCT irradiation_event_uid) AS exposures FROM dose_practice.exposure
WHERE counts AND site = %(site)s AND day IS NULL AND marks IS NOT NULL GROUP BY device ORDER BY device
"""


def exposures(
    connection: Connection, site: str, *, device: str | None = None, since: str | None = None, until: str | None = None
) -> list[Row]:
    """The exposures at a site that count: of one device or of all, from one day to another. None: without that bound.

    An irradiation event that two studies tell of is given once; a row whose words were erased is in no group, and is
    not given.
    """
    asked = {"device": device, "since": since, "until": until}
    also = " ".join(ALSO[name] for name, value in asked.items() if value is not None)
    return _once(fetch(connection, ROWS.format(also=also), site=site, **asked))


def practised(
    connection: Connection, site: str, *, device: str | None = None, since: str | None = None, until: str | None = None
) -> list[tuple[Any, ...]]:
    """The same, of many exposures at once: of each the values of ``OF_GROUP``, then those of ``EVENT``."""
    asked = {"site": site, "device": device, "since": since, "until": until}
    also = " ".join(ALSO[name] for name, value in asked.items() if name in ALSO and value is not None)
    with connection.cursor() as cursor:
        cursor.execute(PRACTISED.format(once="", also=also, order=""), asked)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        if len({row[len(OF_GROUP)] for row in rows}) < len(rows):
            cursor.execute(PRACTISED.format(once=TOLD_ONCE[0], also=also, order=TOLD_ONCE[1]), asked)
            rows = cursor.fetchall()
    return rows


def _once(rows: Iterable[Row]) -> list[Row]:
    """In the order of studies, so that the same row stands for an event whenever somebody asks."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["marks"] is not None:
            found.setdefault(row["uid"], row)
    return [*found.values()]


def devices(connection: Connection, site: str) -> list[dict[str, Any]]:
    """The devices of a site by name, each with how many exposures count, and the day of the last."""
    return fetch(connection, DEVICES, site=site)


def undated(connection: Connection, site: str) -> list[dict[str, Any]]:
    """By device how many exposures of a site count and are of no day that is known, and so of no period."""
    return fetch(connection, UNDATED, site=site)
