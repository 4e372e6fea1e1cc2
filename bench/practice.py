"""Benchmark of the census of practice in a region's: what ``dose device`` asks, from the rules to the document.

``python -m bench practice --identities 1000000`` for a region of 3,000,000 exposures in three years; without it, 20,000
persons, which shows that it works. Establishments are of very different sizes, the largest gives some eight of a
hundred exposures, on eight devices; a third of persons are known by two identities. The rows are made by PostgreSQL
itself, the acts and levels are those that ship. The comparison with the region, which a page shows, is made before.
"""

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.commands import new_site
from domain.commands.rules import PublishRules
from domain.rules.document import document
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.queries.census import Asked, practice_of
from krypton.services.region import make
from postgres.session import connect
from projections.versions import catalog

PERSONS: Final = 20_000
SITES: Final = 150
RANKS: Final = 0.7
"""A site gives as many exposures as its rank to the power of minus this says."""
TIMES: Final = 20
RULES: Final = Path(__file__).parents[1] / "rules"
PUBLISHED: Final = ("dose-acts-1", "reference-levels-2011", "reference-levels-2019")
PROTOCOLS: Final = (
    *(
        ("DX", one)
        for one in ("Thorax PA", "Thorax profil", "ASP", "Bassin face", "Rachis cervical", "Hanche", "Genou")
    ),
    *(("CT", one) for one in ("Crane", "Thorax", "Abdomen pelvis", "Rachis lombaire", "Sinus", "Angio", "Localiser")),
)
FILL: Final = (
    "SELECT setseed(.5)",
    """
CREATE TEMPORARY TABLE site AS
SELECT n, power(n, %(ranks)s) AS share, sum(power(n, %(ranks)s)) OVER (ORDER BY n) AS upto
FROM generate_series(1, %(sites)s) n""",
    """
CREATE TEMPORARY TABLE made AS
SELECT drawn.n, md5('study ' || drawn.n)::uuid AS study,
       md5('person ' || floor(%(persons)s * random())::int)::uuid AS person,
       CASE site.n WHEN 1 THEN %(largest)s WHEN %(middle)s THEN %(usual)s ELSE 'S' || site.n END AS site,
       (random() * 7)::int AS device, floor(random() * 14)::int AS protocol, (random() * 5)::int AS operator,
       (%(today)s::date - floor(random() * 1095)::int)::text AS day, random() AS age
FROM (SELECT n, random() * (SELECT max(upto) FROM site) AS at FROM generate_series(1, %(persons)s) n) drawn
JOIN site ON at <= upto AND at > upto - share""",
    """
INSERT INTO {s}.exposure (study_id, report_uid, irradiation_event_uid, counts, accepted, identity_id, subject_id, site,
    device, day, modality, marks, protocol, operator, population, weight_kg, phantom_cm, ctdivol_mgy, dlp_mgycm,
    dap_mgycm2)
SELECT study, '2.25.1' || made.n, '2.25.3' || made.n || '0' || e, true, false, person, person, site, 'Room ' || device,
       day, told.modality,
       jsonb_build_array(told.modality, told.protocol, '[]'::jsonb, 'Region ' || made.protocol, NULL, NULL, NULL, NULL)
           ::text,
       told.protocol, 'OPERATEUR ' || operator, CASE WHEN age < .85 THEN 'adult' WHEN age < .95 THEN 'child' END,
       CASE WHEN age < .95 THEN 5 + floor(age * 80) END, CASE told.modality WHEN 'CT' THEN 32 END,
       CASE told.modality WHEN 'CT' THEN exp(2 + random()) END, CASE told.modality WHEN 'CT' THEN exp(5 + random()) END,
       CASE told.modality WHEN 'DX' THEN exp(4 + 2 * random()) END
FROM made JOIN protocol told ON told.place = made.protocol CROSS JOIN generate_series(1, 3) e""",
    """
INSERT INTO {i}.node (identity_id, cluster_id, person_id, registered_position)
SELECT md5('person ' || n)::uuid, md5('person ' || n - n %% 3 / 2)::uuid, md5('person ' || n - n %% 3 / 2)::uuid, n
FROM generate_series(0, %(persons)s - 1) n WHERE n %% 3 > 0""",
)
PROTOCOL: Final = "CREATE TEMPORARY TABLE protocol (place int, modality text, protocol text)"


def run(ours: Krypton, persons: int = PERSONS) -> dict[str, float]:
    """In an empty ledger: seconds of the comparison with the region, then milliseconds of the whole question."""
    largest, usual = new_site(ours), new_site(ours)
    for name in PUBLISHED:
        told = document(tomllib.loads((RULES / f"{name}.toml").read_text()))
        ours.execute(PublishRules(document=told), Envelope("system:bench"))
    begun = time.perf_counter()
    _fill(ours, persons, largest, usual)
    figures: dict[str, float] = {"persons": persons, "exposures": persons * 3, "filled: s": time.perf_counter() - begun}
    figures |= dict(_compared(ours))
    device = practice_of(ours, Asked(site=largest))["devices"][0]["device"]
    for name, asked in (
        ("a usual site", Asked(site=usual)),
        ("a device of the largest site", Asked(site=largest, device=device)),
        ("the largest site", Asked(site=largest)),
    ):
        figures |= {f"{name}: {figure}": value for figure, value in _asked(ours, asked)}
    return figures


def _compared(ours: Krypton) -> Iterator[tuple[str, float]]:
    """One pass over the exposures of a year."""
    begun = time.perf_counter()
    made = make(ours, lambda _: None)
    took = time.perf_counter() - begun
    assert made["told"]
    yield "the region: exposures of a year", made["exposures"]
    yield "the region: groups", made["groups"]
    yield "the region: s", took
    yield "the region: exposures/s", made["exposures"] / took


def _asked(ours: Krypton, asked: Asked) -> Iterator[tuple[str, float]]:
    practice_of(ours, asked)
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        found = practice_of(ours, asked)
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    assert any(group["level"] for group in found["groups"])
    yield "exposures", found["exposures"]
    yield "p50 ms", took[len(took) // 2]
    yield "p99 ms", took[-1]


def _fill(ours: Krypton, persons: int, largest: str, usual: str) -> None:
    connection = connect(ours.addresses.database, "bench practice")
    today = ours.ledger.clock().date().isoformat()
    asked: dict[str, Any] = {"persons": persons, "sites": SITES, "ranks": -RANKS, "today": today}
    asked |= {"largest": largest, "usual": usual, "middle": SITES // 2}
    try:
        views = {"s": "dose_practice", "i": "identity_index"}
        named = {key: f"{view}_v{catalog.live_version(connection, view)}" for key, view in views.items()}
        with connection, connection.cursor() as cursor:
            cursor.execute(PROTOCOL)
            for place, (modality, protocol) in enumerate(PROTOCOLS):
                cursor.execute("INSERT INTO protocol VALUES (%s, %s, %s)", (place, modality, protocol))
            for statement in FILL:
                cursor.execute(statement.format(**named), asked if "%(" in statement else None)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) {s}.exposure, {i}.node".format(**named))
    finally:
        connection.close()
