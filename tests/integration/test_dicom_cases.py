"""Every DICOM case of tests/data/dicom_cases, imported and sent: what the ledger's own views then say.

The numbers are those of the files. All were made for this project; the patients do not exist.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from adapters.dicom.folder import ingest_paths
from adapters.dicom.intake import dose_aside
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.values import encoded
from bench.dicom_peer import EXPLICIT, Peer
from domain.aggregates.identity import Identity
from domain.commands.conflicts import AcceptConflict
from domain.commands.doses import AcceptValues
from domain.work import Envelope
from tests.fakes.dicom import SITE, of_type
from tests.fakes.ids import IDS
from tests.features.worlds.memory import MemoryViews
from tests.integration.test_dicom_storage import FAST, Hospital
from tests.waiting import until

CASES = Path(__file__).parents[1] / "data" / "dicom_cases"
DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.67"
INS, INS_AUTHORITY, INS_OID = "279035121518989", "ASIP-SANTE-INS-NIR-TEST", "1.2.250.1.213.1.4.10"
Document = dict[str, Any]


class Case(Hospital):
    """A ledger, its views, and the two ways in."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, limits=FAST)
        self.views = MemoryViews(self.ledger)
        self.way = ""
        self.taken = 0
        self.refusals: list[str] = []

    def take(self, *names: str) -> None:
        """Each file by itself, so that the order is the one given."""
        for name in names:
            getattr(self, self.way)(CASES / f"{name}.dcm")

    def ingest(self, path: Path) -> None:
        summary = ingest_paths([path], SITE, self.ledger, self.spool, lambda _: None).as_dict()
        self.refusals += [refused["reason"] for refused in summary["refused"]]
        assert summary["files"] == sum(summary[name] for name in ("accepted", "duplicates", "conflicts")) + len(
            summary["refused"]
        )

    def store(self, path: Path) -> None:
        """By C-STORE, and until it is recorded."""
        before = len(self.ledger.history())
        (status,) = self.send(sent(path))
        if status == 0:
            until(lambda: not any(self.spool.pending()) and self.service.waiting == 0, "what was answered is recorded")
        else:
            self.refusals.append(self.comments[-1])
            assert len(self.ledger.history()) == before

    def call(self, *names: str) -> list[int]:
        """All on one association, whatever their UIDs: pynetdicom sends none that is no UID. Their statuses."""
        with Peer(self.service.port) as peer:
            peer.associate(contexts=((DOSE_SR, EXPLICIT),))
            statuses = [peer.store(*named(CASES / f"{name}.dcm"), sop_class=DOSE_SR) for name in names]
        until(lambda: not any(self.spool.pending()) and self.service.waiting == 0, "what was answered is recorded")
        return statuses

    def identity(self, local_id: str, assigner: str = SITE) -> UUID:
        return Identity.create_id(IDS, assigner, local_id)

    def dose(self, local_id: str, assigner: str = SITE) -> Document:
        return dict(self.views.dose(self.identity(local_id, assigner)))

    def totals(self, local_id: str) -> Document:
        """The totals that are known."""
        return {name: value for name, value in self.dose(local_id)["totals"].items() if value is not None}

    def notes(self, local_id: str) -> list[str]:
        found = self.dose(local_id)
        return [note for row in (*found["reports"], *found["exposures"]) for note in row["not_understood"]]

    def unread(self) -> list[str]:
        return [e.data["unread"] for e in of_type(self.ledger, "study.report_added") if e.data["unread"]]


def sent(path: Path) -> Dataset:
    return dcmread(path)


def named(path: Path) -> tuple[str, bytes]:
    """The SOP Instance UID of a file, as encoded, and its data set."""
    data = path.read_bytes()
    return encoded(dcmread(path), "SOPInstanceUID"), data[read_file_meta(data).offset :]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Case]]:
    """Makes cases, and stops their services in the end."""
    made: list[Case] = []

    def make() -> Case:
        made.append(Case(tmp_path_factory.mktemp("case") / "spool"))
        made[-1].service.start()
        return made[-1]

    yield make
    for case in made:
        case.service.stop(grace_s=1)


@pytest.fixture(params=["ingest", "store"])
def case(request: pytest.FixtureRequest, service: Callable[[], Case]) -> Case:
    one = service()
    one.way = request.param
    return one


READ: dict[str, tuple[tuple[str, ...], str, Document]] = {
    "01 enhanced X-ray dose report": (("01",), "B1", {"dap_mgycm2": 150.0, "dose_rp_mgy": 1.0}),
    "44 procedure in lower case": (("44",), "B44", {"agd_mgy": 1.3, "agd_left_mgy": 1.3}),
    "54 unit in Latin-1": (("54",), "B54", {"dap_mgycm2": 150.0, "dose_rp_mgy": 1.0}),
    "40 odd times": (("40",), "B40", {"dlp_mgycm": 6.0}),
    "64 cumulative without event UIDs": (("64", "64b"), "B64", {"dlp_mgycm": 30.0}),
    "64 the other way round": (("64b", "64"), "B64", {"dlp_mgycm": 30.0}),
    "65 two acquisitions, one event UID": (("65",), "B65", {"dlp_mgycm": 30.0}),
    "72 summary under a vendor's codes": (("72",), "B72", {"dap_mgycm2": 235.9}),
    "74 floating point value alone": (("74",), "B74", {"dlp_mgycm": 100.0}),
    "79 planes A and B": (("79",), "B79", {"dap_mgycm2": 300.0, "dose_rp_mgy": 3.0}),
    "98 a correction": (("98a", "98b"), "B98", {"dap_mgycm2": 100.0, "dose_rp_mgy": 3_000.0}),
    "98 the correction first": (("98b", "98a"), "B98", {"dap_mgycm2": 100.0, "dose_rp_mgy": 3_000.0}),
}


@pytest.mark.parametrize(("files", "local_id", "totals"), READ.values(), ids=READ)
def test_the_dose_is_read(case: Case, files: tuple[str, ...], local_id: str, totals: Document) -> None:
    case.take(*files)
    assert case.refusals == []
    assert case.totals(local_id) == totals


def test_07_file_meta_in_implicit_vr_is_read(case: Case) -> None:
    """A file's alone: over the network there is none."""
    if case.way == "store":
        pytest.skip("an association carries no File Meta")
    case.take("07")
    assert case.totals("B7") == {"dlp_mgycm": 100.0}


def changed(name: str, folder: Path, change: Callable[[Dataset], None]) -> Path:
    """The case's file, with something else in it."""
    dataset = dcmread(CASES / f"{name}.dcm")
    change(dataset)
    dataset.save_as(path := folder / f"{name}-changed.dcm")
    return path


def under_an_unknown_code(dataset: Dataset) -> None:
    dataset.ContentSequence[0].ContentSequence[0].ConceptNameCodeSequence[0].CodeValue = "C-999"


def in_finnish(dataset: Dataset) -> None:
    """An Enhanced SR whose title is the code of a dose report, and no word that is known."""
    under_an_unknown_code(dataset)
    title = dataset.ConceptNameCodeSequence[0]
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "113701", "DCM", "Annosraportti"


@pytest.mark.parametrize(
    ("name", "change"),
    [("03", None), ("72", under_an_unknown_code), ("72", in_finnish)],
    ids=["03", "72", "72 by code"],
)
def test_a_dose_report_that_is_not_understood_is_told(
    case: Case, name: str, change: Callable[[Dataset], None] | None, tmp_path: Path
) -> None:
    """Of its study nobody is to believe that it had no dose."""
    getattr(case, case.way)(changed(name, tmp_path, change) if change else CASES / f"{name}.dcm")
    (told,) = of_type(case.ledger, "study.report_added")
    assert (told.data["kind"], len(case.unread()), case.refusals) == ("DOSE", 1, [])


def test_22_a_uid_that_is_none_is_refused_before_a_path_is_made_of_it(case: Case) -> None:
    if case.way == "store":
        assert case.call("22", "74") == [0xC000, 0]
        assert case.totals("B74") == {"dlp_mgycm": 100.0}
    else:
        case.take("22", "74")
        assert ["SOPInstanceUID is not a UID" in reason for reason in case.refusals] == [True]
    held = case.spool.root / case.spool.form.folder
    assert [path.name for path in held.rglob("*") if path.is_file()] == ["2.25.777.74.1"]


def test_40_the_dates_are_kept_and_what_was_odd_is_noted(case: Case) -> None:
    case.take("40")
    started = sorted(exposure["started_at"] for exposure in case.dose("B40")["exposures"])
    assert started == ["2026-01-05T10:11", "2026-01-05T10:11:12", "2026-01-05T10:11:12.345"]
    assert len([note for note in case.notes("B40") if note.startswith("started: date-time odd")]) == 3
    (study,) = case.views.record(case.identity("B40"))["studies"]
    assert study["started_at"].startswith("2026-01-05")


def test_42_an_implausible_activity_counts_once_somebody_accepts_it(case: Case) -> None:
    case.take("42")
    assert case.totals("B42") == {}
    (exposure,) = case.dose("B42")["exposures"]
    assert (exposure["activity_mbq"], exposure["implausible"]) == (203_000_000.0, ["activity_mbq"])
    (told,) = of_type(case.ledger, "dose.reported")
    accept = AcceptValues(study=UUID(told.data["study_id"]), report_uid=told.data["report_uid"], note="a test phantom")
    case.ledger.execute(accept, Envelope("rpps:10101201233"))
    assert case.totals("B42") == {"activity_mbq": 203_000_000.0}


def test_44_the_modality_is_told_by_a_code_in_small_letters(case: Case) -> None:
    case.take("44")
    assert [exposure["modality"] for exposure in case.dose("B44")["exposures"]] == ["MG"]


def test_48_a_pulse_is_not_taken_for_its_event(case: Case) -> None:
    """1e-6 and 2e-6 Gy·m² of two pulses: not known of the event, and said so; the report's own total stands beside."""
    case.take("48")
    assert case.totals("B48") == {}
    assert case.notes("B48") == ["dap: stated of parts of the event alone, which were not added up"]
    assert case.dose("B48")["reports"][0]["totals"] == {"dap_mgycm2": 30.0}


@pytest.mark.parametrize(("name", "kind"), [("60", "dlp_mgycm_device_check"), ("62", "dlp_mgycm_device_notification")])
def test_what_the_device_found_over_its_level_is_an_alert(case: Case, name: str, kind: str) -> None:
    """60: configured by the code for yes, whose words are Finnish. 62: a notification."""
    case.take(name)
    (alert,) = case.dose(f"B{name}")["alerts"]
    assert (alert["kind"], alert["value"], alert["threshold"]) == (kind, 251.0, 100.0)


@pytest.mark.parametrize("files", [("98a", "98b"), ("98b", "98a")])
def test_98_the_correction_alerts_and_supersedes_in_either_order(case: Case, files: tuple[str, ...]) -> None:
    case.take(*files)
    found = case.dose("B98")
    assert [(alert["kind"], alert["value"]) for alert in found["alerts"]] == [("dose_rp_mgy_over", 3_000.0)]
    by = {report["report_uid"]: report["superseded_by"] for report in found["reports"]}
    assert by == {"2.25.777.98.1": "2.25.777.98.11", "2.25.777.98.11": None}


@pytest.mark.parametrize("order", [("37", "37b", "37c"), ("37c", "37b", "37"), ("37b", "37c", "37")])
def test_37_the_same_content_in_another_transfer_syntax_is_a_duplicate(case: Case, order: tuple[str, ...]) -> None:
    """Explicit, implicit and big endian: no conflict, and nothing recorded twice."""
    case.take(*order)
    assert (case.refusals, list(case.views.conflicts()), case.totals("B37")) == ([], [], {"dlp_mgycm": 100.0})
    (study,) = case.views.record(case.identity("B37"))["studies"]
    assert study["instances"] == 1


CONFLICTS: dict[str, tuple[str, list[str]]] = {
    "36": ("series", ["SeriesInstanceUID"]),
    "38": ("content", ["InstitutionName", "StudyID"]),
    "84": ("patient", ["PatientID", "PatientName"]),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_second_content_is_a_conflict_to_decide_and_blocks_nobody(case: Case, name: str) -> None:
    """36: two series. 38: a corrected header. 84: another patient. Sent again, it is known already."""
    case.take(name, f"{name}b", f"{name}b", name)
    kind, differing = CONFLICTS[name]
    assert case.refusals == []
    (conflict,) = case.views.conflicts()
    assert (conflict["kind"], conflict["differing"], conflict["instances"]) == (kind, differing, 1)
    assert len(of_type(case.ledger, "study.conflict_found")) == 1


def test_84_a_conflict_that_is_accepted_reassigns_the_study_and_its_dose(case: Case) -> None:
    case.take("84", "84b")
    (conflict,) = case.views.conflicts()
    accept = AcceptConflict(study=UUID(conflict["study"]), conflict=UUID(conflict["conflict"]), reason="wrong worklist")
    case.ledger.execute(accept, Envelope("clerk:essai"))
    assert (case.totals("B84WRONG"), case.totals("B84RIGHT")) == ({}, {"dlp_mgycm": 100.0})
    assert case.views.conflicts() == []
    assert case.views.identity(case.identity("B84RIGHT"))["traits"]["family"] == "RIGHT"


def test_a_dose_report_that_comes_again_with_another_dose_is_replaced_once_that_is_accepted(
    case: Case, tmp_path: Path
) -> None:
    """Under its own UID: the first stands until somebody decides; then the second, with what it supersedes."""
    case.take("74")
    again = dcmread(CASES / "74.dcm")
    again.ContentSequence[2].ContentSequence[-1].MeasuredValueSequence[0].FloatingPointValue = 250.0
    again.save_as(tmp_path / "again.dcm")
    getattr(case, case.way)(tmp_path / "again.dcm")
    (conflict,) = case.views.conflicts()
    assert (conflict["kind"], case.totals("B74")) == ("report", {"dlp_mgycm": 100.0})
    held = dose_aside(case.spool, conflict["site"], conflict["uid"], conflict["digest"])
    study, ident = UUID(conflict["study"]), UUID(conflict["conflict"])
    accept = AcceptConflict(study=study, conflict=ident, reason="the console was corrected", dose=held)
    case.ledger.execute(accept, Envelope("clerk:essai"))
    assert case.totals("B74") == {"dlp_mgycm": 250.0}
    assert len([one for one in case.dose("B74")["reports"] if one["superseded_by"] is None]) == 1


def test_33_an_ins_is_its_authoritys_number_and_is_attached(case: Case) -> None:
    case.take("33")
    known_as_ins(case, case.identity(INS, INS_AUTHORITY))


def known_as_ins(case: Case, identity: UUID) -> None:
    """The INS is attached to that identity, and nobody's local id at the site."""
    shown = case.views.identity(identity)
    assert (shown["ins"], shown["ins_oid"]) == (INS, INS_OID)
    assert case.ledger.find(Identity, case.identity(INS)) is None


def by_oid_alone(dataset: Dataset) -> None:
    del dataset.IssuerOfPatientID


def under_another_name(dataset: Dataset) -> None:
    """The site's own name beside the OID, which says more."""
    dataset.IssuerOfPatientID = SITE


def as_the_issuer(dataset: Dataset) -> None:
    """The OID where a name belongs."""
    del dataset.IssuerOfPatientIDQualifiersSequence
    dataset.IssuerOfPatientID = INS_OID


def as_in_hl7(dataset: Dataset) -> None:
    """An assigning authority copied from a message."""
    del dataset.IssuerOfPatientIDQualifiersSequence
    dataset.IssuerOfPatientID = f"{INS_AUTHORITY}&{INS_OID}&ISO"


@pytest.mark.parametrize("change", [by_oid_alone, under_another_name, as_the_issuer, as_in_hl7])
def test_33_the_authority_is_known_by_its_oid(case: Case, change: Callable[[Dataset], None], tmp_path: Path) -> None:
    getattr(case, case.way)(changed("33", tmp_path, change))
    known_as_ins(case, case.identity(INS, INS_AUTHORITY))


def with_a_number_of_its_own(dataset: Dataset) -> None:
    """The INS among the other patient ids, known by its OID there; the Patient ID is the site's."""
    other = Dataset()
    other.PatientID, other.TypeOfPatientID = INS, "TEXT"
    other.IssuerOfPatientIDQualifiersSequence = dataset.IssuerOfPatientIDQualifiersSequence
    dataset.PatientID, dataset.OtherPatientIDsSequence = "B33", [other]
    del dataset.IssuerOfPatientID, dataset.IssuerOfPatientIDQualifiersSequence


def with_the_sites_among_the_others(dataset: Dataset) -> None:
    """The INS as Patient ID; the site's own number among the others."""
    other = Dataset()
    other.PatientID, other.TypeOfPatientID, other.IssuerOfPatientID = "B33", "TEXT", SITE
    dataset.OtherPatientIDsSequence = [other]


@pytest.mark.parametrize("change", [with_a_number_of_its_own, with_the_sites_among_the_others])
def test_33_beside_an_ins_the_sites_number_is_the_local_id(
    case: Case, change: Callable[[Dataset], None], tmp_path: Path
) -> None:
    getattr(case, case.way)(changed("33", tmp_path, change))
    known_as_ins(case, case.identity("B33"))
    assert case.ledger.find(Identity, case.identity(INS, INS_AUTHORITY)) is None


def test_33_a_number_of_another_authority_is_no_ins(case: Case, tmp_path: Path) -> None:
    """Whatever it looks like."""

    def of_another(dataset: Dataset) -> None:
        del dataset.IssuerOfPatientID
        dataset.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID = "1.2.3.4"

    getattr(case, case.way)(changed("33", tmp_path, of_another))
    assert case.views.identity(case.identity(INS))["ins"] is None


def test_67_each_of_two_patients_sees_the_event_that_both_claim(case: Case) -> None:
    """That it is on the list is shown by test_policy_sharing.py, which has the views."""
    case.take("67", "67b")
    assert case.totals("B67") == case.totals("B67X") == {"dlp_mgycm": 100.0}


def test_19_a_uid_of_68_characters_is_refused_with_a_status_and_the_association_goes_on(case: Case) -> None:
    if case.way == "store":
        assert case.call("19", "74") == [0xC000, 0]
    else:
        case.take("19", "74")
        assert len(case.refusals) == 1
    assert case.totals("B74") == {"dlp_mgycm": 100.0}
