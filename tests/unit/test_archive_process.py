"""The DICOM service keeps the process that makes what images need, and the command checks all of them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from adapters.archive.study import fresh
from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.inbox.spool import Spool
from krypton.services.archive import Keeper
from tests.fakes.dicom import ROOT, SITE, enrolled, of_type, write
from tests.fakes.roles import roles_file
from tests.integration.live_cli import CommandLine
from tests.unit.test_archive_study import image
from tests.waiting import until


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_at(tmp_path / "home" / "dicom", room=0)


@pytest.fixture
def study(spool: Spool, tmp_path: Path) -> str:
    """A study of two instances that is recorded, and nothing is made of it yet."""
    spool.root.mkdir(parents=True, mode=0o755)
    ledger = enrolled()
    ingest_paths(write(tmp_path / "in", [image(1), image(2)]), SITE, ledger, spool, lambda _: None)
    return str(of_type(ledger, "study.arrived")[-1].aggregate_id)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "home", (("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", "operator:one"))),))


@pytest.fixture
def keeper(spool: Spool) -> Iterator[Keeper]:
    made = Keeper(spool.root.parent)
    yield made
    made.stop()


def child() -> psutil.Process | None:
    return next((one for one in psutil.Process().children() if one.cmdline()[-2:] == ["archive", "run"]), None)


def test_a_study_is_made_ready_by_a_process_of_its_own_and_again_after_it_was_killed(
    spool: Spool, study: str, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("krypton.services.archive.PAUSES_S", (0.0,))
    keeper.look()
    killed = child()
    assert killed is not None
    killed.kill()

    def looked() -> bool:
        keeper.look()
        return fresh(spool, study) is not None

    until(looked, "the study's files are made")
    running = child()
    assert running is not None
    assert running.pid != killed.pid
    keeper.stop()
    assert child() is None


def test_the_check_makes_what_is_missing_and_closes_the_folder_to_others(
    spool: Spool, study: str, line: CommandLine
) -> None:
    told = json.loads(line.run("archive", "check", "--json").out)
    size = sum(spool.claim(SITE, f"{ROOT}7.1.{n}").stat().st_size for n in (1, 2))
    expected = {"studies": 1, "instances": 2, "left_out": [], "damaged": [], "deleted": 0}
    expected |= {"retention_over": None, "away": [], "volumes": []}
    assert told == expected | {"mib": round(size / 2**20, 1)}
    assert fresh(spool, study)
    assert not spool.root.stat().st_mode & 0o077


def test_the_check_names_what_is_damaged_and_ends_with_1(spool: Spool, study: str, line: CommandLine) -> None:
    line.run("archive", "check")
    claim = spool.claim(SITE, f"{ROOT}7.1.2")
    os.truncate(claim, claim.stat().st_size - 1)
    said = line.run("archive", "check", "--json")
    (damaged,) = json.loads(said.out)["damaged"]
    assert (said.code, damaged["study"], spool.root / damaged["instance"]) == (1, study, claim)


def test_a_study_is_moved_to_a_volume_and_the_check_names_one_that_is_away(
    spool: Spool, study: str, keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    monkeypatch.setenv("KRYPTON_DICOM_VOLUMES", str(volume))
    claim = spool.claim(SITE, f"{ROOT}7.1.1")

    def moved() -> bool:
        keeper.look()
        return claim.is_symlink()

    until(moved, "the study is moved")
    keeper.stop()
    assert volume.resolve() in claim.resolve().parents
    setting = (("KRYPTON_DICOM_VOLUMES", str(volume)),)
    roles = (("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", "operator:one"))),)
    line = CommandLine(tmp_path / "home", (*roles, *setting))
    told = json.loads(line.run("archive", "check", "--json").out)
    assert (told["instances"], told["damaged"], told["away"]) == (2, [], [])
    assert [one["volume"] for one in told["volumes"]] == [str(volume)]
    volume.rename(tmp_path / "elsewhere")
    volume.mkdir()
    said = line.run("archive", "check", "--json")
    told = json.loads(said.out)
    assert (said.code, told["away"], told["damaged"]) == (
        1,
        [{"study": study, "reason": f"volume {volume} is not there: mount it"}],
        [],
    )
    assert "not mounted" in told["volumes"][0]["problem"]
