"""Benchmark of audit queries: a patient with 500 events in a ledger of a million, in process and as a command."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any
from uuid import UUID

import psycopg2

from bench import filled, stored
from domain.actors import Caller
from domain.commands.accesses import OpenAccess
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.commands.links import Merge
from domain.work import Envelope
from krypton.auditing.accesses import Limits, accesses
from krypton.auditing.as_of import as_of
from krypton.auditing.exposure import exposure
from krypton.auditing.history import history
from krypton.auditing.replayed import place
from krypton.bootstrap import Krypton
from krypton.services.supervisor import krypton_command
from tests.fakes.region import dose, received
from tests.fakes.region import exposure as irradiated

EVENTS = int(os.environ.get("KRYPTON_BENCH_EVENTS", "1000000"))
PATIENT_EVENTS = 500
TIMES = 20
AUDITOR = Caller("auditor:bench", "bench")
RPPS = "10101201233"


def run(ours: Krypton, events: int = EVENTS) -> dict[str, float]:
    """Milliseconds per query; 20 runs each. Needs an empty ledger without running workers."""
    begun = time.perf_counter()
    head = filled.fill(ours, events)
    print(f"{head:,} events in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    one, other = _patient(ours, head)
    gc.collect()
    gc.freeze()  # else the collector walks over all that the fill left, within some question or other
    end = ours.ledger.recorder.max_notification_id()
    assert end is not None
    middle = head + (end - head) // 2
    figures = {"events in the ledger": float(end), "events of the patient": float(end - head)}
    asked: dict[str, Callable[[], Any]] = {
        "as-of the end": lambda: as_of(ours, end, one, AUDITOR),
        "as-of the middle of the patient's life": lambda: as_of(ours, middle, one, AUDITOR),
        "as-of a time": lambda: as_of(ours, datetime.now(UTC), one, AUDITOR),
        "which position is a time": lambda: _placed(ours, datetime(2026, 1, 2, tzinfo=UTC)),
        "history": lambda: history(ours, one, AUDITOR),
        "accesses": lambda: accesses(ours, one, AUDITOR, Limits()),
        "exposure": lambda: exposure(ours, one, other, AUDITOR),
    }
    for name, question in asked.items():
        figures |= _measured(name, question, TIMES)
    figures |= _measured("as-of the end, whole ledger read", lambda: as_of(ours, end, one, AUDITOR, whole=True), 3)
    return figures | _measured("as typed: krypton audit as-of", lambda: _typed(ours, end, one), 5)


def _measured(name: str, question: Callable[[], Any], times: int) -> dict[str, float]:
    question()
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        question()
        took.append((time.perf_counter() - begun) * 1000)
    return {f"{name}: p50 ms": quantiles(took, n=100)[49], f"{name}: max ms": max(took)}


def _placed(ours: Krypton, moment: datetime) -> None:
    with ours.snapshot() as connection:
        place(connection, moment)


def _typed(ours: Krypton, position: int, ref: str) -> None:
    env = {**os.environ, "KRYPTON_HOME": str(ours.settings.home)}
    words = krypton_command("audit", "as-of", str(position), ref, "--reason", "a benchmark", "--json")
    subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=True)


def _patient(ours: Krypton, head: int) -> tuple[str, str]:
    """Two identities at two sites, merged halfway, with studies, doses and accesses, applied to the views."""

    def ask(command: Any) -> dict[str, Any]:
        return dict(ours.execute(command, Envelope("system:bench")).result)

    for site in ("CHB", "CHP"):
        ask(EnrollSite(code=site, name=f"Hospital {site}"))
    ask(RegisterProfessional(rpps=RPPS, name="Dr Essai", profession="radiologist", sites=("CHB",)))
    identities: dict[str, str] = {}
    number = 0
    while (ours.ledger.recorder.max_notification_id() or 0) - head < PATIENT_EVENTS:
        number += 1
        site = ("CHB", "CHP")[number % 2]
        exposures = [irradiated(f"2.25.{number}.{n}", dlp_mgycm=100.0) for n in range(3)]
        study = received(site, f"2.25.{number}", local_id="bench", doses=(dose(f"2.25.{number}.9", *exposures),))
        identities[site] = ask(study)["identity"]
        if number == 60:
            ask(Merge(one=UUID(identities["CHB"]), other=UUID(identities["CHP"]), reason="same traits"))
        if number % 10 == 0:
            ask(OpenAccess(identity=UUID(identities["CHB"]), rpps=RPPS, reason="follow-up"))
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        ours_since = [r for r in stored.records_from(ours, head) if r.topic != "krypton.directory"]
        filled.apply(ours, connection, ours_since)
    return identities["CHB"], identities["CHP"]
