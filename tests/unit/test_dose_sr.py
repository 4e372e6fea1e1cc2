"""A study's doses as a DICOM Patient Radiation Dose SR: what dose show has, and nothing that nobody knows."""

from typing import Any

import pytest
from pydicom.uid import UID

from adapters.dicom.attributes import read_instance
from domain.errors import NotFound
from krypton.faces.dose.exams import exams
from krypton.faces.dose.standards.sr.items import decimal_string
from krypton.faces.dose.standards.sr.times import date_and_time, date_time
from krypton.faces.dose.standards.summary import zoned
from tests.fakes.dicom import structured
from tests.fakes.dose_sr import items, numbers, read, read_back, said, written
from tests.fakes.doses_shown import ALL, CASES, INS, PATIENT, PERSON, STUDY, exposure, report, shown

DLP, DAP, RP, AGD, ACTIVITY = "113813", "113722", "113725", "111637", "113507"
EVENT, SITE, PHANTOM, REGION, EFFECTIVE = "113769", "363698007", "113835", "123014", "113839"
BY_REPORTS = {name: case for name, case in CASES.items() if name != "images alone"}
ESTIMATE = {
    "effective_dose_msv": 1.4,
    "quantity": "dlp_mgycm",
    "factor": 0.014,
    "source": "a fictitious publication",
    "rule_version": 3,
}
HEAD: dict[str, Any] = {
    "dlp_mgycm": 100.0,
    "ctdivol_mgy": 0.1 + 0.2,
    "phantom_cm": 16,
    "target_region": "Head",
    "target_region_code": "SCT:69536005",
    "started_at": "2024-03-01T09:00:00",
    "started_offset": "+01:00",
}


def of_head(**more: Any) -> dict[str, Any]:
    return shown([exposure("1.1", "CT", "CT", "1.9.1", **HEAD, **more)], [report("1.9.1")])


@pytest.mark.parametrize("case", BY_REPORTS.values(), ids=BY_REPORTS)
def test_our_own_reader_finds_the_sums_of_the_study_and_no_exposure_to_add_up(case: dict[str, Any]) -> None:
    (exam,) = exams(case)
    back = read_back(case)
    sums = {name: value for name, value in exam.doses.items() if name != "agd_mgy"}
    told = {name.removeprefix("restated:"): value for name, value in back.report_totals.items() if value is not None}
    breasts = [value for name, value in told.items() if name.startswith("agd_")]
    assert {name: value for name, value in told.items() if not name.startswith("agd_")} == sums
    assert sum(breasts) == pytest.approx(exam.doses.get("agd_mgy", 0.0))
    assert (back.exposures, back.not_understood, back.study_uid) == ((), (), STUDY)


def test_what_nobody_knows_has_no_value_and_is_no_zero() -> None:
    for name, concept in (("nothing known", DAP), ("implausible alone", DLP)):
        sent = read(CASES[name])
        assert [value for value, *_ in numbers(sent, concept)] == [None]
        (item,) = (one.item for one in items(sent) if one.concept == concept)
        assert item.NumericValueQualifierCodeSequence[0].CodeValue == "114010"
        assert [one.path for one in items(sent) if one.item.ValueType == "NUM"] == [f"128401/128402/{concept}"]


def test_each_event_has_its_values_with_phantom_region_and_time() -> None:
    sent = read(of_head())
    ((value, unit, below),) = numbers(sent, "113830")
    assert value == pytest.approx(0.3)
    assert unit == "mGy"
    assert below == {
        EVENT: "1.1",
        "111526": "20240301090000+0100",
        SITE: "SCT:706342009",
        PHANTOM: "DCM:113690",
        REGION: "SCT:69536005",
        "113854": "DCM:113856",
    }


def test_a_value_that_is_implausible_is_in_no_number() -> None:
    sent = read(CASES["implausible"])
    assert [value for value, *_ in numbers(sent, DLP)] == [0.3]
    assert sorted(value or 0.0 for value, *_ in numbers(sent, "113838")) == [0.1, 0.2]
    assert [below["121106"] for *_, below in numbers(sent, DLP)] == [
        "CT Dose Length Product Total: of 2 of 3 exposures; of the others it is not known."
    ]


def test_events_of_a_report_that_are_not_used_are_told_by_those_that_are() -> None:
    case = CASES["implausible"] | {"reports": [report("1.9.1") | {"exposures": 3}]}
    used = {said(one.item) for one in items(read(case)) if one.concept == "128429"}
    assert used == {"1.1", "1.2"}
    assert [one for one in items(read(of_head())) if one.concept == "128429"] == []


def test_glandular_doses_of_two_breasts_are_two() -> None:
    doses = {below["272741003"]: value for value, _, below in numbers(read(CASES["two breasts"]), AGD)}
    assert doses == {"SCT:7771000": pytest.approx(2.6), "SCT:24028007": pytest.approx(1.3)}


def test_doses_of_organs_name_the_organ_and_are_summed_over_events() -> None:
    organs = [{"organ": "SCT:69748006", "mgy": 0.1}, {"organ": "SCT:39607008", "mgy": 4.0}]
    two = [exposure(f"1.{n}", "RADIOPHARMACEUTICAL", "NM", "1.9.1", organ_doses=organs) for n in (1, 2)]
    case = shown(two, [report("1.9.1")])
    told = {below[SITE]: value for value, _, below in numbers(read(case), "128533")}
    assert told == {"SCT:69748006": 0.2, "SCT:39607008": 8.0}
    assert read_back(case).report_totals["organ_mgy:SCT:69748006"] == 0.2


def test_doses_of_organs_that_a_report_of_estimates_states_are_passed_on() -> None:
    stated = report("1.9.1") | {"report_totals": {"organ_mgy:SCT:39607008": 4.5, "dlp_mgycm": 3.0}}
    case = shown([exposure("1.1", "CT", "CT", "1.9.1", dlp_mgycm=3.0)], [stated])
    assert [(value, below[SITE]) for value, _, below in numbers(read(case), "128533")] == [(4.5, "SCT:39607008")]


def test_an_effective_dose_is_there_only_where_a_document_brought_one_and_is_marked() -> None:
    assert numbers(read(of_head()), EFFECTIVE) == []
    case = of_head(effective_dose_estimate=ESTIMATE) | {"estimates": {"rule_version": 3}}
    sent = read(case)
    whole, one = numbers(sent, EFFECTIVE)
    assert (whole[:2], one[:2], EVENT in whole[2], one[2][EVENT]) == ((1.4, "mSv"), (1.4, "mSv"), False, "1.1")
    for _, _, below in (whole, one):
        assert below.items() >= {"121401": "SCT:414135002", SITE: "SCT:38266002", "370129005": "DCM:128479"}.items()
    assert (one[2]["121406"], one[2]["113840"]) == (ESTIMATE["source"], "0.014")
    assert [said(one.item) for one in items(sent) if one.concept == "128477"] == ["DCM:128479"]
    assert [name for name in read_back(case).report_totals if "mgy" not in name] == []


def test_the_reports_that_it_rests_on_are_named_and_listed_in_their_series() -> None:
    sent = read(ALL)
    used = [one.item.ReferencedSOPSequence[0] for one in items(sent) if one.concept == "128416"]
    (study,) = sent.CurrentRequestedProcedureEvidenceSequence
    listed = [one for series in study.ReferencedSeriesSequence for one in series.ReferencedSOPSequence]
    assert sorted(one.ReferencedSOPInstanceUID for one in used) == ["1.9.1", "1.9.2", "1.9.3"]
    assert listed == used
    assert study.StudyInstanceUID == STUDY


def test_the_same_doses_are_the_same_instance_byte_for_byte_and_others_are_another() -> None:
    assert written(ALL) == written(ALL)
    more = shown([*ALL["exposures"], exposure("1.99", "CT", "CT", "1.9.1", dlp_mgycm=1.0)], ALL["reports"])
    one, other = read(ALL), read(more)
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert (one.SeriesInstanceUID, one.SOPInstanceUID[:5]) == (other.SeriesInstanceUID, "2.25.")


def test_the_patient_has_the_numbers_of_each_site_and_a_qualified_ins() -> None:
    case = ALL | {"patient": PATIENT | {"birth_date": "1950-03-04", "qualified_ins": INS}}
    sent = read(case)
    assert (sent.PatientName, sent.PatientBirthDate, sent.PatientSex) == ("FICTIVE^MARIE", "19500304", "F")
    assert (sent.PatientID, sent.IssuerOfPatientID) == ("L1", "CHA")
    (ins,) = sent.OtherPatientIDsSequence
    (issuer,) = ins.IssuerOfPatientIDQualifiersSequence
    assert (ins.PatientID, ins.IssuerOfPatientID) == (INS["matricule"], "ASIP-SANTE-INS-NIR-TEST")
    assert (issuer.UniversalEntityID, issuer.UniversalEntityIDType) == (INS["oid"], "ISO")
    read_so = read_instance(structured(written(case)).header).patient
    assert (read_so.local_id, read_so.issuer, read_so.ins, read_so.ins_oid) == ("L1", "CHA", *INS.values())
    assert "OtherPatientIDsSequence" not in read(ALL)
    assert read(ALL).PatientBirthDate == ""


def test_nothing_of_an_erased_person_is_told() -> None:
    sent = written(CASES["erased"])
    assert b"erased" not in sent
    assert b"FICTIVE^" not in sent


def test_doses_of_images_alone_make_no_such_report() -> None:
    case = shown(ALL["exposures"][-1:], ALL["reports"][-1:])
    with pytest.raises(NotFound, match=r"no dose report of that study.*--fhir"):
        written(case)
    with pytest.raises(NotFound, match="no dose of that study"):
        written(shown([], []))


@pytest.mark.parametrize(
    ("value", "text", "whole"),
    [
        (0.0, "0", True),
        (154.0, "154", True),
        (0.00000125, "1.25E-6", True),
        (1.23456789012e-07, "1.23456789012E-7", True),
        (0.1 + 0.2, "0.30000000000000", False),
        (2e8, "2E8", True),
    ],
)
def test_a_number_has_all_its_digits_or_is_whole_beside_them(value: float, text: str, whole: bool) -> None:
    found = decimal_string(value)
    assert float(found[0]) == pytest.approx(value, rel=1e-12)
    assert (found[1], len(found[0]) <= 16) == (whole, True)
    assert not whole or found[0] == text


def test_digits_that_a_decimal_string_cannot_hold_stand_beside_it() -> None:
    (item,) = (one.item for one in items(read(of_head())) if one.concept == "113830")
    assert item.MeasuredValueSequence[0].FloatingPointValue == 0.1 + 0.2


@pytest.mark.parametrize(
    ("at", "offset", "told"),
    [
        ("2024-03-01T09:00:00.5+01:00", None, "20240301090000.500000+0100"),
        ("2024-03-01T09:00:00", "-03:30", "20240301090000-0330"),
        ("2024-03-01T09:00:00", "odd", "20240301090000"),
        ("2024-03-01T09:00:00+18:00", None, "20240301090000"),
        ("2024-03-01", None, "20240301"),
        ("long ago", None, None),
    ],
)
def test_a_time_has_the_offset_that_is_stated_and_no_other(at: str, offset: str | None, told: str | None) -> None:
    assert date_time(zoned(at, offset)) == told


def test_a_year_that_no_device_means_has_four_digits() -> None:
    """A DA of five characters is none; devices write the first of January of the year 1."""
    assert date_and_time("0001-01-01T08:30:00") == ("00010101", "083000")
    assert date_time("0001-01-01") == "00010101"
    assert date_time("0001-01-01T08:30:00+01:00") == "00010101083000+0100"


def test_what_dicom_cannot_write_is_left_out_or_named_anew_and_told() -> None:
    """A UID with a leading zero in a component, and numbers of the patient that hold a backslash."""
    found = shown(
        [exposure("1.2.03.4", "CT", "CT", "1.9.01", dlp_mgycm=100.0), exposure("1.2.5", "CT", "CT", "1.9.01")],
        [report("1.9.01") | {"exposures": 2}],
    )
    member = {"identity": PERSON, "assigner": "CHB", "local_id": "C\\D"}
    found["members"] = [{"identity": PERSON, "assigner": "CHA", "local_id": "A\\B"}, member]
    sent = read(found)
    named = [element.value for element in sent.iterall() if element.VR == "UI"]
    assert [uid for uid in named if not UID(uid).is_valid] == []
    assert (sent.PatientID, sent.IssuerOfPatientID, "OtherPatientIDsSequence" in sent) == ("", "CHA", False)
    comments = " ".join(said(one.item) for one in items(sent) if one.path == "128401/121106")
    assert [word for word in ("1.2.03.4", "1.9.01", "A\\B", "C\\D") if word not in comments] == []
    events = {below[EVENT] for *_, below in numbers(sent, "113838")}
    (event,) = events
    assert (event.startswith("2.25."), f"1.2.03.4 is no valid UID; {event} stands for it" in comments) == (True, True)
    assert written(found) == written(found)


def test_a_data_set_that_dicom_can_write_is_not_changed() -> None:
    sent = read(of_head())
    assert [one.path for one in items(sent)].count("128401/121106") == 1
    assert sent.PatientID == "L1"
