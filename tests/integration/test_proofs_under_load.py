"""Verification while the ledger is written to, and its processes are killed: twenty times, and no false alarm."""

import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.integrity.verify import Question, verify
from tests.forked import Running
from tests.integration.live_ledger import LiveLedger, kill, live_ledger
from tests.integration.proof_world import heads, krypton
from tests.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.fault]

VERIFICATIONS = 20
BURST = 8  # some hundred a second: many come while one verification reads
COMMANDS = (("relay",), ("serve", "notary"))


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path) -> Iterator[LiveLedger]:
    """Empty."""
    with live_ledger(stack, tmp_path) as made:
        yield made


def test_no_false_alarm_under_load_with_processes_killed(ledger: LiveLedger) -> None:
    """Relay and notary are killed now and then, at any moment."""
    ours, stop, chance = krypton(ledger), threading.Event(), Random(5)

    def write() -> None:
        while not stop.is_set():
            ledger.register(BURST)
            stop.wait(0.05)  # the verification shares this process with it

    running = [_start(ours, ledger, command) for command in COMMANDS]
    writer = threading.Thread(target=write)
    writer.start()
    found = []
    try:
        until(lambda: heads(ours).signed, "the first checkpoint")
        for _ in range(VERIFICATIONS):
            if chance.random() < 0.3:
                which = chance.randrange(len(COMMANDS))
                kill(running[which])
                running[which] = _start(ours, ledger, COMMANDS[which])
            found.append(verify(ours, Question(heads(ours), timeout_s=0.2)))
    finally:
        stop.set()
        writer.join()
    assert [one.document() for one in found if one.difference] == []
    assert found[-1].events > found[0].events
    assert found[-1].checkpoints > found[0].checkpoints


def _start(ours: Krypton, ledger: LiveLedger, words: tuple[str, ...]) -> Running:
    """A process of the ledger, with the signed log of this test."""
    log, key = ours.settings.log_folder, ours.settings.log_key
    return ledger.start(*words, KRYPTON_LOG_FOLDER=str(log), KRYPTON_LOG_KEY_FILE=str(key))
