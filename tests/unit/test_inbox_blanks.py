"""Blanks: what is written into one and answered survives a power cut that undoes its renaming, and halves do not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.dicom.inlet import batches, recorder, spool_at
from adapters.dicom.intake import arriving, keep_dataset
from adapters.dicom.network.association import ToStore
from adapters.dicom.part10 import read_file_meta
from adapters.inbox.batches import Limits
from adapters.inbox.blanks import PREFIX, Blanks, blanks_in
from adapters.inbox.desk import Desk, open_desk
from adapters.inbox.spool import Spool
from tests.fakes.dicom import AE_TITLE, CT_IMAGE, SITE, enrolled, instance, instances_recorded, part10
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_dicom_crash import nothing_is_pending, restart, unlock

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "spool")


@pytest.fixture
def ledger() -> MemoryLedger:
    return enrolled()


def keep(desk: Desk, uid: str) -> Path:
    """One instance from the network; where it is pending."""
    data = part10(instance(SOPInstanceUID=uid))
    named = ToStore(sop_class=CT_IMAGE, sop_uid=uid, transfer_syntax=EXPLICIT)
    came = arriving(desk, named, AE_TITLE)
    came.write(data[read_file_meta(data).offset :])
    held = keep_dataset(desk, came, named, site=SITE, actor=f"aet:{AE_TITLE}")
    assert held
    return desk.path(held.name)


def as_a_blank_again(pending: Path) -> Path:
    """What a power cut may make of a name that was not flushed: the old one."""
    return pending.rename(pending.parent / f"{PREFIX}0123456789ab")


def test_an_answered_instance_is_recorded_though_the_power_cut_undid_its_pending_name(
    spool: Spool, ledger: MemoryLedger
) -> None:
    desk = open_desk(spool)
    as_a_blank_again(keep(desk, "1.2.3"))
    unlock(desk)
    restart(spool, ledger)
    assert instances_recorded(ledger) == 1
    assert nothing_is_pending(spool)


def test_an_answered_instance_is_recorded_though_the_power_cut_undid_its_claim_too(
    spool: Spool, ledger: MemoryLedger
) -> None:
    desk = open_desk(spool)
    as_a_blank_again(keep(desk, "1.2.3"))
    spool.claim(SITE, "1.2.3").unlink()
    unlock(desk)
    restart(spool, ledger)
    assert instances_recorded(ledger) == 1
    assert spool.claim(SITE, "1.2.3").exists()


@pytest.mark.parametrize("left", [0, 100, 200, 400, -1])
def test_a_half_written_blank_is_nothing(spool: Spool, ledger: MemoryLedger, left: int) -> None:
    """It was never answered."""
    desk = open_desk(spool)
    blank = as_a_blank_again(keep(desk, "1.2.3"))
    spool.claim(SITE, "1.2.3").unlink()
    blank.write_bytes(blank.read_bytes()[:left])
    unlock(desk)
    restart(spool, ledger)
    assert instances_recorded(ledger) == 0
    assert nothing_is_pending(spool)


def test_pending_names_are_flushed_before_the_batchs_file_that_lists_them(spool: Spool, ledger: MemoryLedger) -> None:
    """Else a batch asked for might list an instance that the restart finds under another name."""
    steps: list[str] = []
    desk = open_desk(spool, steps.append)
    gathered = batches(Limits())
    uid = "1.2.3"
    data = part10(instance(SOPInstanceUID=uid))
    named = ToStore(sop_class=CT_IMAGE, sop_uid=uid, transfer_syntax=EXPLICIT)
    came = arriving(desk, named, AE_TITLE)
    came.write(data[read_file_meta(data).offset :])
    held = keep_dataset(desk, came, named, site=SITE, actor=f"aet:{AE_TITLE}")
    assert held
    gathered.add(held, feeder=None, now=0)
    (batch,) = gathered.close_all()
    recorder(desk, ledger).record(batch)
    assert steps.index("settled") < steps.index("written ahead")
    desk.leave()


def _counting(flushed: list[str], name: str) -> Callable[[int], None]:
    really: Callable[[int], None] = getattr(os, name)

    def flush(fd: int) -> None:
        flushed.append(name)
        really(fd)

    return flush


def test_an_instance_costs_one_flush(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once blanks are there: the folder is flushed for many at a time."""
    desk = open_desk(spool)
    for number in range(6):  # two blanks, then four
        keep(desk, f"1.2.{number}")
    flushed: list[str] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, _counting(flushed, name))
    for number in range(6, 14):  # eight more
        keep(desk, f"1.2.{number}")
    assert flushed.count("fdatasync") == 8
    assert flushed.count("fsync") == 1


def test_blanks_of_a_desk_that_is_left_with_work_are_gone_after_the_next_start(
    spool: Spool, ledger: MemoryLedger
) -> None:
    """Nothing piles up."""
    desk = open_desk(spool)
    keep(desk, "1.2.3")
    desk.leave()
    assert list(blanks_in(desk.folder / "pending"))
    assert [path.name.split("_")[0] for path in spool.pending()] == ["1.2.3"]  # no blank is one
    restart(spool, ledger)
    assert nothing_is_pending(spool)


def test_a_blank_that_cannot_be_written_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full."""
    blanks = Blanks(tmp_path)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OSError, match="No space"):
        blanks.fill([b"one"])
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b""]
