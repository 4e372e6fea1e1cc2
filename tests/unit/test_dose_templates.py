"""Each template of dose reports: what it states of an event beyond the doses that all have in common."""

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adapters.dicom.attributes import read_instance
from adapters.dicom.documents import document_of
from adapters.dicom.rdsr.exposure import Exposure
from adapters.dicom.rdsr.received import received_dose
from adapters.dicom.rdsr.report import DoseReport, read_dose_report
from adapters.dicom.values import LONGEST
from tests.fakes.dicom import instance, part10, structured, tree_of
from tests.unit.test_dose_report import GY_M2, MGY, MGY_CM, coded, ct, document, item, number, projection, uid

ENHANCED = uids.EnhancedXRayRadiationDoseSRStorage
PATIENT_DOSE = uids.PatientRadiationDoseSRStorage


def read(*content: Dataset, sop_class: str = uids.XRayRadiationDoseSRStorage) -> DoseReport:
    return read_dose_report(tree_of(document(*content, sop_class=sop_class)))


def only(*content: Dataset, sop_class: str = uids.XRayRadiationDoseSRStorage) -> Exposure:
    (exposure,) = read(*content, sop_class=sop_class).exposures
    return exposure


def text(concept: str, value: str) -> Dataset:
    return item(concept, "TEXT", TextValue=value)


# CT, TID 10013.


def test_a_ct_states_its_technique_and_its_size_specific_dose() -> None:
    source = item("113831", "CONTAINER", number("113733", "120", "kV"), number("113734", "180", "mA"))
    parameters = item(
        "113822",
        "CONTAINER",
        number("113824", "5.28", "s"),
        number("113825", "514", "mm"),
        number("113827", "38.4", "mm"),
        number("113828", "0.9", "{ratio}"),
        source,
    )
    dose = item("113829", "CONTAINER", number("113830", "9.9", MGY), number("113930", "12.5", MGY))
    exposure = only(ct(parameters, dose))
    assert (exposure.template, exposure.ctdivol_mgy, exposure.ssde_mgy) == ("10013", 9.9, 12.5)
    assert exposure.technique == {
        "kvp": 120.0,
        "tube_current_ma": 180.0,
        "exposure_time_ms": 5_280.0,
        "scan_length_mm": 514.0,
        "collimation_mm": 38.4,
        "pitch": 0.9,
    }


def test_technique_that_is_not_understood_is_noted_and_no_dose_is_lost() -> None:
    exposure = only(ct(number("113733", "120", "bananas"), number("113838", "3", MGY_CM)))
    assert (exposure.technique, exposure.dlp_mgycm) == ({}, 3.0)
    assert exposure.not_understood == ("technique kvp: unit 'bananas' not understood: kV or its multiples expected",)


def test_a_dose_under_a_code_that_is_not_known_is_told_whoever_uses_it() -> None:
    """It is nobody's silence; what is known and passed over is not told."""
    others = number("99VENDOR:D1", "7", MGY), number("DCM:199999", "8", MGY_CM), number("113837", "20", MGY)
    report = read(ct(number("113838", "3", MGY_CM), *others))
    assert report.not_understood == tuple(
        f"{code}: a dose under a code that is not known" for code in ("99VENDOR:D1", "DCM:199999")
    )


# Projection, TID 10003.


def test_values_of_pulses_are_means_of_the_event_and_charges_add_up() -> None:
    """Two pulses: kVp 70 and 80, 1.5 and 2.5 mAs; some devices write all into one item."""
    apart = projection(
        *(number("113733", kv, "kV") for kv in ("70", "80")),
        *(number("113736", charge, "uA.s") for charge in ("1500", "2500")),
    )
    joined = projection(number("113733", "70\\80", "kV"), number("113736", "1500\\2500", "uA.s"))
    assert only(apart).technique == only(joined).technique == {"kvp": 75.0, "exposure_mas": 4.0}


def test_a_dose_of_several_values_in_one_item_is_not_taken_for_the_events() -> None:
    exposure = only(projection(number("122130", "1e-6\\2e-6", GY_M2)))
    assert (exposure.dap_mgycm2, exposure.not_understood) == (None, ("dap: value is not a decimal number",))


def test_the_values_of_many_pulses_are_all_read_and_what_is_kept_as_encoded_is_cut() -> None:
    """500 pulses of 10 ms: more than any other text may be long."""
    many = "\\".join(["10.0"] * 500)
    assert only(projection(number("113824", many, "ms"))).technique == {"exposure_time_ms": 5_000.0}
    assert len(only(projection(number("122130", many, GY_M2))).raw["dap"]) <= LONGEST + len(" Gy.m2")


def test_filters_are_told_in_words_and_their_metals_by_code() -> None:
    """0.1 and 0.2 mm of copper are 0.3; of aluminium 1 to 2 mm is 1.5."""
    copper = [_filter("SCT:66925006", "Copper", thick, thick) for thick in ("0.1", "0.2")]
    exposure = only(projection(*copper, _filter("SRT:C-120F9", "Aluminum", "1", "2")))
    assert exposure.technique == {"filter_mm_cu": 0.3, "filter_mm_al": 1.5}
    assert exposure.filters == "Strip filter Copper; Strip filter Aluminum"


def _filter(material: str, word: str, least: str, most: str) -> Dataset:
    return item(
        "113771",
        "CONTAINER",
        coded("113772", "113650", "Strip filter"),
        coded("113757", material, word),
        number("113758", least, "mm"),
        number("113773", most, "mm"),
    )


def test_region_and_type_are_kept_by_code_beside_their_words() -> None:
    exposure = only(projection(coded("123014", "SRT:T-D3000", "Poumon"), coded("113721", "DCM:113611", "Stationary")))
    assert (exposure.target_region, exposure.target_region_code) == ("Poumon", "SRT:T-D3000")
    assert (exposure.acquisition, exposure.acquisition_code) == ("Stationary", "DCM:113611")


def test_the_entrance_dose_is_a_quantity_of_its_own() -> None:
    """Never the dose at the reference point."""
    exposure = only(projection(number("111636", "4.2", MGY), number("111631", "1.1", MGY)))
    assert (exposure.entrance_dose_mgy, exposure.dose_rp_mgy, exposure.agd_mgy) == (4.2, None, 1.1)


# Cone beam.


def test_a_cone_beam_keeps_its_dap_and_the_phantom_of_its_ctdivol() -> None:
    exposure = only(
        projection(
            coded("113721", "DCM:113613", "Rotational Acquisition"),
            number("122130", "2e-5", GY_M2),
            number("113830", "4.5", MGY),
            coded("113835", "DCM:113690"),
            number("113768", "496", "1"),
        )
    )
    assert (exposure.kind, exposure.dap_mgycm2, exposure.ctdivol_mgy, exposure.phantom_cm) == (
        *("PROJECTION", 200.0, 4.5),
        16,
    )
    assert exposure.technique == {"pulses": 496.0}


# Radiopharmaceuticals, TID 10022 and 10023.


def test_an_administration_states_the_dose_of_each_organ() -> None:
    organs = [
        item("113517", "CONTAINER", coded("SCT:363698007", f"SCT:{organ}"), number("113518", dose, unit))
        for organ, dose, unit in (("89837001", "42", MGY), ("64033007", "0.007", "Gy"))
    ]
    unnamed = item("113517", "CONTAINER", number("113518", "3", MGY))
    administered = item(
        "113502", "CONTAINER", uid("113503", "2.25.7"), number("113507", "350", "MBq"), *organs, unnamed
    )
    exposure = only(administered, sop_class=uids.RadiopharmaceuticalRadiationDoseSRStorage)
    assert exposure.organ_doses == (("SCT:89837001", 42.0), ("SCT:64033007", 7.0))
    assert exposure.not_understood == ("organ_dose: of which organ is not told",)


# Enhanced, TID 10041 and 10042.


def summary(source: str, *content: Dataset, event: str = "2.25.1") -> Dataset:
    return item("130501", "CONTAINER", uid("113769", event), text("113832", source), *content)


def test_the_sources_of_an_enhanced_event_add_up() -> None:
    """Two tubes, one event UID; a value of Irradiation Details is nobody's event."""
    details = item("130505", "CONTAINER", number("122130", "9", GY_M2), number("130515", "5", MGY))
    planes = [
        summary(source, number("122130", dap, GY_M2), number("113738", rp, "Gy"))
        for source, dap, rp in (("A", "1e-5", "0.001"), ("B", "2e-5", "0.002"))
    ]
    total = item("130500", "CONTAINER", text("113832", "A and B"), number("113722", "3e-5", GY_M2))
    report = read(total, *planes, details, sop_class=ENHANCED)
    (exposure,) = report.exposures
    assert (exposure.template, exposure.dap_mgycm2, exposure.dose_rp_mgy) == ("10042", 300.0, 3.0)
    assert (report.report_totals, received_dose(report).warnings) == ({"dap_mgycm2": 300.0}, ["event_uid_shared"])


def test_an_enhanced_ct_event_is_a_ct() -> None:
    exposure = only(
        summary("1 and 2", number("113830", "8", MGY), number("113838", "250", MGY_CM), coded("113835", "DCM:113691")),
        sop_class=ENHANCED,
    )
    assert (exposure.kind, exposure.modality, exposure.phantom_cm, exposure.dlp_mgycm) == ("CT", "CT", 32, 250.0)


# Patient dose, TID 10030.


def estimate(*organs: tuple[str | None, str]) -> Dataset:
    return item(
        "128402",
        "CONTAINER",
        *(
            item(
                "128412",
                "CONTAINER",
                *([coded("SCT:363698007", f"SCT:{organ}")] if organ else []),
                number("128533", dose, MGY),
            )
            for organ, dose in organs
        ),
    )


def test_estimates_of_organs_are_totals_of_the_report_and_no_exposures() -> None:
    report = read(estimate(("89837001", "12.5"), ("64033007", "3")), sop_class=PATIENT_DOSE)
    assert report.report_totals == {"organ_mgy:SCT:89837001": 12.5, "organ_mgy:SCT:64033007": 3.0}
    assert report.exposures == ()


def test_an_estimate_whose_organ_is_not_told_is_noted_and_recorded_as_not_understood() -> None:
    """Never the dose of some other organ."""
    sent = instance(SOPClassUID=PATIENT_DOSE)
    sent.ContentSequence = Sequence([estimate((None, "12.5"))])
    read_back = structured(part10(sent))
    found = document_of(read_instance(read_back.header), read_back.tree)
    assert found is not None
    assert (found.dose, found.report.kind) == (None, "DOSE")
    assert found.report.unread == "organ dose: of which organ is not told"


def test_what_is_odd_about_the_dose_of_an_organ_is_noted_without_the_organ() -> None:
    """Operators read notes, and an organ may tell the sex, or of a pregnancy."""
    report = read(estimate(("15497006", "12.5"), ("15497006", "3"), ("64033007", "-3")), sop_class=PATIENT_DOSE)
    assert report.not_understood == (
        "organ dose: stated several times, the first was kept",
        "organ dose: value is negative",
    )


# What the header says of patient, operator and procedure.


@pytest.mark.parametrize(
    ("stated", "patient"),
    [
        ({"PatientBirthDate": "20200101", "StudyDate": "20200111"}, {"age_days": 10}),
        ({"PatientBirthDate": None, "PatientAge": "006M"}, {"age_days": 183}),
        ({"PatientBirthDate": None, "PatientAge": "018Y"}, {"age_days": 6575}),
        ({"PatientBirthDate": None, "PatientAge": "001M"}, {"age_days": 31}),
        ({"PatientBirthDate": "20010301", "StudyDate": "20190301"}, {"age_days": 6575}),  # 18 years, 6,574 days
        ({"PatientBirthDate": "20010301", "StudyDate": "20190228"}, {"age_days": 6573}),
        ({"PatientBirthDate": "20040229", "StudyDate": "20220227"}, {"age_days": 6573}),
        ({"PatientBirthDate": "20040229", "StudyDate": "20220228"}, {"age_days": 6575}),
        ({"PatientBirthDate": None, "PatientAge": "000Y"}, {}),  # of an hour, or of eleven months
        ({"PatientBirthDate": "20300101", "StudyDate": "20200111", "PatientAge": "003Y"}, {"age_days": 1096}),
        *(
            ({"PatientBirthDate": unknown, "StudyDate": "20200111", "PatientAge": "005Y"}, {"age_days": 1827})
            for unknown in ("19000101", "19010101", "18500101", "17000101")
        ),
        ({"PatientBirthDate": "19000101", "StudyDate": "20200111"}, {}),
        *(  # an age that a device makes of such a date, with or without the birthday of the year
            ({"PatientBirthDate": unknown, "StudyDate": "20260105", "PatientAge": age}, {})
            for unknown, age in (("19000101", "126Y"), ("19000101", "125Y"), ("18500101", "176Y"))
        ),
        ({"PatientBirthDate": "19000101", "StudyDate": "20260105", "PatientAge": "099Y"}, {"age_days": 36160}),
        ({"PatientBirthDate": None, "StudyDate": "20260105", "PatientAge": "101Y"}, {"age_days": 36891}),
        (
            {"PatientBirthDate": None, "PatientWeight": "21.5", "PatientSize": "1.12"},
            {"weight_kg": 21.5, "size_cm": 112.0},
        ),
        ({"PatientBirthDate": None, "PatientWeight": "0", "PatientSize": "172"}, {}),
        ({"PatientBirthDate": None, "PregnancyStatus": 3}, {"pregnant": True}),
        ({"PatientBirthDate": None, "PregnancyStatus": 2}, {"pregnant": True}),
        ({"PatientBirthDate": None, "PregnancyStatus": 1}, {"pregnant": False}),
        ({"PatientBirthDate": None, "PregnancyStatus": 4}, {}),
    ],
)
def test_age_size_and_pregnancy_are_those_stated_and_no_others(
    stated: dict[str, object], patient: dict[str, object]
) -> None:
    sent = instance(SOPClassUID=uids.XRayRadiationDoseSRStorage, **stated)
    sent.ContentSequence = Sequence([ct()])
    told = read_dose_report(tree_of(sent)).said["patient"]
    assert {name: value for name, value in told.items() if value is not None} == patient


def test_operator_and_procedure_are_told_with_their_codes() -> None:
    act = Dataset()
    act.CodeValue, act.CodingSchemeDesignator, act.CodeMeaning = "ZBQK002", "CCAM", "Radiographie du thorax"
    sent = instance(SOPClassUID=uids.XRayRadiationDoseSRStorage, OperatorsName="ESSAI^Manip")
    sent.ProcedureCodeSequence = Sequence([act])
    sent.ContentSequence = Sequence([coded("121058", "DCM:113704", "Projection X-Ray"), projection()])
    said = read_dose_report(tree_of(sent)).said
    assert (said["operator"], said["procedure_code"], said["study_description"]) == (
        *("ESSAI^Manip", "CCAM:ZBQK002"),
        "Scanner d'essai",
    )
    assert said["procedure"] == {"code": "DCM:113704", "meaning": "Projection X-Ray"}


def test_times_without_an_offset_take_that_of_the_data_set() -> None:
    sent = document(ct(item("111526", "DATETIME", DateTime="20240229083000")))
    sent.TimezoneOffsetFromUTC = "+0200"
    (exposure,) = read_dose_report(tree_of(sent)).exposures
    assert (exposure.started_at, exposure.started_offset) == ("2024-02-29T08:30:00", "+02:00")


def test_a_time_to_the_hour_states_no_offset() -> None:
    """The month is no offset from UTC, and that of the data set holds."""
    (exposure,) = read(ct(item("111526", "DATETIME", DateTime="2024022908"))).exposures
    assert (exposure.started_at, exposure.started_offset) == ("2024-02-29T08", None)
    sent = document(ct(item("111526", "DATETIME", DateTime="2024022908")))
    sent.TimezoneOffsetFromUTC = "+0200"
    (exposure,) = read_dose_report(tree_of(sent)).exposures
    assert exposure.started_offset == "+02:00"


# What stands in another place than templates have it.


def test_known_doses_that_stand_where_no_template_has_them_are_told() -> None:
    """Neither an event's nor a total: nobody knows what they are of, and nobody passes them over in silence."""
    stray = number("113722", "7", GY_M2), number("122130", "8", GY_M2), number("113738", None, "Gy")
    report = read(projection(number("122130", "1", GY_M2), number("113725", "2", "Gy")), *stray)
    assert report.not_understood == (
        "Dose (RP) Total: stated where no template has it, and not read",
        "Dose Area Product Total: stated where no template has it, and not read",
        "Dose Area Product: stated where no template has it, and not read",
    )
    assert (report.report_totals, report.exposures[0].dap_mgycm2) == ({}, 10_000_000.0)


def test_doses_of_moments_and_of_estimates_are_in_their_places() -> None:
    details = item("130505", "CONTAINER", number("122130", "9", GY_M2))
    estimate = item("128402", "CONTAINER", number("113507", "30", "MBq"))
    accumulated = item("113702", "CONTAINER", number("113722", "1", GY_M2))
    report = read(projection(number("122130", "1", GY_M2)), details, estimate, accumulated)
    assert report.not_understood == ()


def test_a_glandular_dose_is_of_mammography_where_nothing_else_says_so() -> None:
    assert only(projection(number("111631", "1.2", MGY))).modality == "MG"


# One UID for several acquisitions.


def test_acquisitions_of_different_protocols_under_one_uid_add_up_and_are_of_no_protocol() -> None:
    views = [
        projection(text("125203", protocol), number("122130", dap, GY_M2))
        for protocol, dap in (("Thorax PA", "1e-5"), ("Thorax LAT", "2e-5"), ("Thorax PA", "1.5e-5"))
    ]
    report = read(*views)
    (exposure,) = report.exposures
    assert (exposure.dap_mgycm2, exposure.protocol) == (350.0, None)  # the third corrects the first
    assert received_dose(report).warnings == ["event_uid_shared"]


def test_parts_in_two_phantoms_or_regions_are_of_neither_and_begin_with_the_first() -> None:
    helices = [
        ct(
            *(number("113838", "100", MGY_CM), coded("113835", phantom), coded("123014", region)),
            item("111526", "DATETIME", DateTime=at),
        )
        for phantom, region, at in (
            ("113690", "SRT:T-D1100", "20260105100000"),
            ("113691", "SRT:T-D3000", "20260105100500"),
        )
    ]
    exposure = only(*helices)
    assert (exposure.dlp_mgycm, exposure.phantom_cm, exposure.target_region_code) == (200.0, None, None)
    assert exposure.started_at == "2026-01-05T10:00:00"
    assert only(*helices[:1]).phantom_cm == 16


# A total of which no event states a part.


@pytest.mark.parametrize(("total", "told"), [("500", ["sum_differs:dlp_mgycm"]), ("0", []), (None, [])])
def test_a_total_above_zero_of_events_without_a_dose_is_a_warning(total: str | None, told: list[str]) -> None:
    accumulated = item("113811", "CONTAINER", number("113813", total, MGY_CM))
    assert received_dose(read(ct(), accumulated)).warnings == told
    assert received_dose(read(accumulated)).warnings == []
