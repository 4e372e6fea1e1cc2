"""Benchmark of command throughput: one by one (a durable transaction each), and in bulk import."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from uuid import uuid4

from domain.commands.directory import EnrollSite
from domain.commands.identities import Register
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReceiveStudy
from domain.work import Envelope
from krypton.bootstrap import Krypton

PEOPLE = 1_000
BATCH = 500
LETTERS = str.maketrans("0123456789", "ABCDEFGHIJ")


def new_site(ours: Krypton) -> str:
    """Enrol a new establishment."""
    code = f"B{uuid4().hex[:8].upper()}"
    ours.execute(EnrollSite(code=code, name="Benchmark"), Envelope())
    return code


def family(number: int) -> str:
    """A generated name for each, of letters only."""
    return "FICTIF " + str(number).translate(LETTERS)


def register(site: str, number: int) -> Register:
    """Register a new person."""
    stated = {"family": family(number), "given": "Alex", "birth_date": "1970-01-01", "sex": "F"}
    return Register(assigner=site, local_id=str(number), stated=stated)


def study(site: str, number: int) -> ReceiveStudy:
    """A new study of one of a thousand persons, as a CT sends it: three series."""
    person = number % PEOPLE
    return ReceiveStudy(
        site=site,
        patient=ReceivedPatient(
            local_id=str(person),
            issuer=None,
            stated={"family": family(person), "given": "Alex", "birth_date": "1970-01-01", "sex": "F"},
        ),
        study_uid=f"2.25.{uuid4().int}",
        accession=f"A{number}",
        started_at="2026-01-05T08:00:00",
        description="SCANNER THORAX",
        modalities=["CT"],
        series=[{"series_uid": f"2.25.{n}", "modality": "CT", "instances": 100} for n in range(3)],
        instances=300,
        root="00" * 32,
    )


def run(ours: Krypton, seconds: float = 8.0) -> dict[str, float]:
    """Rates per second; events are counted as stored."""
    site = new_site(ours)
    numbers = count()
    for batch in range(0, PEOPLE, BATCH):
        ours.ledger.execute_many([(register(site, n), Envelope()) for n in range(batch, batch + BATCH)])
    return {
        "studies one by one, commands/s": _rate(lambda: _one(ours, study(site, next(numbers))), seconds),
        "registrations one by one, commands/s": _rate(
            lambda: _one(ours, register(site, PEOPLE + next(numbers))), seconds
        ),
        "studies in bulk, events/s": _bulk(ours, site, numbers, seconds),
    }


def _bulk(ours: Krypton, site: str, numbers: Iterator[int], seconds: float) -> float:
    return _rate(lambda: _many(ours, site, numbers), seconds)


def _one(ours: Krypton, command: Register | ReceiveStudy) -> int:
    return len(ours.execute(command, Envelope()).positions)


def _many(ours: Krypton, site: str, numbers: Iterator[int]) -> int:
    answers = ours.ledger.execute_many([(study(site, next(numbers)), Envelope()) for _ in range(BATCH)])
    return sum(len(getattr(answer, "positions", ())) for answer in answers)


def _rate(work: Callable[[], int], seconds: float) -> float:
    done, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        done += work()
    return done / spent
