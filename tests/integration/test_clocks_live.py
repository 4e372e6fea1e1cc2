"""Clocks three hours ahead and behind, on one process and on all: a wrong writer is named, and all else goes on."""

import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from krypton.devstack import processes
from krypton.devstack.stack import Stack
from krypton.services.install import install
from krypton.services.supervisor import krypton_command
from streams.broker import broker
from streams.broker.topics import PARTITIONS
from streams.relay.outgoing import first_long
from tests.fakes.clocks import environment, wrong_clocks
from tests.integration.live_ledger import LiveLedger, kill, live_ledger, stop_database
from tests.waiting import WITHIN_S, until

__all__ = ["wrong_clocks"]

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("wrong_clocks")]

VIEW = "identity_index"
HOUR_US = 3_600_000_000


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path) -> Iterator[LiveLedger]:
    """Installed, with nothing running."""
    with live_ledger(stack, tmp_path) as ours:
        _ = ours.krypton
        yield ours


def start(ledger: LiveLedger, hours: int, *words: str) -> subprocess.Popen[bytes]:
    """``krypton <words>`` with a clock that is wrong by so many hours."""
    moved = [f"{name}={value}" for name, value in environment(hours).items()] if hours else []
    return ledger.spawn("-".join(words), ["env", *moved, *krypton_command(*words)])


def enrolling(code: str) -> tuple[str, ...]:
    """The words of a command that writes one event."""
    return ("site", "enroll", code, "--name", "Hospital")


def enroll(ledger: LiveLedger, hours: int, code: str) -> int:
    """One event by a process of its own; its exit code."""
    return start(ledger, hours, *enrolling(code)).wait(WITHIN_S)


def told(ledger: LiveLedger, code: str) -> tuple[int, str]:
    """By how many hours that process's clock is said to differ, and how. Seconds count how long the answer took."""
    said = " ".join(ledger.said(*enrolling(code)).split())
    found = re.search(r"is ([\d,]+) s (ahead of|behind) the event store's", said)
    assert found, said
    return round(int(found[1].replace(",", "")) / 3_600), found[2]


def stamps(ledger: LiveLedger) -> list[int]:
    rows = ledger.query("SELECT state FROM ledger.ledger_events ORDER BY id")
    return [first_long(bytes(state)) for (state,) in rows]


def indexed(ledger: LiveLedger) -> int:
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}_v1.identity")[0][0])


def test_one_writer_is_refused_by_name_and_everybody_else_goes_on(ledger: LiveLedger) -> None:
    """Relay and worker have wrong clocks too: they stamp nothing, so they are not refused."""
    start(ledger, 3, "relay")
    start(ledger, -3, "worker", VIEW)
    before = len(stamps(ledger))
    assert enroll(ledger, 3, "AHEAD") == 4
    assert told(ledger, "AHEAD") == (3, "ahead of")
    assert enroll(ledger, -3, "BEHIND") == 4
    assert told(ledger, "BEHIND") == (3, "behind")
    assert len(stamps(ledger)) == before
    ledger.register(300)
    until(lambda: indexed(ledger) == 300, "all indexed")


def test_an_event_hours_ahead_is_relayed_also_where_the_topics_are_an_older_releases(ledger: LiveLedger) -> None:
    """Such a topic takes records up to an hour ahead: one event stopped the relay for good."""
    admin = KafkaAdminClient(**broker.options(ledger.krypton.addresses.kafka))
    hour = {"message.timestamp.after.max.ms": "3600000"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, hour) for topic in PARTITIONS])
    admin.close()
    for _ in install(ledger.krypton):
        pass
    own = ledger.krypton.ledger
    right = own.clock
    for hours in (3, -3):
        own.clock = lambda hours=hours: right() + timedelta(hours=hours)  # type: ignore[misc]
        ledger.register(10)
    own.clock = right
    ledger.register(100)
    start(ledger, 0, "relay")
    until(ledger.relayed, "all relayed")
    assert ledger.published() == ledger.stored()


@pytest.fixture
def database_hours(ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Starts the database again with a clock that is wrong by so many hours; in the end with the right one."""

    def restart(hours: int) -> None:
        stop_database(ledger.stack)
        with monkeypatch.context() as patched:
            patched.setattr(
                processes, "ENVIRONMENT", {**processes.ENVIRONMENT, **(environment(hours) if hours else {})}
            )
            ledger.stack.start_database()

    yield restart
    restart(0)


def test_where_all_clocks_are_wrong_all_works_and_when_they_are_set_right_too(
    ledger: LiveLedger, database_hours: Callable[[int], None]
) -> None:
    """Three hours ahead, and then three hours behind what is stored: PostgreSQL, relay, worker and writer.

    The broker's clock is compared with nothing: it takes records of any time, three hours from its own included.
    """
    ledger.register(50)
    for hours in (3, 0):
        database_hours(hours)
        running = [start(ledger, hours, "relay"), start(ledger, hours, "worker", VIEW)]
        there = len(stamps(ledger))
        assert enroll(ledger, hours, f"SITE{hours}") == 0
        until(ledger.relayed, "all relayed")
        until(lambda: indexed(ledger) == 50, "all indexed")
        assert len(stamps(ledger)) == there + 1
        for process in running:
            kill(process)
    found = stamps(ledger)
    assert found[-2] - found[0] > 2 * HOUR_US
    assert all(before <= after for before, after in pairwise(found))


def test_a_database_whose_clock_alone_is_wrong_takes_nothing_and_nothing_stands_still(
    ledger: LiveLedger, database_hours: Callable[[int], None]
) -> None:
    """Which of the two is wrong nobody can know: the writer says so, and what is stored is relayed and indexed."""
    ledger.register(50)
    database_hours(-3)
    start(ledger, 0, "relay")
    start(ledger, 0, "worker", VIEW)
    assert enroll(ledger, 0, "LATE") == 4
    assert told(ledger, "LATE") == (3, "ahead of")
    until(lambda: indexed(ledger) == 50, "all indexed")
