"""krypton ingest where instances cannot be kept: a sentence and exit code 4, and what was taken in stays."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.inbox.spool import NoRoom, Spool
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.cli import ingest
from krypton.cli.main import run
from krypton.failures import UNREACHABLE
from krypton.settings import Settings
from tests.fakes.dicom import SITE, enrolled, instance, instances_recorded, new_uid, write


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Krypton:
    """A ledger in memory, for the command line."""
    made = Krypton(Settings(tmp_path / "home"), Addresses("", ""))
    vars(made)["ledger"] = enrolled()
    monkeypatch.setattr(ingest, "krypton", lambda: made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "in", [instance(), instance(StudyInstanceUID=new_uid())])
    return tmp_path / "in"


def complaint(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["ingest", "--site", SITE, str(folder)]) == UNREACHABLE
    return capsys.readouterr().err


def test_a_full_disk_is_said_before_the_room_of_the_database_is_taken(
    ours: Krypton, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spool, "is_full", lambda spool: True)
    assert complaint(folder, capsys) == (
        f"unavailable: instances cannot be kept in {ours.settings.instances} (less than 512 MiB are free, which are "
        "left to the database): make room or give access, then run the same command again; what was taken in stays\n"
    )
    assert not list(ours.settings.instances.glob("instances/*/*/*"))


def test_a_spool_that_cannot_be_written_to_is_said(
    ours: Krypton, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours.settings.instances.parent.mkdir(parents=True, exist_ok=True)
    ours.settings.instances.write_text("a file, where a folder should be")
    assert f"instances cannot be kept in {ours.settings.instances} (" in complaint(folder, capsys)


def test_an_import_asked_again_under_its_id_answers_as_the_first_time_and_tries_what_was_refused_again(
    ours: Krypton, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (folder / "0001.dcm").read_bytes()
    (folder / "0001.dcm").write_bytes(whole[:-3])

    def ask() -> dict[str, Any]:
        assert run(["ingest", "--site", SITE, str(folder), "--command-id", str(UUID(int=7)), "--json"]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    first = ask()
    assert (first["accepted"], len(first["refused"])) == (1, 1)
    assert ask() == first
    (folder / "0001.dcm").write_bytes(whole)
    corrected = ask()
    assert (corrected["accepted"], corrected["duplicates"], corrected["studies"], corrected["refused"]) == (2, 0, 2, [])
    assert corrected["positions"][: len(first["positions"])] == first["positions"]
    assert ask() == corrected
    assert instances_recorded(ours.ledger) == 2  # type: ignore[arg-type]  # the one in memory


def test_the_answer_of_an_import_is_its_own_callers(
    ours: Krypton, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """W5: it names files."""
    asked = ["ingest", "--site", SITE, str(folder), "--command-id", str(UUID(int=7)), "--as"]
    assert run([*asked, "operator"]) == 0
    capsys.readouterr()
    assert run([*asked, "service"]) == 1
    told = capsys.readouterr()
    assert (told.out, "(W5)" in told.err) == ("", True)


def test_what_was_taken_in_before_the_disk_was_full_is_recorded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room that is left is enough for that; run again, the rest goes on."""
    ledger, spool, left = enrolled(), spool_at(tmp_path / "spool"), iter([False, True])
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "is_full", lambda spool: next(left))
        with pytest.raises(NoRoom):
            ingest_paths([folder], SITE, ledger, spool, lambda _: None)
    assert instances_recorded(ledger) == 1
    again = ingest_paths([folder], SITE, ledger, spool, lambda _: None)
    assert (again.accepted, again.duplicates) == (1, 1)
