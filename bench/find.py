"""What a search over HTTP costs, each with its decision and its record, in a region of 10,000 and of 1,000,000 studies.

``krypton serve web`` answers one client on one connection. Studies and identities of others are generated straight into
the live views; those who are asked about are registered, and a professional has an open access to each. A page of 100
is one patient's hundred studies, or one study each of a hundred patients.
"""

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import psycopg2

from bench.commands import new_site
from bench.listening import ended
from bench.region import started
from domain.commands.accesses import OpenAccess
from domain.commands.directory import RegisterProfessional
from domain.commands.identities import Register
from domain.work import Envelope
from krypton.bootstrap import Krypton
from tests.fakes.ports import free_port
from tests.fakes.web import account, accounts_file, digest

SIZES: Final = (10_000, 1_000_000)
"""Studies."""
ASKED: Final = 300
PAGE: Final = 100
RPPS: Final = "10101201233"
TOKEN: Final = "fictitious-token-of-a-bench-0123456789-abcdefghijkl"
READY_S: Final = 60.0
FLAT: Final = {
    "find by patient: p50 ms": "find by patient: times the small region's",
    "page of one patient's: p50 ms": "page of one patient's: times the small region's",
    "page of a hundred's: p50 ms": "page of a hundred's: times the small region's",
}
LETTERS: Final = ("0123456789", "ghijklmnop")
OTHERS: Final = """
INSERT INTO identity_index_v1.identity
SELECT md5('p' || n)::uuid, %(site)s, 'P' || n, 1,
       jsonb_build_object('family', upper(translate(left(md5((n %% 30000)::text), 9), %(digits)s, %(letters)s)),
                          'given', 'Anne', 'sex', 'F',
                          'birth_date', to_char(date '1930-01-01' + n %% 32000, 'YYYY-MM-DD')),
       '[]'::jsonb, 'X', 'PROV', '[]'::jsonb, '{}'::jsonb, 'stated', NULL, NULL, false, n, n
FROM generate_series(%(first)s, %(last)s) n
"""
THEIRS: Final = """
INSERT INTO patient_record_v1.study
SELECT md5('s' || n)::uuid, md5('p' || n / 2)::uuid, md5('p' || n / 2)::uuid, '2.25.' || n, %(site)s, 'A' || n,
       to_char(date '2016-01-01' + n %% 3600, 'YYYY-MM-DD') || 'T10:15:00', '["CT"]'::jsonb, 'Thorax',
       '{"2.25.1": {"modality": "CT", "instances": 300}}'::jsonb, 300, false, n, n, n
FROM generate_series(%(first)s, %(last)s) n
"""
ASKED_ABOUT: Final = """
INSERT INTO identity_index_v1.identity
SELECT id::uuid, %(site)s, 'T' || n, 1,
       '{"family": "FICTIVE", "given": "Alex", "sex": "F", "birth_date": "1970-01-01"}'::jsonb,
       '[]'::jsonb, 'FICTIVE ALEX', 'PROV', '[]'::jsonb, '{}'::jsonb, 'stated', NULL, NULL, false, n, n
FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS one(id, n)
"""
ITS_STUDIES: Final = """
INSERT INTO patient_record_v1.study
SELECT md5(id || n)::uuid, id::uuid, id::uuid, '1.2.826.0.1.3680043.10.1999.' || place || '.' || n, %(site)s, 'B' || n,
       to_char(date '2020-01-01' + n::int, 'YYYY-MM-DD') || 'T10:15:00', '["MR"]'::jsonb, 'Genou',
       '{"2.25.1": {"modality": "MR", "instances": 300}}'::jsonb, 300, false, n, n, n
FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS one(id, place), generate_series(1, %(each)s) n
"""
ANALYZE: Final = ("ANALYZE identity_index_v1.identity", "ANALYZE patient_record_v1.study")


def run(ours: Krypton, sizes: Sequence[int] = SIZES) -> dict[str, float]:
    """Milliseconds of each kind of search, and how many times those of the first size the last's are."""
    site = new_site(ours)
    many, *hundred = _registered(ours, site, 1 + PAGE)
    figures: dict[str, float] = {}
    with closing(psycopg2.connect(ours.addresses.database)) as connection, _served(ours, site) as ask:
        _execute(connection, ASKED_ABOUT, site=site, ids=[many, *hundred])
        _execute(connection, ITS_STUDIES, site=site, ids=[many], each=PAGE)
        _execute(connection, ITS_STUDIES, site=site, ids=hundred, each=1)
        held = 0
        for size in sizes:
            _fill(connection, site, held, size)
            held = size
            for name, took in _measured(site, ask).items():
                figures[f"{size:,} studies: {name}"] = took
    for name, ratio in FLAT.items():
        first, last = (figures[f"{size:,} studies: {name}"] for size in (sizes[0], sizes[-1]))
        figures[ratio] = last / first
    return figures


def _measured(site: str, ask: Any) -> dict[str, float]:
    """``find by patient``: one of the hundred, who is named. Each answer is held to what it must find."""
    one = [ask(1, PatientID=f"T{2 + number % PAGE}", IssuerOfPatientID=site) for number in range(ASKED)]
    mine = [ask(PAGE, PatientID="T1", IssuerOfPatientID=site, limit=PAGE) for _ in range(ASKED // 3)]
    everyones = [ask(PAGE, StudyDate="20200102", limit=PAGE) for _ in range(ASKED // 3)]
    return {
        "find by patient: p50 ms": median(one),
        "find by patient: p99 ms": sorted(one)[int(len(one) * 0.99)],
        "page of one patient's: p50 ms": median(mine),
        "page of a hundred's: p50 ms": median(everyones),
    }


def _registered(ours: Krypton, site: str, people: int) -> list[str]:
    """Identities of the ledger, with an open access to each."""
    stated = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01", "sex": "F"}
    ours.execute(RegisterProfessional(rpps=RPPS, name="Dr Essai", profession="radiologist", sites=(site,)), Envelope())
    ids = []
    for number in range(1, people + 1):
        registered = ours.execute(Register(assigner=site, local_id=f"T{number}", stated=stated), Envelope())
        ids.append(str(registered.result["identity"]))
        opened = OpenAccess(identity=UUID(ids[-1]), rpps=RPPS, reason="follow-up")
        ours.execute(opened, Envelope(f"rpps:{RPPS}"))
    return ids


def _fill(connection: Any, site: str, held: int, size: int) -> None:
    """So many studies of others, two of each."""
    known = {"site": site, "digits": LETTERS[0], "letters": LETTERS[1]}
    _execute(connection, OTHERS, first=held // 2 + 1 if held else 0, last=size // 2, **known)
    _execute(connection, THEIRS, first=held + 1, last=size, site=site)
    for statement in ANALYZE:
        _execute(connection, statement)


def _execute(connection: Any, statement: str, **values: Any) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def _served(ours: Krypton, site: str) -> Iterator[Any]:
    """A function that asks the web service for studies, and says how many milliseconds that took."""
    accounts_file(ours.settings.home, account("bench", f"rpps:{RPPS}", site=site, token=digest(TOKEN)))
    port = free_port()
    process = started(ours, "serve", "web", KRYPTON_WEB_PORT=str(port), KRYPTON_WEB_RATE="100000")
    with ended(process), closing(_connected(port)) as wire:
        yield lambda found, **query: _asked(wire, found, query)


def _connected(port: int) -> http.client.HTTPConnection:
    """A connection to the service, once it answers."""
    until = time.monotonic() + READY_S
    while True:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_S)
        try:
            wire.request("GET", "/health")
            if wire.getresponse().read():
                return wire
        except OSError:
            wire.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _asked(wire: http.client.HTTPConnection, found: int, query: dict[str, Any]) -> float:
    headers = {"Authorization": f"Bearer {TOKEN}", "Krypton-Reason": "follow-up"}
    begin = time.perf_counter()
    wire.request("GET", f"/dicom-web/studies?{urlencode(query)}", headers=headers)
    try:
        body = wire.getresponse().read()
    except http.client.RemoteDisconnected:  # nothing was asked on it while the region grew
        wire.close()
        return _asked(wire, found, query)
    took = (time.perf_counter() - begin) * 1000
    assert len(json.loads(body)) == found, body[:300]
    return took
