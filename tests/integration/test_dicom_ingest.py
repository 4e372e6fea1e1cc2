"""krypton ingest's work: folders, files and DICOMDIRs into the ledger, and the real dose reports among them."""

import gc
import pathlib
import shutil
import tracemalloc
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.folder import IngestSummary, ingest_paths
from adapters.dicom.inlet import spool_at
from domain.errors import UnknownSite
from domain.ports import Answer
from domain.work import A, Command, Envelope
from tests import real_files
from tests.fakes.dicom import (
    OTHER_SITE,
    ROOT,
    SITE,
    FlakyLedger,
    enrolled,
    instance,
    instances_recorded,
    new_uid,
    of_type,
    part10,
    write,
)
from tests.fakes.ledger import MemoryLedger
from tests.fakes.pydicom_files import PYDICOM_FILES

DICOMDIRS = PYDICOM_FILES / "dicomdirtests"
MULTI = [f"CT-RDSR-Siemens-Multi-{n}.dcm" for n in (1, 2, 3)]


class Intake:
    """A ledger and its spool."""

    def __init__(self, spool: Path) -> None:
        self.ledger: MemoryLedger = enrolled()
        self.spool = spool_at(spool)
        self.seen: list[Path] = []

    def ingest(self, *paths: Path, site: str = SITE) -> dict[str, Any]:
        return self.summary(*paths, site=site).as_dict()

    def summary(self, *paths: Path, site: str = SITE, most: Most = UNBOUNDED) -> IngestSummary:
        return ingest_paths(paths, site, self.ledger, self.spool, self.seen.append, most=most)

    def real(self, *names: str) -> dict[str, Any]:
        return self.ingest(*(real_files.folder() / name for name in names))

    def exposures(self) -> dict[str, dict[str, Any]]:
        """By irradiation event UID, as a view counts them."""
        reported = of_type(self.ledger, "dose.reported")
        return {e["irradiation_event_uid"]: e for event in reported for e in event.data["exposures"]}

    def dlp(self) -> float:
        return round(sum(e["dlp_mgycm"] or 0.0 for e in self.exposures().values()), 2)


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path / "spool")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Intake, dict[str, Any], dict[str, Any]]:
    """All real files, twice."""
    one = Intake(tmp_path_factory.mktemp("all") / "spool")
    return one, one.ingest(real_files.folder()), one.ingest(real_files.folder())


def test_a_folder_is_walked_to_its_depth(intake: Intake, tmp_path: Path) -> None:
    """Every file in it is looked at."""
    write(tmp_path / "in" / "a" / "b", [instance(), instance()])
    write(tmp_path / "in" / "c", [instance(StudyInstanceUID=ROOT + "2")])
    found = intake.ingest(tmp_path / "in")
    arrived = of_type(intake.ledger, "study.arrived")
    assert {event.position for event in arrived} <= set(found.pop("positions"))
    assert found == {
        "files": 3,
        "accepted": 3,
        "duplicates": 0,
        "conflicts": 0,
        "refused": [],
        "studies": 2,
        "dose_reports": 0,
    }


def test_progress_is_told_of_every_file(intake: Intake, tmp_path: Path) -> None:
    """Refused ones too."""
    files = write(tmp_path / "in", [instance(), instance(PatientID=None)])
    intake.ingest(tmp_path / "in")
    assert sorted(intake.seen) == sorted(files)


def test_a_folder_taken_in_again_holds_only_duplicates(intake: Intake, tmp_path: Path) -> None:
    """Across runs: nothing is recorded twice."""
    write(tmp_path / "in", [instance() for _ in range(3)])
    intake.ingest(tmp_path / "in")
    again = intake.ingest(tmp_path / "in")
    assert (again["accepted"], again["duplicates"], again["studies"]) == (0, 3, 0)
    assert instances_recorded(intake.ledger) == 3


def test_what_cannot_be_taken_in_is_refused_by_name_and_the_others_go_on(intake: Intake, tmp_path: Path) -> None:
    """Each with its reason."""
    folder = tmp_path / "in"
    good, no_id, no_study = write(folder, [instance(), instance(PatientID=""), instance(StudyInstanceUID=None)])
    (folder / "empty.dcm").touch()
    (folder / "letter.txt").write_text("Cher confrère")
    (folder / "cut.dcm").write_bytes(good.read_bytes()[:-3])
    found = intake.ingest(folder, tmp_path / "nowhere.dcm")
    reasons = {Path(r["path"]).name: r["reason"] for r in found["refused"]}
    assert reasons == {
        no_id.name: "PatientID is missing: ask the sender's vendor to fill it",
        no_study.name: "StudyInstanceUID is missing: ask the sender's vendor to fill it",
        "empty.dcm": "not a DICOM file: it is empty",
        "letter.txt": "not a DICOM file: no DICM after the preamble (PS3.10 7.1)",
        "cut.dcm": "broken: it is cut off, bytes are missing at its end",
        "nowhere.dcm": "it cannot be read: No such file or directory",
    }
    assert (found["files"], found["accepted"]) == (7, 1)


def test_a_file_that_inflates_beyond_its_bound_is_refused_and_the_setting_is_named(
    intake: Intake, tmp_path: Path
) -> None:
    """Some kilobytes that become 3 MiB, where 2 are let in."""
    bomb = instance(BitsAllocated=8, PixelData=bytes(3 << 20))
    (tmp_path / "bomb.dcm").write_bytes(data := part10(bomb, DeflatedExplicitVRLittleEndian))
    assert len(data) < 100_000
    (refused,) = intake.summary(tmp_path / "bomb.dcm", most=Most(inflated_mib=2)).refused
    assert refused["reason"] == "inflates to more than 2 MiB (KRYPTON_DICOM_INFLATED_MIB)"


def test_a_site_that_is_not_enrolled_is_refused_by_every_file(intake: Intake, tmp_path: Path) -> None:
    """Nothing of it is recorded, nothing lost."""
    write(tmp_path / "in", [instance(), instance()])
    found = intake.ingest(tmp_path / "in", site="XXX")
    assert (found["accepted"], len(found["refused"])) == (0, 2)
    assert f"({UnknownSite.rule})" in found["refused"][0]["reason"]


def test_a_dicomdir_brings_the_files_it_lists(intake: Intake) -> None:
    """31 of pydicom's own."""
    found = intake.ingest(DICOMDIRS / "DICOMDIR")
    assert (found["files"], found["accepted"], found["refused"]) == (31, 31, [])


def test_a_file_that_a_dicomdir_lists_and_that_is_missing_is_named(intake: Intake, tmp_path: Path) -> None:
    """A scratched disc is noticed."""
    disc = tmp_path / "disc"
    shutil.copytree(DICOMDIRS / "77654033", disc / "77654033")
    shutil.copy(DICOMDIRS / "DICOMDIR", disc)
    found = intake.ingest(disc)
    assert found["accepted"] == 7
    assert {r["reason"] for r in found["refused"]} == {"listed in DICOMDIR, but not there"}
    assert len(found["refused"]) == 24


def test_a_disc_mounted_in_lower_case_is_taken_in(intake: Intake, tmp_path: Path) -> None:
    """File IDs are in upper case, whatever a mount makes of them."""
    for file in DICOMDIRS.rglob("*"):
        if file.is_file():
            lower = tmp_path / "disc" / str(file.relative_to(DICOMDIRS)).lower()
            lower.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, lower)
    found = intake.ingest(tmp_path / "disc" / "dicomdir")
    assert (found["files"], found["accepted"], found["refused"]) == (31, 31, [])


RECORDS = bytes.fromhex("0400201253510000")  # (0004,1220) SQ, and the length that follows
FIRST_ITEM = len(RECORDS) + 4
FILE_ID = b"\x04\x00\x00\x15CS"


def without_records(raw: bytes) -> bytes:
    return raw[: raw.index(RECORDS)]


def with_longer_item(raw: bytes) -> bytes:
    length = raw.index(RECORDS) + FIRST_ITEM + 4
    return raw[:length] + bytes([raw[length] + 50]) + raw[length + 1 :]


def with_no_item(raw: bytes) -> bytes:
    item = raw.index(RECORDS) + FIRST_ITEM
    return raw[:item] + b"\xff" + raw[item + 1 :]


def with_another_file_id(raw: bytes) -> bytes:
    return raw.replace(FILE_ID, b"\x04\x00\x02\x15CS", 1)


@pytest.mark.parametrize(
    ("damage", "reason", "others"),
    [
        (without_records, "broken: its DICOMDIR has no Directory Record Sequence (0004,1220)", 0),
        (with_longer_item, "broken: its directory records cannot be parsed", 0),
        (with_no_item, "broken: its directory records cannot be parsed", 0),
        (with_another_file_id, "broken: 1 of its 52 directory records name no file", 30),
    ],
)
def test_a_dicomdir_whose_records_cannot_be_parsed_is_refused_by_name(
    intake: Intake, tmp_path: Path, damage: Callable[[bytes], bytes], reason: str, others: int
) -> None:
    """Nothing that it lists is missed in silence."""
    shutil.copytree(DICOMDIRS, tmp_path / "disc")
    dicomdir = tmp_path / "disc" / "DICOMDIR"
    dicomdir.write_bytes(damage(dicomdir.read_bytes()))
    found = intake.ingest(dicomdir)
    (refused,) = found["refused"]
    assert refused["path"] == str(dicomdir)
    assert refused["reason"].startswith(reason)
    assert (found["files"], found["accepted"]) == (others + 1, others)


def test_a_crash_of_an_ingest_is_made_good_by_the_next_one(intake: Intake, tmp_path: Path) -> None:
    """What was held is recorded first; the files are duplicates then."""
    files = write(tmp_path / "in", [instance() for _ in range(3)])
    with pytest.raises(ConnectionError):
        ingest_paths(files, SITE, FlakyLedger(intake.ledger, 1000), intake.spool, lambda _: None)
    assert intake.ingest(*files)["duplicates"] == 3
    assert instances_recorded(intake.ledger) == 3


class Forgetful:
    """Answers, and keeps nothing: the memory measured is the ingest's. ``held``: bytes at the command ``at``."""

    def __init__(self, at: int) -> None:
        self._left, self.held = at, 0

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Nothing new."""
        self._left -= 1
        if not self._left:
            # Python's table of strings, to which paths add, is copied whole when it grows: by chance just now.
            others = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, pathlib.__file__)])
            self.held = sum(one.size for one in others.statistics("filename"))
        return Answer((), {"study": str(by.command_id), "dose_reports": 0})

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """Nothing is stored."""


def test_memory_does_not_grow_with_the_folder(intake: Intake, tmp_path: Path) -> None:
    """Ten times the studies: only the summary's few bytes per study more."""

    def held(name: str, studies: int) -> int:
        write(tmp_path / name, [instance(StudyInstanceUID=new_uid()) for _ in range(studies)])
        gc.collect()  # how long the collector then waits is this work's doing, not that of tests before
        tracemalloc.start()
        ledger = Forgetful(studies - 50)
        ingest_paths([tmp_path / name], SITE, ledger, intake.spool, lambda _: None)
        tracemalloc.stop()
        return ledger.held

    few, many = held("few", 100), held("many", 1_000)
    assert 0 < many - few < 900 * 300


def test_the_same_study_from_two_sites_stays_two_statements(intake: Intake, tmp_path: Path) -> None:
    """Nothing ever mixes; links say who is one person."""
    (path,) = write(tmp_path / "in", [instance()])
    intake.ingest(path, site=SITE)
    intake.ingest(path, site=OTHER_SITE)
    assert {e.data["site"] for e in of_type(intake.ledger, "study.arrived")} == {SITE, OTHER_SITE}


def test_the_issuer_of_the_patient_id_is_the_assigner_where_it_is_enrolled(intake: Intake, tmp_path: Path) -> None:
    """Else the sending site is."""
    intake.ingest(*write(tmp_path / "a", [instance(IssuerOfPatientID=OTHER_SITE)]))
    intake.ingest(*write(tmp_path / "b", [instance(IssuerOfPatientID="NOBODY")]))
    assert [e.data["assigner"] for e in of_type(intake.ledger, "identity.registered")] == [OTHER_SITE, SITE]


@pytest.mark.parametrize("order", list(permutations(MULTI)))
def test_case_1_cumulative_reports_count_each_event_once_in_any_order(intake: Intake, order: tuple[str, ...]) -> None:
    """236.09, never 320.82."""
    for name in (*order, order[0]):
        intake.real(name)
    assert (len(intake.exposures()), intake.dlp()) == (3, 236.09)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_case_2_a_continued_study_adds_up(intake: Intake, order: tuple[int, int]) -> None:
    """Disjoint events of one study."""
    for number in order:
        intake.real(f"CT-RDSR-Siemens-Continued-{number}.dcm")
    assert (len(intake.exposures()), intake.dlp()) == (4, 116.61)


def test_case_3_one_sop_uid_with_other_content_is_a_conflict_and_counted_once(intake: Intake) -> None:
    """The second names another study and date."""
    found = intake.real("RF-RDSR-Siemens-Zee.dcm", "RF-RDSR-Siemens-Zee_adjusted.dcm")
    assert (found["accepted"], found["conflicts"], found["dose_reports"], found["refused"]) == (1, 1, 1, [])
    (conflict,) = of_type(intake.ledger, "study.conflict_found")
    assert (conflict.data["kind"], "StudyInstanceUID" in conflict.data["differing"]) == ("study", True)
    assert len(intake.exposures()) == 8


def test_case_4_any_file_twice_is_one_report(intake: Intake) -> None:
    """The second is a duplicate."""
    found = intake.real(MULTI[0], MULTI[0])
    assert (found["accepted"], found["duplicates"], found["dose_reports"]) == (1, 1, 1)


def test_case_5_a_report_without_dose_or_text_makes_no_study(intake: Intake) -> None:
    """Refused cleanly."""
    found = intake.real("ESR_non-dose.dcm")
    assert (found["studies"], len(found["refused"])) == (0, 1)
    assert of_type(intake.ledger, "study.arrived", "identity.registered") == []


def test_case_6_a_long_fluoroscopy_raises_both_alerts(intake: Intake) -> None:
    """316 events without manufacturer or model: over 2 Gy and over 20,000 cGy·cm²."""
    intake.real("RF-Pat-Orientation-Modifier-Missing.dcm")
    assert len(intake.exposures()) == 316
    kinds = {e.data["kind"] for e in of_type(intake.ledger, "dose.alert_raised")}
    assert kinds == {"dose_rp_mgy_over", "dap_mgycm2_over"}


def test_case_7_the_devices_dose_check_raises_its_alerts(intake: Intake) -> None:
    """Both events over the DLP level, the second over the CTDIvol level."""
    intake.real("CT-RDSR-Toshiba_DoseCheck.dcm")
    assert intake.dlp() == 502.4
    kinds = sorted(e.data["kind"] for e in of_type(intake.ledger, "dose.alert_raised"))
    assert kinds == ["ctdivol_mgy_device_check", "dlp_mgycm_device_check", "dlp_mgycm_device_check"]


def test_case_22_all_files_give_their_distinct_reports_and_exposures(
    everything: tuple[Intake, dict[str, Any], dict[str, Any]],
) -> None:
    """29 dose files, 28 distinct SOP instance UIDs, 554 distinct exposures."""
    intake, first, _ = everything
    assert (first["files"], first["accepted"], first["dose_reports"]) == (42, 40, 28)
    sources = Counter(exposure["source"] for exposure in intake.exposures().values())
    assert sources == {"report": 554, "image": 9}  # of 11 images with dose: one of two contents, and a view twice


def test_case_22_the_second_time_changes_nothing(everything: tuple[Intake, dict[str, Any], dict[str, Any]]) -> None:
    """Every file is a duplicate, or refused as before; the one in conflict is known by now."""
    _, first, second = everything
    assert (second["accepted"], second["duplicates"], second["dose_reports"]) == (0, 41, 0)
    assert (first["conflicts"], second["conflicts"]) == (1, 0)
    assert len(second["refused"]) == len(first["refused"]) == 1


@pytest.mark.parametrize(("number", "persons"), [("4018119567876617", 4), ("7941723318697695", 2)])
def test_one_number_of_several_persons_makes_as_many_identities(
    everything: tuple[Intake, dict[str, Any], dict[str, Any]], number: str, persons: int
) -> None:
    """Never mixed: each newcomer is flagged as a collision."""
    intake, _, _ = everything
    registered = [e for e in of_type(intake.ledger, "identity.registered") if e.data["local_id"] == number]
    assert len({e.aggregate_id for e in registered}) == persons
    flagged = {e.aggregate_id for e in of_type(intake.ledger, "identity.flagged") if e.data["flag"] == "collision"}
    assert len(flagged & {e.aggregate_id for e in registered}) == persons - 1


def test_no_dose_is_invented_from_images(intake: Intake) -> None:
    """The 12 files whose dose is in headers or pixels only."""
    images = [p for p in real_files.folder().iterdir() if "-Im-" in p.name or "-SC-" in p.name]
    found = intake.ingest(*images)
    assert (found["accepted"], found["dose_reports"]) == (12, 0)
