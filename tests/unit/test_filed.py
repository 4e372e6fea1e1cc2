"""Which instances were recorded for which study is listed, whatever crashes came; and deleted with the study."""

import os
import resource
import signal
from pathlib import Path

import pytest

from adapters.dicom.inlet import spool_at
from adapters.inbox.filed import delete_filed, file_under, in_hand
from adapters.inbox.spool import Spool
from tests.fakes.dicom import enrolled, instance, write
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_dicom_crash import RECORDING, STORING, Died, dies_at, receive, restart

STUDY, OTHER = "00000000-0000-8000-8000-000000000001", "00000000-0000-8000-8000-000000000002"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool")


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


def held(spool: Spool) -> set[Path]:
    return {path for path in (spool.root / "instances").rglob("*") if path.is_file()}


def listed(spool: Spool) -> set[Path]:
    lines = (line for file in (spool.root / "filed").glob("*/*") for line in file.read_text().splitlines())
    return {spool.root / line for line in lines if line}


def kept(spool: Spool, study: str, *uids: str) -> list[Path]:
    """Instances that are recorded for a study."""
    claims = [spool.claim("CHB", uid) for uid in uids]
    for claim in claims:
        claim.parent.mkdir(parents=True, exist_ok=True)
        claim.write_text("pixels")
    file_under(spool, study, (spool.claim_below("CHB", uid) for uid in uids))
    return claims


@pytest.mark.parametrize("first", [*STORING, *RECORDING])
@pytest.mark.parametrize("second", RECORDING)
def test_whatever_is_recorded_is_listed_however_often_it_crashed(
    spool: Spool, ledger: MemoryLedger, tmp_path: Path, first: str, second: str
) -> None:
    files = write(tmp_path / "in", [instance() for _ in range(3)])
    with pytest.raises(Died):
        receive(spool, ledger, files, dies_at(first))
    try:
        restart(spool, ledger, dies_at(second))
    except Died:
        restart(spool, ledger)
    receive(spool, ledger, files, lambda _: None)
    assert listed(spool) == held(spool)
    assert len(held(spool)) == 3


def test_what_is_deleted_with_a_study_leaves_the_others(spool: Spool) -> None:
    mine, others = kept(spool, STUDY, "1.1", "1.2"), kept(spool, OTHER, "1.3")
    assert delete_filed(spool, STUDY, 100) == 2
    assert [file.exists() for file in (*mine, *others)] == [False, False, True]
    assert listed(spool) == {*others}
    assert delete_filed(spool, STUDY, 100) == 0


def test_many_are_deleted_part_by_part(spool: Spool) -> None:
    kept(spool, STUDY, *(f"1.{n}" for n in range(5)))
    assert [delete_filed(spool, STUDY, 2) for _ in range(3)] == [2, 2, 1]
    assert held(spool) == set()


def test_a_line_that_a_crash_cut_off_hides_none_that_follows(spool: Spool) -> None:
    kept(spool, STUDY, "1.1")
    (file,) = (spool.root / "filed").glob("*/*")
    with file.open("a") as opened:
        opened.write("instances/CHB/a")
    kept(spool, STUDY, "1.1", "1.2")
    assert delete_filed(spool, STUDY, 100)
    assert held(spool) == set()


def test_a_batch_that_was_begun_before_is_in_hand_until_it_is_recorded(spool: Spool) -> None:
    file = spool.root / "work" / "desk" / "batches" / "1.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    os.utime(file, (1_000, 1_000))
    assert in_hand(spool, 1_001)
    assert not in_hand(spool, 1_000)
    file.unlink()
    assert not in_hand(spool, 1_001)


def test_a_line_that_was_cut_off_at_a_folder_stops_nothing(spool: Spool) -> None:
    """What is left of it may be the name of a folder that is there."""
    (claim,) = kept(spool, STUDY, "1.1")
    (file,) = (spool.root / "filed").glob("*/*")
    with file.open("a") as opened:
        opened.write(str(claim.parent.relative_to(spool.root)))
    assert delete_filed(spool, STUDY, 100)
    assert held(spool) == set()
    assert claim.parent.is_dir()


def test_a_list_that_does_not_fit_on_the_disk_is_an_error(spool: Spool) -> None:
    """Else items would be recorded that no erasure finds."""
    kept(spool, STUDY, "1.1")
    (file,) = (spool.root / "filed").glob("*/*")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            file_under(spool, STUDY, [spool.claim_below("CHB", f"1.{n}") for n in range(2, 5)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
