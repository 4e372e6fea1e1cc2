"""A minute of faults under a steady load: nothing is lost, repeated or out of order, on Kafka or in the views.

Two workers of one view, one of another, two relays (one active), 300 commands a second; processes killed and frozen at
random, the broker killed, PostgreSQL stopped at once, and each started again.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from domain.commands.doses import ReceivedDose
from domain.commands.studies import ReceivedPatient, ReceiveStudy
from domain.work import Envelope
from krypton.devstack.stack import Stack
from krypton.services.supervisor import Child, krypton_command, supervise
from projections.cumulative_dose.view import CumulativeDose
from projections.engine.projection import Projection
from projections.patient_record.view import PatientRecord
from schemas.event import LedgerEvent
from tests.fakes.region import dose, exposure
from tests.fakes.rows import MemoryRows
from tests.integration.live_ledger import SITE, LiveLedger, kill_kafka, live_ledger, stop_database, until

pytestmark = [pytest.mark.live, pytest.mark.fault, pytest.mark.timeout(480)]

SECONDS = 60.0
PER_SECOND = 300
TOGETHER = 10  # commands that are asked at a time, as several clients would
FROZEN_S = 12.0
SETTLED_S = 180.0  # a worker that hangs is ended after 40 s, and restarts
PEOPLE, STUDIES = 300, 2_000
RELAYS, WORKERS, DOSES = ("relay-1", "relay-2"), ("worker-1", "worker-2"), "worker-doses"
VIEWS: dict[str, tuple[type[Projection], str]] = {  # and the events that it reads
    "patient_record": (PatientRecord, "study.%"),
    "cumulative_dose": (CumulativeDose, "dose.%"),
}
Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveLedger]:
    """A ledger where the children of this process find it."""
    with live_ledger(stack, tmp_path) as ours:
        monkeypatch.setenv("KRYPTON_HOME", str(stack.root))
        monkeypatch.setenv("KRYPTON_KAFKA", ours.krypton.addresses.kafka)
        monkeypatch.setenv("KRYPTON_DATABASE", ours.database)
        yield ours


@dataclass
class Load:
    """Asks commands at a steady rate; each is asked until it is answered, always under the same id."""

    ledger: LiveLedger
    stop: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    failure: BaseException | None = None

    def run(self) -> None:
        """Until told to stop."""
        begin = time.monotonic()
        try:
            for first in count(0, TOGETHER):
                if self.stop.wait(max(0.0, begin + first / PER_SECOND - time.monotonic())):
                    return
                self.ledger.ask_many([(batch(n), Envelope()) for n in range(first, first + TOGETHER)])
                self.asked += TOGETHER
        except BaseException as failure:  # told to the test, which runs in another thread
            self.failure = failure


def batch(number: int) -> ReceiveStudy:
    """New images: the first of a study, or more of one that was received before."""
    study = number % STUDIES
    who: dict[str, str | None] = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01", "sex": "F"}
    return ReceiveStudy(
        site=SITE,
        patient=ReceivedPatient(local_id=str(study % PEOPLE), issuer=None, stated=who),
        study_uid=f"2.25.{study + 1}",
        accession=None,
        started_at="2026-01-05T08:00:00",
        description="SCANNER THORAX",
        modalities=["CT"],
        series=[{"series_uid": f"2.25.{study + 1}.{number}", "modality": "CT", "instances": 1 + number % 7}],
        instances=1 + number % 7,
        root=f"{number:064x}",
        doses=[irradiation(number)] if number % 10 == 0 else [],
    )


def irradiation(number: int) -> ReceivedDose:
    """A dose report of its own; one in a hundred calls for an alert."""
    over = {"dose_rp_mgy": 2_500.0} if number % 1_000 == 0 else {}
    return dose(f"2.25.7.{number}", exposure(f"2.25.8.{number}", dlp_mgycm=100.0 + number % 50, **over))


@contextlib.contextmanager
def running(ledger: LiveLedger) -> Iterator[dict[str, Child]]:
    """The processes under Krypton's own supervisor."""
    words = {**dict.fromkeys(RELAYS, ("relay",)), **dict.fromkeys(WORKERS, ("worker", "patient_record"))}
    words[DOSES] = ("worker", "cumulative_dose")
    children = {n: Child(n, krypton_command(*w), ledger.logs / f"{n}.log") for n, w in words.items()}
    stop = threading.Event()
    supervisor = threading.Thread(target=supervise, args=(list(children.values()), lambda line: None, stop))
    supervisor.start()
    try:
        yield children
    finally:
        for child in children.values():
            strike(child, signal.SIGCONT)
        stop.set()
        supervisor.join()


def strike(child: Child, number: signal.Signals) -> None:
    """Send a signal to a child, if it runs at this moment."""
    if process := child.process:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def active_relay(children: dict[str, Child]) -> Child:
    """The relay whose log says last that it relays."""

    def since(name: str) -> float:
        lines = children[name].log.read_text().splitlines() if children[name].log.exists() else []
        relaying = [line for line in lines if "relaying from" in line]
        return time.mktime(time.strptime(relaying[-1][:19], "%Y-%m-%d %H:%M:%S")) if relaying else 0.0

    return children[max(RELAYS, key=since)]


def freeze(child: Child) -> None:
    """Stop a child for 12 s, and let it go on; meanwhile others must do its work."""
    strike(child, signal.SIGSTOP)
    threading.Timer(FROZEN_S, strike, (child, signal.SIGCONT)).start()


def faults(
    ledger: LiveLedger, children: dict[str, Child], dice: random.Random
) -> list[tuple[float, Callable[[], None]]]:
    """What happens, and when: seconds after the load began."""

    def kill_any() -> None:
        strike(children[dice.choice([*RELAYS, *WORKERS, DOSES])], signal.SIGKILL)

    def broker() -> None:
        kill_kafka(ledger.stack)
        ledger.stack.start_kafka()

    def database() -> None:
        stop_database(ledger.stack)
        ledger.stack.start_database()

    return [
        (6.0, kill_any),
        (10.0, lambda: freeze(children[dice.choice(WORKERS)])),
        (14.0, lambda: strike(active_relay(children), signal.SIGKILL)),
        (24.0, lambda: freeze(active_relay(children))),
        (30.0, kill_any),
        (38.0, broker),
        (46.0, database),
        (52.0, lambda: strike(children[dice.choice([*WORKERS, DOSES])], signal.SIGKILL)),
        (56.0, kill_any),
    ]


def folded(ledger: LiveLedger, view: Projection) -> Tables:
    """The view as a fold of the event store, in memory; columns never set are null."""
    rows = MemoryRows(view.tables)
    for key, seed in view.seeds():
        rows.put(key, seed)
    stored = ledger.query("SELECT id, originator_version, state FROM ledger.ledger_events ORDER BY id")
    for position, version, state in stored:
        schema, data = ledger.krypton.codec.decode(bytes(state), version)
        if schema.topic in view.topics:
            view.apply(LedgerEvent(position, schema.type, data[schema.aggregate], version, data), rows)
    return {
        name: {
            key: {c.name: row.get(c.name) for c in view.tables.tables[name].columns if not c.primary_key}
            for key, row in found.items()
        }
        for name, found in rows.tables().items()
    }


def shown(ledger: LiveLedger, view: Projection) -> Tables:
    """The view's rows as they are."""
    found: Tables = {}
    for table in view.tables.sorted_tables:
        width, names = len(table.primary_key.columns), [c.name for c in table.columns]
        for row in ledger.query(f"SELECT {', '.join(names)} FROM {view.name}_v1.{table.name}"):
            found.setdefault(table.name, {})[row[:width]] = dict(zip(names[width:], row[width:], strict=True))
    return found


def caught_up(ledger: LiveLedger) -> bool:
    """Whether each view has read all of its events that are stored."""

    def behind(view: str, types: str) -> int:
        read = ledger.query("SELECT coalesce(sum(next), 0) FROM views.position WHERE view = %s", view)[0][0]
        return int(ledger.query("SELECT count(*) FROM ledger.ledger_events WHERE topic LIKE %s", types)[0][0] - read)

    return all(behind(view, types) <= 0 for view, (_, types) in VIEWS.items())


def test_a_minute_of_faults_loses_and_repeats_nothing(ledger: LiveLedger) -> None:
    """Kafka holds every accepted command's events once and in order; every row equals a fold of the log."""
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")  # shown when the test fails
    load, asked = Load(ledger), 0
    asking = threading.Thread(target=load.run)
    with running(ledger) as children:
        begin = time.monotonic()
        asking.start()
        for at, fault in faults(ledger, children, random.Random(seed)):
            time.sleep(max(0.0, begin + at - time.monotonic()))
            until(lambda: load.failure or load.asked > asked, SETTLED_S, "the load goes on")  # noqa: B023 - in this turn
            asked = load.asked
            fault()
        time.sleep(max(0.0, begin + SECONDS - time.monotonic()))
        load.stop.set()
        asking.join()
        until(ledger.relayed, SETTLED_S, "all events on Kafka")
        try:
            until(lambda: caught_up(ledger), SETTLED_S, "the views have read all")
        except AssertionError:  # let the workers say in their logs what they wait for
            for name in (*WORKERS, DOSES):
                strike(children[name], signal.SIGUSR1)
            time.sleep(2)
            raise
    assert load.failure is None
    assert load.asked > asked
    answered = ledger.query("SELECT count(DISTINCT command_id) FROM ledger.command")[0][0]
    assert answered >= load.asked
    assert ledger.published() == ledger.stored()
    for make, _ in VIEWS.values():
        assert shown(ledger, make()) == folded(ledger, make())
    assert ledger.query("SELECT reason FROM views.dead_letter") == []
