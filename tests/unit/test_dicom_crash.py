"""The spool's invariant: whatever step a process dies at, and however often, each instance is recorded exactly once."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from pydicom import dcmread

from adapters.dicom.batch import Held
from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import batches as new_batches
from adapters.dicom.inlet import file_digest, recorder, spool_at
from adapters.dicom.intake import arriving, keep_dataset, keep_file
from adapters.dicom.network.association import ToStore
from adapters.dicom.part10 import read_file_meta
from adapters.inbox.abandoned import abandoned
from adapters.inbox.batches import Limits
from adapters.inbox.desk import Desk, open_desk
from adapters.inbox.recorder import REASON, Executes
from adapters.inbox.spool import Spool
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.studies import WithdrawStudy
from tests.fakes.dicom import (
    AE_TITLE,
    ROOT,
    SITE,
    FlakyLedger,
    enrolled,
    instance,
    instances_recorded,
    new_uid,
    of_type,
    write,
)
from tests.fakes.ids import IDS
from tests.fakes.ledger import MemoryLedger

STORING = ("written", "pending", "claimed")
RECORDING = ("settled", "written ahead", "executed", "filed", "synced", "released", "forgotten")
REFUSING = ("settled", "written ahead", "refused", "given up", "forgotten")
ACTOR = f"aet:{AE_TITLE}"
NOT_STARTED = 10**9


class Died(BaseException):
    """The process is gone: no handler sees it."""


def dies_at(step: str, times: int = 1) -> Callable[[str], None]:
    left = times

    def told(done: str) -> None:
        nonlocal left
        if done == step:
            left -= 1
            if left == 0:
                raise Died(step)

    return told


def arrive(desk: Desk, file: Path) -> Held | None:
    """Take a file's instance in, every second one as it comes over the network: both ways lead through one spool."""
    data = file.read_bytes()
    if zlib.crc32(data) % 2:
        return keep_file(desk, file, site=SITE, actor=ACTOR)
    meta, dataset = read_file_meta(data), dcmread(file)
    named = ToStore(sop_class=dataset.SOPClassUID, sop_uid=dataset.SOPInstanceUID, transfer_syntax=meta.transfer_syntax)
    came = arriving(desk, named, AE_TITLE)
    came.write(data[meta.offset :])
    return keep_dataset(desk, came, named, site=SITE, actor=f"aet:{AE_TITLE}")


def receive(spool: Spool, ledger: Executes, files: list[Path], step: Callable[[str], None]) -> None:
    """What a process does with some files, in batches of two, until it ends or dies."""
    desk = open_desk(spool, step)
    try:
        batches, asks = new_batches(Limits(items=2)), recorder(desk, ledger)
        for file in files:
            if held := arrive(desk, file):
                for batch in batches.add(held, feeder=None, now=0):
                    asks.record(batch)
        for batch in batches.close_all():
            asks.record(batch)
    finally:
        unlock(desk)


def restart(spool: Spool, ledger: Executes, step: Callable[[str], None] = lambda _: None) -> None:
    """What the next process does first."""
    for desk in abandoned(spool, step):
        try:
            asks = recorder(desk, ledger)
            for batch in asks.recover():
                asks.record(batch)
        finally:
            unlock(desk)


def unlock(desk: Desk) -> None:
    """A dead process holds no lock; this one still lives."""
    if desk._lock is not None:
        os.close(desk._lock)
        desk._lock = None


def nothing_is_pending(spool: Spool) -> bool:
    """Blanks that nothing was written into aside."""
    files = (path for path in (spool.root / "work").rglob("*") if path.is_file() and path.name != "lock")
    return not any(path.stat().st_size for path in files)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool")


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


@pytest.mark.parametrize("step", STORING + RECORDING)
@pytest.mark.parametrize("times", [1, 2])
def test_a_crash_at_any_step_records_each_answered_instance_once(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, step: str, times: int
) -> None:
    """The sender sends all of them again, as senders do that got no answer."""
    files = write(tmp_path / "in", [instance() for _ in range(5)])
    with pytest.raises(Died):
        receive(spool, ledger, files, dies_at(step, times))
    restart(spool, ledger)
    receive(spool, ledger, files, lambda _: None)
    assert instances_recorded(ledger) == 5
    assert nothing_is_pending(spool)


@pytest.mark.parametrize("step", STORING[1:] + RECORDING)
def test_what_was_held_is_recorded_by_the_restart_alone(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, step: str
) -> None:
    """An instance that was answered is never sent again."""
    files = write(tmp_path / "in", [instance() for _ in range(2)])
    with pytest.raises(Died):
        receive(spool, ledger, files, dies_at(step, 2 if step in STORING else 1))
    restart(spool, ledger)
    assert instances_recorded(ledger) == 2


@pytest.mark.parametrize("first", STORING + RECORDING)
@pytest.mark.parametrize("second", RECORDING)
def test_a_crash_of_the_recovery_changes_nothing(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, first: str, second: str
) -> None:
    """However often it happens."""
    files = write(tmp_path / "in", [instance() for _ in range(3)])
    with pytest.raises(Died):
        receive(spool, ledger, files, dies_at(first))
    for _ in range(2):
        try:
            restart(spool, ledger, dies_at(second))
        except Died:
            continue
    restart(spool, ledger)
    receive(spool, ledger, files, lambda _: None)
    assert instances_recorded(ledger) == 3
    assert nothing_is_pending(spool)


def test_a_batch_that_was_asked_is_asked_again_as_it_was_though_more_has_come(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    """Its command id stands in its file; the newcomers are a batch of their own."""
    first, second = write(tmp_path / "a", [instance()]), write(tmp_path / "b", [instance()])
    with pytest.raises(Died):
        receive(spool, ledger, first, dies_at("executed"))
    with pytest.raises(Died):
        receive(spool, ledger, second, dies_at("claimed"))
    restart(spool, ledger)
    assert instances_recorded(ledger) == 2


@pytest.mark.parametrize("seed", range(25))
def test_any_history_of_crashes_records_each_instance_once(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, seed: int
) -> None:
    """Studies interleaved, files repeated, processes dying at random, a database that comes and goes."""
    random = Random(seed)
    files = write(tmp_path / "in", [instance(StudyInstanceUID=f"{ROOT}{1 + n % 3}") for n in range(9)])
    for _ in range(6):
        some = random.choices(files, k=6)
        step = dies_at(random.choice(STORING + RECORDING), random.randint(1, 4))
        flaky = FlakyLedger(ledger, failures=random.choice([0, 0, 1]))
        try:
            if random.random() < 0.5:
                receive(spool, flaky, some, step)
            else:
                restart(spool, flaky, step)
        except (Died, ConnectionError):
            continue
    restart(spool, ledger)
    receive(spool, ledger, files, lambda _: None)
    assert instances_recorded(ledger) == 9
    assert nothing_is_pending(spool)


def withdraw(ledger: MemoryLedger) -> None:
    """The study of all test instances, so that it takes no more."""
    study = Study.create_id(IDS, Identity.create_id(IDS, SITE, "T-1"), ROOT + "1")
    ledger.ask(WithdrawStudy(study=study, reason="test"))


@pytest.mark.parametrize("step", [None, *REFUSING])
def test_a_refused_batch_is_kept_with_its_reason_at_whatever_step_the_process_died(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, step: str | None
) -> None:
    """Never lost, and nothing of it is pending."""
    receive(spool, ledger, write(tmp_path / "a", [instance()]), lambda _: None)
    withdraw(ledger)
    late = write(tmp_path / "b", [instance(SOPInstanceUID=ROOT + "7")])
    if step:
        with pytest.raises(Died):
            receive(spool, ledger, late, dies_at(step))
        restart(spool, ledger)
    else:
        receive(spool, ledger, late, lambda _: None)
    (folder,) = spool.refused.iterdir()
    assert dcmread(folder / f"{ROOT}7.dcm") == dcmread(late[0])
    assert "was withdrawn" in (folder / REASON).read_text()
    assert nothing_is_pending(spool)
    assert not spool.claim(SITE, ROOT + "7").exists()


def test_a_refused_instance_may_be_sent_again_and_is_refused_again(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    """It is not a duplicate: it was never recorded."""
    receive(spool, ledger, write(tmp_path / "a", [instance()]), lambda _: None)
    withdraw(ledger)
    late = write(tmp_path / "b", [instance()])
    receive(spool, ledger, late, lambda _: None)
    summary = ingest_paths(late, SITE, ledger, spool, lambda _: None, actor=ACTOR).as_dict()
    assert (summary["duplicates"], len(summary["refused"])) == (0, 1)
    assert len(list(spool.refused.iterdir())) == 1


def test_a_batch_that_cannot_be_recorded_now_is_recorded_later(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    """The database was away."""
    files = write(tmp_path / "in", [instance(SeriesInstanceUID=new_uid()) for _ in range(3)])
    with pytest.raises(ConnectionError):
        receive(spool, FlakyLedger(ledger, NOT_STARTED), files, lambda _: None)
    restart(spool, ledger)
    receive(spool, ledger, files, lambda _: None)
    assert instances_recorded(ledger) == 3


def test_recovered_batches_never_overlap_though_none_is_recorded_yet(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    """The service asks for them in its own thread, later."""
    files = write(tmp_path / "in", [instance() for _ in range(3)])
    with pytest.raises(Died):
        receive(spool, ledger, files, dies_at("written ahead", 2))
    (desk,) = abandoned(spool)
    names = [name for batch in recorder(desk, ledger).recover() for name in batch.names]
    assert len(names) == len(set(names)) == len(list(desk.pending()))


def test_a_batch_that_was_asked_keeps_its_command_id_though_an_instance_was_lost_since(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    """Else what is left of it would be recorded a second time."""
    files = write(tmp_path / "in", [instance(), instance(SOPInstanceUID=ROOT + "8")])
    with pytest.raises(Died):
        receive(spool, ledger, files, dies_at("executed"))
    spool.claim(SITE, ROOT + "8").write_bytes(b"the disk has eaten it")
    restart(spool, ledger)
    assert instances_recorded(ledger) == 2


def test_a_refusal_stands_though_the_rule_would_let_it_pass_now(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path
) -> None:
    """Its instances may have given up their claims already: asking again would record a part."""
    receive(spool, ledger, write(tmp_path / "a", [instance()]), lambda _: None)
    withdraw(ledger)
    with pytest.raises(Died):
        receive(spool, ledger, write(tmp_path / "b", [instance(), instance()]), dies_at("refused"))
    lenient = enrolled()
    restart(spool, lenient)
    assert instances_recorded(lenient) == 0
    assert nothing_is_pending(spool)


@pytest.mark.parametrize("step", [*STORING[1:], *RECORDING])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_crash_at_any_step_records_a_second_content_once_and_loses_neither(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, step: str, times: int
) -> None:
    """The first and the second in one batch, or in two; then both are sent again."""
    one = instance(SOPInstanceUID=ROOT + "9")
    (first,) = write(tmp_path / "a", [one])
    one.PatientName = "AUTRE^Nom"
    (second,) = write(tmp_path / "b", [one])
    files = [first, second, *write(tmp_path / "c", [instance()])]
    try:
        receive(spool, ledger, files, dies_at(step, times))
    except Died:
        restart(spool, ledger)
    receive(spool, ledger, files, lambda _: None)
    assert (len(of_type(ledger, "study.conflict_found")), instances_recorded(ledger)) == (1, 2)
    (aside,) = (spool.conflicts / SITE).iterdir()
    assert file_digest(aside) == file_digest(second)
    assert nothing_is_pending(spool)
