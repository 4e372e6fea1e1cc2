"""Who may see a study sees what is in it and takes it away; who may not see all of it gets none of its files."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from pydicom import dcmread

from adapters.archive.entry import digest_of
from domain.actors import Caller
from domain.commands.consents import Grant, Oppose
from domain.commands.studies import WithdrawStudy
from domain.consent_statements import Scope
from domain.errors import NotFound
from krypton.devstack.stack import Stack
from krypton.queries import study_search
from krypton.queries.gate import RECORDED, Recorded, stands
from krypton.queries.glance import glance_of
from krypton.queries.studies import whole_study
from tests.fakes.dicom import new_uid
from tests.fakes.roles import roles_file
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world
from tests.integration.live_cli import Said

pytestmark = pytest.mark.live
DOCTOR, OTHER = f"rpps:{CLINICIAN}", f"rpps:{RADIOLOGIST}"


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        roles_file(made.krypton.settings.roles.parent, DOCTOR, OTHER, "operator:one")
        yield made


@pytest.fixture
def person(world: AuditWorld) -> str:
    return world.register()


def shown(world: AuditWorld, study: str, *more: str, by: str = DOCTOR) -> Said:
    return world.cli.run("study", "show", study, "--as", by, *more)


def exported(world: AuditWorld, study: str, folder: Path, by: str = DOCTOR) -> Said:
    return world.cli.run("study", "export", study, "--out", folder, "--as", by)


def refused(said: Said, folder: Path) -> str:
    """Why nothing was given out."""
    assert (said.code, said.out) == (3, "")
    assert not folder.exists()
    return said.told


def test_its_series_and_instances_are_shown_and_found_by_keys(world: AuditWorld, person: str) -> None:
    sop_uid, series_uid = new_uid(), new_uid()
    of = {"SeriesDescription": "Thorax osseux", "SeriesNumber": 4, "InstanceNumber": 7}
    study = world.images(person, SOPInstanceUID=sop_uid, SeriesInstanceUID=series_uid, **of)
    world.open(person)
    world.settle()
    (series,) = json.loads(shown(world, study, "--json", "--where", "SeriesDescription=*THORAX*").out)
    told = {"series_uid": series_uid, "number": 4, "modality": "CT", "description": "Thorax osseux", "instances": 1}
    assert series == told | {"body_part": None, "kept_until": "2046-01-05"}
    assert json.loads(shown(world, study, "--json", "--where", "Modality=MR").out) == []
    (one,) = json.loads(shown(world, study, "--json", "--series", series_uid).out)
    assert (one["sop_uid"], one["number"], one["frames"], one["kept_until"]) == (sop_uid, 7, 0, "2046-01-05")
    kept = world.krypton.settings.instances / one["place"]
    assert digest_of(kept) == (one["size"], one["digest"])
    assert shown(world, study, "--series", "1.2.3").code == 3


def test_it_is_taken_away_as_it_came_in(world: AuditWorld, person: str, tmp_path: Path) -> None:
    sop_uid = new_uid()
    study = world.images(person, SOPInstanceUID=sop_uid)
    world.open(person)
    world.settle()
    assert exported(world, study, tmp_path / "out").code == 0
    (file,) = (tmp_path / "out" / "DICOM").rglob("IM*")
    assert dcmread(file).SOPInstanceUID == sop_uid
    assert exported(world, study, tmp_path / "out").code == 2


def test_the_record_is_narrowed_by_keys_and_that_is_on_record(world: AuditWorld, person: str) -> None:
    old, new = (world.images(person, StudyDate=date) for date in ("20250105", "20260105"))
    world.open(person)
    world.settle()

    def found(*keys: str) -> set[str]:
        where = [word for key in keys for word in ("--where", key)]
        record = json.loads(world.cli.run("record", "show", person, "--as", DOCTOR, "--json", *where).out)
        return {study["study"] for study in record["studies"]}

    assert found() == {old, new}
    assert found("StudyDate=20260101-", "ModalitiesInStudy=CT") == {new}
    assert found("StudyDescription=scanner*") == {old, new}
    assert found("AccessionNumber=A_1") == set()
    before = world.head
    for bad in ("PatientWeight=70", "StudyDate=yesterday", "StudyDate"):
        assert world.cli.run("record", "show", person, "--as", DOCTOR, "--where", bad).code == 2
    assert world.types(before) == []


def test_what_the_consent_excludes_is_neither_shown_nor_taken_away(
    world: AuditWorld, person: str, tmp_path: Path
) -> None:
    excluded = new_uid()
    study, other = world.images(person, StudyInstanceUID=excluded), world.images(person)
    world.ask(Grant(identity=UUID(person), party=DOCTOR, exclusions=[f"study:{excluded}"]), f"patient:{person}")
    world.open(person)
    world.settle()
    assert "see krypton record show" in refused(shown(world, study), tmp_path / "out")
    assert "see krypton record show" in refused(exported(world, study, tmp_path / "out"), tmp_path / "out")
    assert shown(world, other).code == 0


def test_a_withdrawn_study_is_neither_shown_nor_taken_away(world: AuditWorld, person: str, tmp_path: Path) -> None:
    study = world.images(person)
    world.ask(WithdrawStudy(study=UUID(study), reason="wrong patient"))
    world.open(person)
    world.settle()
    refused(shown(world, study), tmp_path / "out")
    refused(exported(world, study, tmp_path / "out"), tmp_path / "out")


def test_a_withdrawn_study_is_hidden_at_once_though_no_view_has_read_it(
    world: AuditWorld, person: str, tmp_path: Path
) -> None:
    study, other = world.images(person), world.images(person)
    world.open(person)
    world.settle()
    world.ask(WithdrawStudy(study=UUID(study), reason="wrong patient"))
    refused(shown(world, study), tmp_path / "out")
    refused(exported(world, study, tmp_path / "out"), tmp_path / "out")
    record = json.loads(world.cli.run("record", "show", person, "--as", DOCTOR, "--json").out)
    assert ([one["study"] for one in record["studies"]], record["withdrawn"]) == ([other], 1)
    found = study_search.studies_found(world.krypton, Caller(DOCTOR, "follow-up"), {})
    assert study not in str(found)
    assert other in str(found)


def test_a_study_that_was_reassigned_is_on_no_page_of_its_former_patient_though_no_view_has_read_it(
    world: AuditWorld, person: str
) -> None:
    study = world.images(person)
    world.open(person)
    world.settle()
    caller = Caller(DOCTOR, "follow-up")
    assert glance_of(world.krypton, caller, UUID(study)).images
    world.reassign(study, world.register())
    with pytest.raises(NotFound):
        glance_of(world.krypton, caller, UUID(study))


def test_what_is_being_given_out_of_a_study_ends_when_it_is_withdrawn(world: AuditWorld, person: str) -> None:
    study = world.images(person)
    world.open(person)
    world.settle()
    RECORDED.set(noted := list[Recorded]())
    whole_study(world.krypton, Caller(DOCTOR, "follow-up"), "study.export", UUID(study))
    assert stands(world.krypton, noted[-1])
    world.ask(WithdrawStudy(study=UUID(study), reason="wrong patient"))
    assert not stands(world.krypton, noted[-1])


def test_a_study_of_which_a_part_is_withheld_is_not_given_out_in_part(
    world: AuditWorld, person: str, tmp_path: Path
) -> None:
    uid = new_uid()
    study = world.images(person, StudyInstanceUID=uid)
    world.ask(Grant(identity=UUID(person), party=OTHER), f"patient:{person}")
    world.open(person, RADIOLOGIST)
    world.settle()
    assert shown(world, study, by=OTHER).code == 0
    opposes = Oppose(identity=UUID(person), party="site:CHB", scope=Scope.FEED, reason="a relative works there")
    world.ask(opposes, f"patient:{person}")
    world.images(person, StudyInstanceUID=uid)
    assert "files are given out whole" in refused(shown(world, study, by=OTHER), tmp_path / "out")
    assert "files are given out whole" in refused(exported(world, study, tmp_path / "out", OTHER), tmp_path / "out")


def test_images_that_another_machine_took_in_are_asked_for_there(
    world: AuditWorld, person: str, tmp_path: Path
) -> None:
    study = world.receive(person)
    world.open(person)
    world.settle()
    assert "run this where its images were taken in" in refused(shown(world, study), tmp_path / "out")
    refused(exported(world, study, tmp_path / "out"), tmp_path / "out")


def test_a_study_that_nobody_knows_is_not_found(world: AuditWorld, tmp_path: Path) -> None:
    nobodys = "00000000-0000-8000-8000-000000000009"
    refused(shown(world, nobodys), tmp_path / "out")
    refused(exported(world, nobodys, tmp_path / "out"), tmp_path / "out")


def test_when_its_retention_is_over_that_is_told_and_nothing_goes_by_itself(
    world: AuditWorld, person: str, tmp_path: Path
) -> None:
    def over() -> int:
        said = world.cli.run("archive", "check", "--as", "operator:one", "--json")
        assert said.code == 0
        return int(json.loads(said.out)["retention_over"])

    def kept(study: str) -> str:
        (series,) = json.loads(shown(world, study, "--json").out)
        return str(series["kept_until"])

    before = over()
    study = world.images(person, StudyDate="19900105")
    world.open(person)
    world.settle()
    assert kept(study) == "2010-01-05"
    said = world.cli.run("archive", "check", "--as", "operator:one")
    assert "krypton erase lapsed tells whose" in said.told
    assert over() == before + 1
    assert exported(world, study, tmp_path / "out").code == 0
    world.images(person, StudyDate="20260105")
    assert kept(study) == "2046-01-05"
    assert over() == before
