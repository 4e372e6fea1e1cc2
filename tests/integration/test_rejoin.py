"""A broker dies while a worker joins its group: the view follows again soon after the broker is back.

The worker stops at a given step of joining, and goes on when the broker is dead. (aiokafka asks for a topic's
partitions once; where that failed it waited five minutes before it asked again, and a view stood still meanwhile.)
"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from krypton.devstack.stack import Stack
from krypton.services.supervisor import Child, supervise
from streams.broker import broker
from tests.integration.live_ledger import LiveLedger, kill_kafka, live_ledger
from tests.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.fault]

VIEW = "identity_index"
POLLS = 50
"""Of 0.1 s each: a broker deals partitions at once, but a member may have asked before it knew of the topic."""
ASKED_IN_VAIN = "Unable to update metadata from"  # aiokafka's words
STEPS = {
    "looks for its coordinator": ("aiokafka.client:AIOKafkaClient", "coordinator_lookup"),
}
"""Where it stops: before the method of aiokafka by which it goes on from there."""
WORKER = """
import importlib, pathlib, sys, time
from krypton.bootstrap import Krypton
from krypton.services.logins import worker
from krypton.services.parent import end_with_parent
from streams.processor import processor

end_with_parent()
cls, method, folder = *sys.argv[1:3], pathlib.Path(sys.argv[3])
module, _, name = cls.partition(":")
cls = getattr(importlib.import_module(module), name)
goes_on = getattr(cls, method)


async def stops(*given, **named):
    if not (folder / "reached").exists():
        (folder / "reached").touch()
        while not (folder / "dead").exists():
            time.sleep(0.05)
    return await goes_on(*given, **named)


setattr(cls, method, stops)
ours = Krypton.connect(login=worker("identity_index"))
processor.run(ours.view("identity_index"), kafka=ours.addresses.kafka)
"""


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveLedger]:
    """With a relay, and where this process's children find it."""
    with live_ledger(stack, tmp_path) as ours:
        monkeypatch.setenv("KRYPTON_HOME", str(stack.root))
        monkeypatch.setenv("KRYPTON_KAFKA", ours.krypton.addresses.kafka)
        monkeypatch.setenv("KRYPTON_DATABASE", ours.database)
        ours.start("relay")
        make_group(ours.krypton.addresses.kafka)
        yield ours


def make_group(kafka: str) -> None:
    """Any group: before the first one a broker answers so that aiokafka asks for everything again.

    The topic was made just now: who asks the broker too early is given none of it, and may wait for minutes.
    """
    until(lambda: joined(kafka), "a group")


def joined(kafka: str) -> bool:
    """Whether a new member is given partitions within a few seconds."""
    member = KafkaConsumer("krypton.views", **broker.options(kafka), group_id="first", metadata_max_age_ms=500)
    try:
        return any(member.poll(timeout_ms=100) or member.assignment() for _ in range(POLLS))
    finally:
        member.close(autocommit=False)


@pytest.fixture
def supervised() -> Iterator[list[Child]]:
    """What is put in here runs under the supervisor, as in ``krypton run``."""
    children: list[Child] = []
    stop = threading.Event()
    supervisor = threading.Thread(target=supervise, args=(children, print, stop))
    supervisor.start()
    yield children
    stop.set()
    supervisor.join()


def indexed(ledger: LiveLedger) -> int:
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}_v1.identity")[0][0])


@pytest.mark.parametrize("step", STEPS)
def test_a_broker_that_dies_while_a_worker_joins_is_followed_again(
    step: str, ledger: LiveLedger, supervised: list[Child], tmp_path: Path
) -> None:
    """0.7 to 3.2 s after the broker is back on an idle machine, here and at each later step up to the first fetch."""
    ledger.register(50)
    until(ledger.relayed, "relayed")
    supervised.append(Child("worker", [sys.executable, "-c", WORKER, *STEPS[step], str(tmp_path)], tmp_path / "w.log"))
    until((tmp_path / "reached").exists, f"the worker is at the step {step}")
    kill_kafka(ledger.stack)
    (tmp_path / "dead").touch()
    until(lambda: ASKED_IN_VAIN in (tmp_path / "w.log").read_text(), "it asked the dead broker")
    ledger.stack.start_kafka()
    ledger.register(50)
    until(lambda: indexed(ledger) == 100, "it goes on")
