"""Whose instances are deleted when somebody is erased: theirs, wherever in the folder they lie, and nobody else's."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.dicom.inlet import spool_at
from adapters.dicom.intake import instance_in
from adapters.inbox.spool import Spool
from domain.aggregates.study import Study
from domain.commands.studies import ReassignStudy, WithdrawStudy
from krypton.bootstrap import Krypton
from krypton.erasing import instances
from krypton.settings import Addresses, Settings
from tests.fakes.dicom import OTHER_SITE, ROOT, enrolled, instance, of_type, write
from tests.fakes.ledger import MemoryLedger
from tests.unit.test_dicom_crash import Died, dies_at, receive, restart


class Folder:
    """A DICOM folder, its ledger, and what the erasing asks."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ledger: MemoryLedger = enrolled()
        self.ours = Krypton(Settings(home), Addresses("nowhere:1", "postgresql://nowhere"))
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
        identity = self.identity(number)
        done = instances.deleted(self.ours, {identity: self.ledger.recorder.max_notification_id() or 0})
        return list(done[identity]) if identity in done else None

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


def test_a_study_that_is_somebody_elses_by_now_stays(folder: Folder) -> None:
    folder.receive("M", "1")
    folder.receive("P", "2")
    to = UUID(folder.identity("P"))
    folder.ledger.ask(ReassignStudy(study=folder.study("M"), to_identity=to, reason="wrong person"))
    assert folder.erase("M") == []
    assert len(list(folder.held())) == 2
    folder.erase("P")
    assert list(folder.held()) == []


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
    study = folder.ledger.find(Study, folder.study("M"))
    assert study is not None
    told: dict[str, Any] = {"part": "instances", "identity_id": folder.identity("M"), "studies": [str(study.id)]}
    told["recorded_at"] = 0

    def events(_: Krypton, event_type: str) -> Iterator[dict[str, Any]]:
        yield from [told] if event_type == "erasure.followed" else []

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(instances, "events", events)
        assert instances.delete_again(folder.ours) == 1
    assert list(folder.held()) == ["instances P"]


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
