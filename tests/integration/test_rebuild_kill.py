"""kill -9 at random moments of rebuilds: never half, never a wrong position, and a rerun finishes.

Of promotions: ``test_promotion_kill``.
"""

import random
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from bench import bulk
from krypton.devstack.stack import Stack
from projections.patient_record.view import PatientRecord
from projections.versions import diff
from tests.integration.live_ledger import LiveLedger, end_offsets, kill, live_ledger
from tests.waiting import WITHIN_S, until

pytestmark = [pytest.mark.live, pytest.mark.fault]

VIEW = "patient_record"
REBUILD = ("views", "rebuild", VIEW)
EVENTS = 12_000
MOMENTS, ATTEMPTS = 4, 12
TABLES = sorted(table.name for table in PatientRecord.tables.sorted_tables)


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    """Some thousand studies on Kafka, of which readers see none as yet."""
    with live_ledger(stack, tmp_path_factory.mktemp("rebuilt")) as ours:
        bulk.fill(ours.krypton, EVENTS)
        yield ours


def shown(ledger: LiveLedger) -> set[str]:
    """The versions' schemas that the readers' SQL views look into: one, or readers see a mix."""
    found = ledger.query("SELECT viewname, definition FROM pg_views WHERE schemaname = %s", VIEW)
    assert sorted(name for name, _ in found) == TABLES, "a view is missing for readers"
    return {version for _, definition in found for version in re.findall(rf"{VIEW}_v\d+", definition)}


def live(ledger: LiveLedger) -> str:
    """The schema of the version that is registered as live."""
    ((version,),) = ledger.query("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", VIEW)
    return f"{VIEW}_v{version}"


def killed_at(ledger: LiveLedger, moment_s: float, *words: str) -> float | None:
    """Run a command until that moment; where it was faster, its seconds."""
    begun, process = time.monotonic(), ledger.start(*words)
    with suppress(subprocess.TimeoutExpired):
        assert process.wait(moment_s) == 0, ledger.said(*words)
        return time.monotonic() - begun
    building = psutil.Process(process.pid).children(recursive=True)
    kill(process)
    until(lambda: not any(map(runs, building)), "the processes of a rebuild that is gone have ended")
    return None


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; nobody need have taken note of its end."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def finished(ledger: LiveLedger, *words: str) -> float:
    """Run a command to its end; returns its seconds."""
    begun, process = time.monotonic(), ledger.start(*words)
    assert process.wait(WITHIN_S) == 0, ledger.said(*words)
    return time.monotonic() - begun


def test_a_rebuild_that_is_killed_again_and_again_goes_on_and_ends_right(ledger: LiveLedger) -> None:
    draw = random.Random(4)
    whole_s = finished(ledger, *REBUILD)  # version 2, never killed
    kills, left = 0, set()
    for _ in range(ATTEMPTS):
        # In one process and in two: those of a parent that was killed end by themselves, and write nothing more.
        processes = ("--processes", str(1 + kills % 2))
        if faster_s := killed_at(ledger, draw.uniform(0.4, 1.0) * whole_s, *REBUILD, *processes):
            whole_s = faster_s  # the machine has less to do than when it was measured
        kills += faster_s is None
        assert shown(ledger) == {live(ledger)} == {f"{VIEW}_v1"}
        for version, state in ledger.query("SELECT version, state FROM views.view_version WHERE view = %s", VIEW):
            positions = ledger.query(
                "SELECT count(*) FROM views.position WHERE view = %s AND version = %s", VIEW, version
            )
            assert (positions != [(0,)]) == (state == "ready"), f"v{version} is {state}"
            left.add(state)
        if kills >= MOMENTS and "building" in left:
            break
    assert kills >= MOMENTS
    assert "building" in left, "no kill came while a version was being built"
    finished(ledger, *REBUILD, "--processes", "2")
    _check_versions(ledger)


def _check_versions(ledger: LiveLedger) -> None:
    """Every version that is ready stands at the topics' ends, and holds the rows of the one that was never killed."""
    ends = {
        (tp.topic, tp.partition): end
        for tp, end in end_offsets(ledger.krypton.addresses.kafka, PatientRecord.topics).items()
        if end
    }
    ready = ledger.query("SELECT version FROM views.view_version WHERE view = %s AND state = 'ready'", VIEW)
    assert len(ready) > 1
    for (version,) in ready:
        at = ledger.query(
            'SELECT topic, "partition", next FROM views.position WHERE view = %s AND version = %s', VIEW, version
        )
        assert {(topic, partition): end for topic, partition, end in at} == ends
        with ledger.krypton.snapshot() as connection:
            assert diff.summary(connection, diff.Pair(VIEW, 2, version))["equal"]


def test_a_check_leaves_a_half_built_version_alone_and_removes_what_a_killed_check_left(ledger: LiveLedger) -> None:
    states = "SELECT version, state FROM views.view_version WHERE view = %s ORDER BY version"
    before = ledger.query(states, VIEW)
    building, aside = (before[-1][0] + 1, "building"), (before[-1][0] + 2, "aside")
    rebuild = ledger.start("views", "rebuild", VIEW)
    until(lambda: building in ledger.query(states, VIEW), "a version being built")
    kill(rebuild)
    check = ledger.start("views", "check", VIEW)
    until(lambda: aside in ledger.query(states, VIEW), "a version built aside")
    kill(check)
    finished(ledger, "views", "check", VIEW)
    assert ledger.query(states, VIEW) == [*before, building]
