"""Whose instances are deleted when somebody is erased: theirs, wherever in the folder they lie, and nobody else's."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.archive.archive import Archive, NotHeld
from adapters.dicom.inlet import spool_at
from adapters.dicom.intake import instance_in
from adapters.inbox.filed import grown
from adapters.inbox.spool import Spool
from domain.commands.erasures import erasure_of
from domain.commands.studies import ReassignStudy, WithdrawStudy
from domain.work import Work
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.erasing import instances
from krypton.erasing import refused as refusals
from krypton.erasing.again import Again
from krypton.settings import Settings
from schemas.codec import Codec
from tests.fakes.dicom import OTHER_SITE, ROOT, enrolled, instance, of_type, write
from tests.fakes.erasing import Erase
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_dicom_crash import Died, dies_at, nothing_is_pending, receive, restart


@dataclass(frozen=True)
class Noted:
    """Records that instances of these studies were deleted."""

    identity: UUID
    studies: tuple[str, ...]

    def decide(self, work: Work) -> dict[str, Any]:
        """Without the decisions before."""
        erasure_of(work, self.identity)._followed(self.identity, "instances", list(self.studies))
        return {}


class Folder:
    """A DICOM folder, its ledger, and what the erasing asks."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ledger: MemoryLedger = enrolled()
        self.ours = Krypton(Settings(home, dicom_port=0), Addresses("nowhere:1", "postgresql://nowhere"))
        vars(self.ours).update(ledger=self.ledger, codec=self.ledger.codec)
        self.spool: Spool = spool_at(self.ours.settings.instances)
        self.sent = 0

    def receive(self, number: str, study: str, *uids: str, step: str = "", **said: str) -> None:
        """Instances of the person with that number come in: one for each UID, or a new one."""
        self.sent += 1
        told = {"PatientID": number, "StudyInstanceUID": ROOT + study, **said}
        made = [instance(**told, SOPInstanceUID=uid) for uid in uids] or [instance(**told)]
        files = write(self.home / str(self.sent), made)
        receive(self.spool, self.ledger, files, dies_at(step) if step else lambda _: None)

    def later(self) -> None:
        """What happens from now on is later, by the ledger's clock, than what lies in the folder."""
        self.ledger.clock.now = self.ledger.clock.now.replace(year=2100)  # type: ignore[attr-defined]

    def identity(self, number: str) -> str:
        """Of the person with that number."""
        registered = of_type(self.ledger, "identity.registered")
        return next(one.aggregate_id for one in registered if one.data["local_id"] == number)

    def study(self, number: str) -> UUID:
        """The first one of the person with that number."""
        arrived = of_type(self.ledger, "study.arrived")
        return next(UUID(e.aggregate_id) for e in arrived if e.data["identity_id"] == self.identity(number))

    def erase(self, number: str) -> list[str] | None:
        """The studies whose instances are gone; None: some are left."""
        return self.erase_identity(self.identity(number))

    def erase_identity(self, identity: str) -> list[str] | None:
        """The same, by its id."""
        done = instances.deleted(self.ours, {identity: self.ledger.recorder.max_notification_id() or 0})
        return list(done[identity]) if identity in done else None

    def note(self, number: str) -> None:
        """Another machine erased the person, and deleted the instances that it had."""
        identity = UUID(self.identity(number))
        self.ledger.ask(Erase(identity=identity, reason="error: file 1"))
        self.ledger.ask(Noted(identity, (str(self.study(number)),)))

    def held(self) -> Iterator[str]:
        """What lies in the folder: where, and whose it says it is."""
        for place in ("instances", "conflicts", "refused"):
            for file in sorted((self.spool.root / place).rglob("*")):
                if file.is_file() and file.suffix != ".json":
                    yield f"{place} {instance_in(file).patient.local_id}"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_instances_of_all_their_studies_are_deleted_and_no_others(folder: Folder) -> None:
    for study in ("1", "1", "2"):
        folder.receive("M", study)
    folder.receive("P", "3")
    gone = folder.erase("M")
    assert gone is not None
    assert len(gone) == 2
    assert list(folder.held()) == ["instances P"]


def test_what_the_archive_keeps_of_their_studies_goes_too(folder: Folder) -> None:
    """It names the person; and nobody makes it again, whoever asks."""
    for number, study in (("M", "1"), ("P", "2")):
        folder.receive(number, study)
    theirs, others = str(folder.study("M")), str(folder.study("P"))
    archive = Archive(folder.spool)
    kept = archive.study(others)
    archive.study(theirs)
    folder.receive("M", "1")  # and what is made of this one waits
    folder.erase("M")
    assert [file for file in (folder.spool.root / "archive").rglob("*") if theirs in str(file)] == []
    assert theirs not in grown(folder.spool)
    with pytest.raises(NotHeld):
        archive.study(theirs)
    assert archive.study(others) == kept


def test_a_study_that_is_somebody_elses_by_now_stays(folder: Folder) -> None:
    folder.receive("M", "1")
    folder.receive("P", "2")
    to = UUID(folder.identity("P"))
    folder.ledger.ask(ReassignStudy(study=folder.study("M"), to_identity=to, reason="wrong person"))
    assert folder.erase("M") == []
    assert len(list(folder.held())) == 2
    folder.erase("P")
    assert list(folder.held()) == []


def test_the_same_batch_again_of_an_erased_person_brings_nothing_back(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered as before, under the erased person's study. Another batch is somebody new."""
    folder.receive("M", "1", ROOT + "7", ROOT + "8")
    folder.note("M")
    folder.erase("M")
    folder.receive("M", "1", ROOT + "7", ROOT + "8")
    assert list(folder.held()) == []
    assert nothing_is_pending(folder.spool)
    assert "the person was erased" in caplog.text
    folder.receive("M", "1", ROOT + "7")
    assert list(folder.held()) == ["instances M"]


def test_what_was_put_aside_or_refused_is_deleted_where_it_says_that_it_is_theirs(folder: Folder) -> None:
    folder.later()
    folder.receive("P", "1", ROOT + "7")
    folder.receive("M", "1", ROOT + "7")  # the same UID: whose is it
    folder.receive("M", "2")
    folder.ledger.ask(WithdrawStudy(study=folder.study("M"), reason="not hers"))
    folder.receive("M", "2")
    assert sorted(folder.held()) == ["conflicts M", "instances M", "instances P", "refused M"]
    folder.erase("M")
    assert list(folder.held()) == ["instances P"]


def test_a_batch_in_hand_is_waited_for(folder: Folder) -> None:
    """It is recorded, and not listed yet."""
    folder.receive("M", "1")
    folder.later()
    with pytest.raises(Died):
        folder.receive("M", "1", step="executed")
    assert folder.erase("M") is None
    restart(folder.spool, folder.ledger)
    assert folder.erase("M") is not None
    assert list(folder.held()) == []


def test_a_folder_of_before_is_cleaned_by_what_the_ledger_noted(folder: Folder) -> None:
    for number in ("M", "P"):
        folder.receive(number, number.replace("M", "1").replace("P", "2"))
    folder.later()
    folder.note("M")
    again = Again(folder.ours)
    assert again.follow() == 1
    assert list(folder.held()) == ["instances P"]
    assert again.upto == folder.ledger.recorder.max_notification_id()
    assert (again.follow(), again.from_the_start()) == (0, 1)


OTHER_CONTENT = {"StudyDescription": "Other words"}


def test_all_that_was_put_aside_is_deleted_though_a_conflict_names_one_of_them(folder: Folder) -> None:
    uids = [ROOT + number for number in ("7", "8", "9")]
    folder.receive("M", "1", *uids)
    folder.receive("M", "1", *uids, **OTHER_CONTENT)
    folder.receive("P", "2", ROOT + "5")
    folder.receive("P", "2", ROOT + "5", **OTHER_CONTENT)
    assert [one["instances"] for one in conflicts(folder)] == [2, 1, 1]
    folder.erase("M")
    assert list(folder.held()) == ["instances P", "conflicts P"]


def test_what_was_put_aside_goes_with_the_study_that_somebody_else_has_by_now(folder: Folder) -> None:
    folder.receive("M", "1", ROOT + "7")
    folder.receive("M", "1", ROOT + "7", **OTHER_CONTENT)
    folder.receive("P", "2")
    to = UUID(folder.identity("P"))
    folder.ledger.ask(ReassignStudy(study=folder.study("M"), to_identity=to, reason="wrong person"))
    folder.erase("M")
    assert len(list(folder.held())) == 3
    folder.erase("P")
    assert list(folder.held()) == []


def refused(folder: Folder, number: str, study: str, **said: str) -> None:
    """A batch that a rule refused: its study was withdrawn."""
    folder.receive(number, study, **said)
    arrived = UUID(of_type(folder.ledger, "study.arrived")[-1].aggregate_id)
    folder.ledger.ask(WithdrawStudy(study=arrived, reason="not theirs"))
    folder.receive(number, study, **said)


def test_what_was_refused_after_the_erasure_is_somebody_elses(folder: Folder) -> None:
    """The number was given out again. The clock of these tests is behind that of the files."""
    refused(folder, "M", "1")
    folder.erase("M")
    assert list(folder.held()) == ["refused M"]


def test_what_was_refused_of_somebody_who_lives_under_the_same_number_stays(folder: Folder) -> None:
    folder.later()
    folder.receive("M", "1", PatientName="FICTIVE^Anna", PatientBirthDate="19800101")
    refused(folder, "M", "2", PatientName="AUTRE^Bob", PatientBirthDate="19500505")
    folder.erase("M")
    assert list(folder.held()) == ["instances M", "refused M"]


def test_what_was_refused_under_the_number_of_another_establishment_is_theirs(folder: Folder) -> None:
    folder.later()
    refused(folder, "M", "1", IssuerOfPatientID=OTHER_SITE)
    folder.erase("M")
    assert list(folder.held()) == []


def conflicts(folder: Folder) -> list[dict[str, Any]]:
    """What was found to have come twice."""
    return [dict(one.data) for one in of_type(folder.ledger, "study.conflict_found")]


def test_a_batch_that_is_tried_again_is_as_old_as_when_it_was_begun(folder: Folder) -> None:
    """By its time an erasure knows whether it may hold what is listed nowhere yet."""
    with pytest.raises(Died):
        folder.receive("M", "1", step="executed")
    (begun,) = folder.spool.root.glob("work/*/batches/*.json")
    os.utime(begun, (1_000, 1_000))
    with pytest.raises(Died):
        restart(folder.spool, folder.ledger, dies_at("written ahead"))
    assert begun.stat().st_mtime == 1_000


@dataclass
class Read:
    """What an erasure read: headers of files, and conflicts that it decoded."""

    files: list[Path]
    conflicts: int = 0


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Counts from now on."""
    read, decode = Read([]), Codec.decode

    def counted(file: Path) -> Any:
        read.files.append(file)
        return instance_in(file)

    def decoded(*args: Any, **options: Any) -> Any:
        found = decode(*args, **options)
        read.conflicts += found[0].type == "study.conflict_found"
        return found

    for module in (instances, refusals):
        monkeypatch.setattr(module, "instance_in", counted)
    monkeypatch.setattr(Codec, "decode", decoded)
    return read


def beside(folder: Folder, number: str, study: str) -> None:
    """Of somebody one instance is held, one put aside, and one refused."""
    folder.receive(number, study, ROOT + study)
    folder.receive(number, study, ROOT + study, **OTHER_CONTENT)
    refused(folder, number, study + ".1")


def test_an_erasure_reads_nothing_of_others(folder: Folder, read: Read) -> None:
    folder.later()

    def counted(number: str) -> tuple[int, int]:
        identity = folder.identity(number)
        read.files.clear()
        read.conflicts = 0
        folder.erase_identity(identity)
        return len(read.files), read.conflicts

    beside(folder, "M", "1")
    alone = counted("M")
    for other in range(2, 7):
        beside(folder, f"P{other}", str(other))
    beside(folder, "N", "9")
    assert counted("N") == alone
    places = ("instances", "instances", "conflicts", "refused")
    assert sorted(folder.held()) == sorted(f"{place} P{other}" for place in places for other in range(2, 7))


def test_of_several_that_were_put_aside_those_of_the_batch_are_read(folder: Folder, read: Read) -> None:
    folder.later()
    for number, study in (("M", "1"), ("P", "2")):
        uids = [f"{ROOT}{study}.{n}" for n in range(2)]
        folder.receive(number, study, *uids)
        folder.receive(number, study, *uids, **OTHER_CONTENT)
    folder.erase("M")
    assert len(read.files) == 2
    assert sorted(folder.held()) == ["conflicts P"] * 2 + ["instances P"] * 2


@pytest.mark.parametrize("lists", ["whose", "filed"])
def test_what_an_older_version_listed_nowhere_is_read_once(folder: Folder, read: Read, lists: str) -> None:
    folder.later()
    for number, study in (("M", "1"), ("P", "2")):
        refused(folder, number, study)
        uids = [f"{ROOT}{study}.{n}" for n in range(2)]
        folder.receive(number, study + ".1", *uids)
        kept = (folder.spool.root / "filed").rglob("*")
        before = {file: file.read_bytes() for file in kept if file.is_file()}
        folder.receive(number, study + ".1", *uids, **OTHER_CONTENT)
        if lists == "filed":
            shutil.rmtree(folder.spool.root / lists)
            for file, lines in before.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(lines)
    if lists == "whose":
        shutil.rmtree(folder.spool.root / lists)
    folder.erase("M")
    assert "M" not in {one.split()[1] for one in folder.held()}
    assert len(list(folder.held())) == 6
    read.files.clear()
    folder.erase("P")
    assert len([one for one in read.files if "refused" in one.parts]) == 1
    assert list(folder.held()) == []


def test_of_a_refused_batch_that_is_gone_no_number_stays(folder: Folder) -> None:
    """It is listed by the number at the site, and its reason names none."""
    folder.later()
    refused(folder, "M123", "1")
    refused(folder, "P456", "2")
    folder.erase("M123")
    told = [file.read_text() for file in (folder.spool.root / "whose").rglob("*") if file.is_file()]
    assert any("P456" in one for one in told)
    assert not any("M123" in one for one in told)


def test_no_number_stays_of_what_a_process_deleted_before_it_was_killed(folder: Folder) -> None:
    """The file is gone and the list is not written yet: the next pass finds nothing to delete."""
    folder.later()
    refused(folder, "M123", "1")
    items = [file for file in (folder.spool.root / "refused").rglob("*") if file.is_file() and file.suffix != ".json"]
    assert items
    for file in items:
        file.unlink()
    folder.erase("M123")
    told = [file.read_text() for file in (folder.spool.root / "whose").rglob("*") if file.is_file()]
    assert not any("M123" in one for one in told)


def test_many_instances_are_deleted_in_passes(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each as many as one may, of however many studies."""
    monkeypatch.setattr(instances, "AT_A_TIME", 4)
    for study in ("1", "2", "3"):
        folder.receive("M", study, *(f"{ROOT}{study}.{n}" for n in range(3)))
    left = []
    while folder.erase("M") is None:
        left.append(len(list(folder.held())))
    assert left == [5, 1]
    assert list(folder.held()) == []


def test_what_is_sent_again_while_it_is_deleted_is_somebody_elses(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PACS corrected the number, and sends the same UIDs: their claims are free as soon as the first are deleted."""
    monkeypatch.setattr(instances, "AT_A_TIME", 2)
    uids = [ROOT + str(n) for n in range(2, 6)]
    folder.receive("M", "1", *uids)
    folder.later()
    assert folder.erase("M") is None
    gone = [uid for uid in uids if not folder.spool.claim("CHB", uid).exists()]
    folder.receive("P", "1", *gone)
    while folder.erase("M") is None:
        pass
    assert list(folder.held()) == ["instances P"] * 2


@pytest.mark.parametrize(("number", "stays"), [("P", True), ("M", False)])
def test_an_older_list_does_not_delete_what_came_in_since_for_somebody_living(
    folder: Folder, number: str, stays: bool
) -> None:
    """A kill between files and list, or a list from a backup. A restored file may be as new, and says of whom it is."""
    folder.receive("M", "1", ROOT + "7")
    lists = {file: file.read_text() for file in (folder.spool.root / "filed").glob("*/*")}
    folder.note("M")
    folder.erase("M")
    if number == "P":
        folder.receive(number, "1", ROOT + "7")
    else:
        write(folder.home / "again", [instance(PatientID="M", StudyInstanceUID=ROOT + "1", SOPInstanceUID=ROOT + "7")])
        shutil.copy(next((folder.home / "again").iterdir()), folder.spool.claim("CHB", ROOT + "7"))
    for file, lines in lists.items():
        file.write_text(lines)
    Again(folder.ours).follow()
    assert list(folder.held()) == (["instances P"] if stays else [])


def test_looking_again_deletes_nothing_of_who_has_the_number_since(folder: Folder) -> None:
    """Each start of the DICOM service looks at all who were ever erased; the PACS has sent the same again since."""

    def everything(*uids: str) -> None:
        folder.receive("M", "1", *uids)
        folder.receive("M", "1", *uids, **OTHER_CONTENT)
        refused(folder, "M", "2")

    everything(ROOT + "7", ROOT + "8")
    folder.note("M")
    folder.erase("M")
    shutil.rmtree(folder.spool.refused)  # the clock of these tests is behind that of the files: it was not deleted
    folder.spool.root.joinpath("instances").mkdir(exist_ok=True)
    left = len(list(folder.held()))
    everything(ROOT + "9", ROOT + "7", ROOT + "8")  # in other batches: the same ones would be answered as before
    came = list(folder.held())
    assert len(came) == left + 8
    Again(folder.ours).from_the_start()
    assert list(folder.held()) == came
