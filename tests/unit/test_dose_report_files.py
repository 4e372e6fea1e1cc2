"""The reader against real dose reports, and the acceptance cases that a single reader can settle.

Expected values: ``tests/data/rdsr_expected.json``, facts converted from the encoded strings with fractions,
apart from the code under test.
"""

import itertools
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from adapters.dicom.rdsr.received import received_dose
from adapters.dicom.rdsr.report import DoseReport, Exposure, NoDoseContent, holds_dose, read_dose_report
from adapters.dicom.rdsr.tree import Tree
from tests import real_files
from tests.fakes.dicom import structured

EXPECTED: dict[str, Any] = json.loads(Path(__file__).parents[1].joinpath("data", "rdsr_expected.json").read_text())
NO_DOSE = "ESR_non-dose.dcm"
REPORTS = sorted(EXPECTED.keys() - {NO_DOSE})
DOSES = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq", "phantom_cm")
MULTI = [f"CT-RDSR-Siemens-Multi-{n}.dcm" for n in (1, 2, 3)]
CONTINUED = [f"CT-RDSR-Siemens-Continued-{n}.dcm" for n in (1, 2)]
ZEE, ZEE_ADJUSTED = "RF-RDSR-Siemens-Zee.dcm", "RF-RDSR-Siemens-Zee_adjusted.dcm"


@cache
def tree(name: str) -> Tree:
    """A real file, read once: nobody changes it."""
    return structured((real_files.folder() / name).read_bytes()).tree


@cache
def report(name: str) -> DoseReport:
    """The report in a real file, read once."""
    return read_dose_report(tree(name))


def distinct(*names: str) -> dict[str, Exposure]:
    """Every exposure of the files, once per irradiation event UID: the first one stands."""
    found: dict[str, Exposure] = {}
    for exposure in itertools.chain.from_iterable(report(name).exposures for name in names):
        found.setdefault(exposure.irradiation_event_uid, exposure)
    return found


def total(exposures: Any, dose: str) -> float | None:
    """The sum of what is known; None over nothing known."""
    known = [Decimal(repr(value)) for exposure in exposures if (value := getattr(exposure, dose)) is not None]
    return float(sum(known)) if known else None


@pytest.mark.parametrize("name", REPORTS)
def test_every_event_and_dose_of_a_real_report_is_read(name: str) -> None:
    """Events in order, with UID, kind and each dose in its canonical unit; what is absent stays None."""
    read = [
        [
            exposure.irradiation_event_uid,
            {"PROJECTION": "PROJ"}.get(exposure.kind, exposure.kind),
            {dose: value for dose in DOSES if (value := getattr(exposure, dose)) is not None},
        ]
        for exposure in report(name).exposures
    ]
    stated = [
        [uid, kind, {dose: value for dose, value in doses.items() if value is not None}]
        for uid, kind, doses in EXPECTED[name]["events"]
    ]
    assert read == stated


@pytest.mark.parametrize("name", REPORTS)
def test_the_totals_of_a_real_report_are_its_own(name: str) -> None:
    """As the report states them, not as its events add up; present without a value is None."""
    apart = {"agd_left_mgy", "agd_right_mgy"}
    totals = {key: value for key, value in report(name).report_totals.items() if key not in apart}
    assert totals == EXPECTED[name]["totals"]


@pytest.mark.parametrize("name", REPORTS)
def test_a_real_report_names_its_object_and_study(name: str) -> None:
    """SOP and study UID, and it is known for a dose report."""
    assert (report(name).sop_uid, report(name).study_uid) == (
        EXPECTED[name]["sop_uid"],
        EXPECTED[name]["study_uid"],
    )
    assert holds_dose(tree(name))


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_in_a_real_report_is_left_not_understood(name: str) -> None:
    """The 29 files hold nothing that the reader has to set aside."""
    notes = [
        *report(name).not_understood,
        *(note for one in report(name).exposures for note in one.not_understood),
    ]
    assert notes == []


@pytest.mark.parametrize("order", list(itertools.permutations([*MULTI, MULTI[0]])))
def test_case_1_cumulative_reports_hold_three_exposures_in_any_order(order: tuple[str, ...]) -> None:
    """They repeat each other; with one of them twice still 236.09 mGy.cm, never 320.82."""
    found = distinct(*order)
    assert (len(found), total(found.values(), "dlp_mgycm")) == (3, 236.09)


def test_case_1_each_cumulative_report_keeps_its_own_total() -> None:
    """7.46, 77.27 and 236.09 mGy.cm, of one study."""
    assert [report(name).report_totals["dlp_mgycm"] for name in MULTI] == [7.46, 77.27, 236.09]
    assert len({report(name).study_uid for name in MULTI}) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(CONTINUED)))
def test_case_2_continued_reports_add_up_in_either_order(order: tuple[str, ...]) -> None:
    """One study, disjoint events: 4 exposures, 116.61 mGy.cm."""
    found = distinct(*order)
    assert (len(found), total(found.values(), "dlp_mgycm")) == (4, 116.61)


def test_case_3_a_report_under_another_study_is_recognised_by_its_sop_and_event_uids() -> None:
    """The same object and events under two study UIDs: the conflict can be seen, and the dose counts once."""
    one, other = report(ZEE), report(ZEE_ADJUSTED)
    assert (one.sop_uid == other.sop_uid, one.study_uid == other.study_uid) == (True, False)
    found = distinct(ZEE, ZEE_ADJUSTED)
    assert (len(found), total(found.values(), "dap_mgycm2")) == (8, 160.0)


def test_case_3_event_sum_and_report_total_are_both_kept() -> None:
    """Dose at the reference point: 2.49 mGy by the events, 2.52 by the report."""
    assert total(report(ZEE).exposures, "dose_rp_mgy") == 2.49
    assert report(ZEE).report_totals["dose_rp_mgy"] == 2.52


def test_case_5_a_diagnostic_report_without_dose_is_refused_with_a_reason() -> None:
    """No study with a dose of 0 is made of it."""
    assert not holds_dose(tree(NO_DOSE))
    with pytest.raises(NoDoseContent, match=r"holds no irradiation event"):
        read_dose_report(tree(NO_DOSE))


def test_case_5_the_refusal_names_the_object_and_no_person() -> None:
    """The SOP instance UID, never a patient's name or id."""
    dataset = dcmread(real_files.folder() / NO_DOSE)
    with pytest.raises(NoDoseContent) as refused:
        read_dose_report(tree(NO_DOSE))
    assert dataset.SOPInstanceUID in str(refused.value)
    assert dataset.PatientID not in str(refused.value)


def test_images_are_no_dose_reports() -> None:
    """The 12 images of the set, whatever dose their headers hold."""
    images = [path for path in sorted(real_files.folder().iterdir()) if path.name not in EXPECTED]
    assert [path.name for path in images if holds_dose(tree(path.name))] == []
    assert len(images) == 12


def test_case_6_a_large_report_without_a_manufacturer_is_read_whole() -> None:
    """316 events; 46,881 cGy.cm2 and 7.689 Gy, over the usual alert levels of fluoroscopy."""
    read = report("RF-Pat-Orientation-Modifier-Missing.dcm")
    assert (len(read.exposures), read.manufacturer) == (316, None)
    assert read.report_totals["dap_mgycm2"] == 468_810
    assert read.report_totals["dose_rp_mgy"] == pytest.approx(7689, abs=0.1)


def test_case_7_both_exposures_passed_the_dlp_alert_and_the_second_the_ctdivol_alert() -> None:
    """Alert values 100 mGy.cm and 10 mGy; forward estimates 251.20, then 502.40 and 10.60."""
    read = report("CT-RDSR-Toshiba_DoseCheck.dcm")
    assert [exposure.dose_check_exceeded for exposure in read.exposures] == [("dlp",), ("dlp", "ctdivol")]
    assert total(read.exposures, "dlp_mgycm") == 502.40


def test_case_7_the_dose_check_is_kept_as_encoded_without_the_person_who_authorised() -> None:
    """Settings and estimates; the name in the same container is left where it is."""
    assert report("CT-RDSR-Toshiba_DoseCheck.dcm").exposures[1].dose_check == {
        "dlp_alert_configured": "Yes",
        "ctdivol_alert_configured": "Yes",
        "dlp_notification_configured": "No",
        "ctdivol_notification_configured": "No",
        "dlp_alert_value": "100.00 mGy.cm",
        "ctdivol_alert_value": "10.00 mGy",
        "dlp_forward_estimate": "502.40 mGy.cm",
        "ctdivol_forward_estimate": "10.60 mGy",
    }


def test_a_forward_estimate_under_the_alert_value_exceeds_nothing() -> None:
    """An alert value of 1000 mGy that no forward estimate reached."""
    (exposure,) = report(MULTI[0]).exposures
    assert exposure.dose_check["ctdivol_alert_value"] == "1000 mGy"
    assert exposure.dose_check_exceeded == ()


@pytest.mark.parametrize(
    ("name", "events", "without_dose"),
    [
        ("CT-ESR-GE_Optima.dcm", 6, 4),
        ("CT-ESR-GE_VCT.dcm", 27, 16),
        ("CT-RDSR-ToshibaPixelMed.dcm", 3, 1),
        ("CT-RDSR-Toshiba_MultiValSD.dcm", 3, 2),
    ],
)
def test_cases_8_to_10_an_event_without_dose_is_an_exposure_of_unknown_dose(
    name: str, events: int, without_dose: int
) -> None:
    """Null, never zero."""
    exposures = report(name).exposures
    assert (len(exposures), [one.dlp_mgycm for one in exposures].count(None)) == (events, without_dose)


@pytest.mark.parametrize(
    ("name", "is_qa"),
    [
        ("CT-RDSR-Philips_BigBore4DCT.dcm", True),
        ("CT-RDSR-Siemens_Flash-QA-DS.dcm", True),
        ("CT-RDSR-ToshibaPixelMed.dcm", True),
        ("CT-RDSR-Siemens_Flash-TAP-SS.dcm", False),
        (MULTI[2], False),
        ("MG-RDSR-Hologic_mix.dcm", False),
    ],
)
def test_cases_11_and_12_a_phantom_is_told_from_a_patient(name: str, is_qa: bool) -> None:
    """By what names, ids and protocols say."""
    assert report(name).qa is is_qa


def test_case_13_text_stored_in_another_character_set_than_declared_survives() -> None:
    """UTF-8 under ISO_IR 100 is read as what was typed."""
    assert "testæøå" in [one.protocol for one in report("CT-RDSR-Siemens_Flash-TAP-SS.dcm").exposures]


def test_case_14_a_dose_present_without_a_value_is_not_known() -> None:
    """None, and the record tells that the item was there."""
    (exposure,) = report("DX-RDSR-Canon_CXDI.dcm").exposures
    assert (exposure.dap_mgycm2, exposure.dose_rp_mgy) == (107.0, None)
    assert exposure.raw == {"dap": "1.07E-05 Gy.m2", "dose_rp": ""}


@pytest.mark.parametrize(
    ("name", "dose", "by_events", "by_report"),
    [
        ("DX-RDSR-Carestream_DRXEvolution.dcm", "dap_mgycm2", 58.0999995, 58.099997),
        ("Dual-RDSR-DX.dcm", "dose_rp_mgy", 0.035, 0.0),
        ("Dual-RDSR-RF.dcm", "dap_mgycm2", 20.9, 21.2),
        ("Dual-RDSR-RF.dcm", "dose_rp_mgy", 0.066, 0.1),
        ("RF-RDSR-Eurocolumbus.dcm", "dap_mgycm2", 80.0, 90.0),
        ("RF-RDSR-Eurocolumbus.dcm", "dose_rp_mgy", 0.3907891, 0.394),
    ],
)
def test_cases_15_to_19_event_sums_that_differ_from_the_report_total_stay_apart(
    name: str, dose: str, by_events: float, by_report: float
) -> None:
    """The difference can be shown because neither was repaired from the other."""
    assert total(report(name).exposures, dose) == by_events
    assert report(name).report_totals[dose] == by_report


def test_case_21_glandular_dose_is_kept_per_breast() -> None:
    """Left 1.30 and right 1.28 mGy, as encoded and as numbers."""
    read = report("MG-RDSR-Hologic_2D.dcm")
    assert (read.report_totals["agd_left_mgy"], read.report_totals["agd_right_mgy"]) == (1.30, 1.28)
    assert read.raw_totals["agd_mgy"] == "1.30 mGy + 1.28 mGy"
    assert [(one.laterality, one.agd_mgy) for one in read.exposures] == [("Left", 1.3), ("Right", 1.28)]


def test_case_21_an_encoded_zero_is_a_known_zero() -> None:
    """Three of seven views were encoded as 0.00 mGy."""
    doses = [one.agd_mgy for one in report("MG-RDSR-Hologic_mix.dcm").exposures]
    assert (doses.count(0.0), doses.count(None)) == (3, 0)


@pytest.mark.parametrize("names", [REPORTS, REPORTS[::-1], REPORTS * 2], ids=["order", "reverse", "twice"])
def test_case_22_all_files_hold_554_distinct_exposures(names: list[str]) -> None:
    """565 events in 29 files and 28 objects; 11 are repeats."""
    assert len(distinct(*names)) == 554
    assert sum(len(report(name).exposures) for name in REPORTS) == 565
    assert len({report(name).sop_uid for name in REPORTS}) == 28


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        (MULTI[0], "CT"),
        ("CT-ESR-GE_VCT.dcm", "CT"),
        ("MG-RDSR-Hologic_2D.dcm", "MG"),
        ("DX-RDSR-Canon_CXDI.dcm", "DX"),
        ("Dual-RDSR-DX.dcm", "DX"),  # by the image it acquired: one device, two modalities
        ("Dual-RDSR-RF.dcm", "RF"),
        (ZEE, "RF"),  # by its fluoroscopy events alone
        ("RF-RDSR-Philips_Azurion.dcm", "XA"),  # whose device type claims projection radiography
    ],
)
def test_the_modality_is_that_of_the_irradiation(name: str, modality: str) -> None:
    """Never SR, which is the modality of the report itself."""
    assert {report(name).modality, *(one.modality for one in report(name).exposures)} == {modality}


def test_an_archive_with_other_bytes_is_refused(tmp_path: Path) -> None:
    """The files that the expectations were made of, or none."""
    archive = tmp_path / real_files.ARCHIVE
    archive.write_bytes(b"something else")
    with pytest.raises(real_files.RealFilesMissing, match="delete it and try again"):
        real_files.extract(archive, tmp_path / "files")


DIFFERING = {
    "DX-RDSR-Carestream_DRXEvolution.dcm": [],
    "CT-RDSR-Siemens_Flash-TAP-SS.dcm": [],
    "Dual-RDSR-DX.dcm": ["sum_differs:dose_rp_mgy"],
    "Dual-RDSR-RF.dcm": ["sum_differs:dap_mgycm2", "sum_differs:dose_rp_mgy"],
    "RF-RDSR-Eurocolumbus.dcm": ["sum_differs:dap_mgycm2", "sum_differs:dose_rp_mgy"],
    ZEE: ["sum_differs:dose_rp_mgy"],
}


@pytest.mark.parametrize("name", DIFFERING)
def test_the_record_says_where_events_and_totals_differ(name: str) -> None:
    assert received_dose(report(name)).warnings == DIFFERING[name]
