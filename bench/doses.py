"""Benchmark of a person's doses in a region's: what ``dose show`` reads of the view, without the gate.

``python -m bench doses --identities 1000000`` for a region of 3,000,000 exposures; without it, 20,000 persons, which
shows that it works. Most persons have one or two studies, some dozens. The rows are made by PostgreSQL itself.
"""

import time
from random import Random
from typing import Any

from krypton.bootstrap import Krypton
from postgres.session import connect
from projections.cumulative_dose import queries
from projections.versions import catalog

PERSONS = 20_000
EXPOSURES = 3  # of each study, and as many studies as persons
TIMES = 2_000

FILL = (
    "SELECT setseed(.5)",
    """
CREATE TEMPORARY TABLE made AS
SELECT md5('study ' || n)::uuid AS study, '2.25.1' || n AS report, n,
       md5('person ' || floor(%(persons)s * random() ^ 1.5)::int)::uuid AS person
FROM generate_series(1, %(persons)s) n""",
    """
INSERT INTO {s}.dose_owner (study_id, from_position, identity_id) SELECT study, n, person FROM made""",
    """
INSERT INTO {s}.report (study_id, report_uid, study_uid, site, reported_at, modality, subject_id, device, device_words,
    totals, qa, source, not_understood, position, replaced)
SELECT study, report, '2.25.2' || n, 'CH01', '2026-01-05T08:30:00', 'CT', person, '{{"model": "One"}}',
       '{{"serial": "1", "station": "CT1"}}', '{{"dlp_mgycm": 400.5}}', false, 'report', '[]', n, false FROM made""",
    """
INSERT INTO {s}.exposure (study_id, report_uid, irradiation_event_uid, subject_id, kind, started_at, modality, protocol,
    target_region, acquisition, ctdivol_mgy, dlp_mgycm, phantom_cm, template, technique, raw, not_understood)
SELECT study, report, '2.25.3' || n || '0' || e, person, 'CT', '2026-01-05T08:1' || e || ':00', 'CT', 'Thorax', 'Chest',
       'Spiral', 7.5, 100 + e, 32, '10013', '{{"kvp": 120, "pitch": 0.9}}', '{{"dlp_mgycm": "100 mGy.cm"}}', '[]'
FROM made CROSS JOIN generate_series(1, %(exposures)s) e""",
    "ANALYZE {s}.dose_owner, {s}.report, {s}.exposure",
)


def run(ours: Krypton, persons: int = PERSONS) -> dict[str, float]:
    """In an empty ledger: milliseconds for a person who has a dose."""
    begun = time.perf_counter()
    _fill(ours.addresses.database, persons)
    filled = time.perf_counter() - begun
    with ours.snapshot() as connection:
        drawn = _drawn(connection)
        took = sorted(_ms(connection, person) for person in drawn)
    return {
        "persons": persons,
        "exposures": persons * EXPOSURES,
        "filled: s": filled,
        "totals of a person: p50 ms": took[len(took) // 2],
        "totals of a person: p99 ms": took[int(len(took) * 0.99)],
    }


def _fill(url: str, persons: int) -> None:
    connection = connect(url, "bench doses")
    try:
        schema = f"cumulative_dose_v{catalog.live_version(connection, 'cumulative_dose')}"
        with connection, connection.cursor() as cursor:
            for statement in FILL:
                asked = {"persons": persons, "exposures": EXPOSURES}
                cursor.execute(statement.format(s=schema), asked if "%(" in statement else None)
    finally:
        connection.close()


def _drawn(connection: Any) -> list[str]:
    """Persons drawn at random, of those who have a study."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT identity_id::text FROM cumulative_dose.dose_owner ORDER BY 1")
        known = [row[0] for row in cursor]
    return Random(1).choices(known, k=TIMES)


def _ms(connection: Any, person: str) -> float:
    begun = time.perf_counter()
    found = queries.dose(connection, [{"identity": person, "assigner": "CH01", "local_id": "1"}])
    took = (time.perf_counter() - begun) * 1000
    assert found["totals"]["dlp_mgycm"] == sum(one["dlp_mgycm"] for one in found["exposures"])
    return took
