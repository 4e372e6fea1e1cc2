"""The reader on reports made here: what no real file of the set shows, and what devices get wrong."""

from itertools import permutations
from random import Random
from typing import Any

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import DSfloat

from adapters.dicom.attributes import read_instance
from adapters.dicom.documents import document_of
from adapters.dicom.rdsr.received import received_dose
from adapters.dicom.rdsr.report import DoseReport, Exposure, NoDoseContent, holds_dose, read_dose_report
from adapters.dicom.values import iso
from domain.dose_alerts import AlertRules, device_checks
from domain.dose_words import SIDES_ADDED
from tests.fakes.dicom import instance, part10, structured, tree_of

MGY_CM, MGY, GY_M2 = "mGy.cm", "mGy", "Gy.m2"


def code(value: str, scheme: str = "DCM", meaning: str = "meaning") -> Sequence:
    """A code sequence of one code."""
    entry = Dataset()
    entry.CodeValue, entry.CodingSchemeDesignator, entry.CodeMeaning = value, scheme, meaning
    return Sequence([entry])


def item(concept: str, value_type: str, *children: Dataset, **attributes: Any) -> Dataset:
    """A content item; ``concept`` is a DCM code, or "scheme:code"."""
    scheme, _, value = concept.rpartition(":")
    made = Dataset()
    made.ValueType = value_type
    made.ConceptNameCodeSequence = code(value, scheme or "DCM")
    for keyword, content in attributes.items():
        setattr(made, keyword, content)
    if children:
        made.ContentSequence = Sequence(children)
    return made


def number(concept: str, text: str | None, unit: str | None) -> Dataset:
    """A NUM item; without a text its Measured Value Sequence is empty, without a unit it has none."""
    measured = Dataset()
    if text is not None:
        measured.add_new("NumericValue", "LO", text)  # LO, because devices write what DS does not allow
    if unit is not None:
        measured.MeasurementUnitsCodeSequence = code(unit, "UCUM")
    return item(concept, "NUM", MeasuredValueSequence=Sequence([] if text is None else [measured]))


def uid(concept: str, value: str) -> Dataset:
    """A UIDREF item."""
    made = item(concept, "UIDREF")
    made.add_new("UID", "UT", value)  # UT, because devices write what UI does not allow
    return made


def coded(concept: str, value: str, meaning: str = "meaning") -> Dataset:
    """A CODE item; ``value`` is a DCM code, or "scheme:code"."""
    scheme, _, plain = value.rpartition(":")
    return item(concept, "CODE", ConceptCodeSequence=code(plain, scheme or "DCM", meaning))


def ct(*content: Dataset, event: str | None = "2.25.1") -> Dataset:
    """A CT acquisition with these items."""
    return item("113819", "CONTAINER", *([uid("113769", event)] if event else []), *content)


def projection(*content: Dataset, event: str = "2.25.1") -> Dataset:
    """An irradiation event of projection radiography with these items."""
    return item("113706", "CONTAINER", uid("113769", event), *content)


def document(*content: Dataset, sop_class: str = uids.XRayRadiationDoseSRStorage) -> Dataset:
    """A structured report with these items at its root."""
    root = item("113701", "CONTAINER", *content)
    root.SOPClassUID, root.SOPInstanceUID, root.StudyInstanceUID = sop_class, "2.25.100", "2.25.200"
    return root


def read(*content: Dataset) -> DoseReport:
    """What is read of a report with these items at its root."""
    return read_dose_report(tree_of(document(*content)))


def only(*content: Dataset) -> Exposure:
    """The one exposure of a report with these items at its root."""
    (exposure,) = read(*content).exposures
    return exposure


# What devices get wrong.


@pytest.mark.parametrize(
    ("wrong", "note"),
    [
        (number("113838", "12", "foo"), "dlp: unit 'foo' not understood"),
        (number("113838", "12", MGY), "dlp: unit 'mGy' not understood: mGy.cm or its multiples expected"),
        (number("113838", "12", None), "dlp: no unit given"),
        (number("113838", "about 12", MGY_CM), "dlp: value is not a decimal number"),
        (number("113838", "12\\13", MGY_CM), "dlp: value is not a decimal number"),
        (number("113838", "-12", MGY_CM), "dlp: value is negative"),
    ],
)
def test_a_dose_that_cannot_be_read_is_noted_and_loses_nothing_else(wrong: Dataset, note: str) -> None:
    """The DLP is not known, and the CTDIvol beside it is."""
    exposure = only(ct(wrong, number("113830", "5.5", MGY)))
    assert (exposure.dlp_mgycm, exposure.ctdivol_mgy, exposure.not_understood) == (None, 5.5, (note,))


def test_a_dose_that_cannot_be_read_is_kept_as_encoded() -> None:
    """For the person who asks the vendor."""
    assert only(ct(number("113838", "12", "foo"))).raw == {"dlp": "12 foo"}


@pytest.mark.parametrize("text", [None, ""])
def test_a_dose_stated_without_a_value_is_not_known_and_no_mistake(text: str | None) -> None:
    """An empty Measured Value Sequence and an empty Numeric Value: None, without a note."""
    exposure = only(projection(number("122130", text, GY_M2)))
    assert (exposure.dap_mgycm2, exposure.not_understood) == (None, ())
    assert "dap" in exposure.raw


def test_a_dose_that_is_not_stated_is_not_in_the_raw_texts() -> None:
    """Absent differs from present without a value."""
    assert only(ct(number("113838", "1", MGY_CM))).raw == {"dlp": "1 mGy.cm"}


def test_numbers_set_by_other_software_are_read_by_their_text() -> None:
    """A float that pydicom holds instead of the encoded bytes."""
    dose = number("122130", "0", GY_M2)
    del dose.MeasuredValueSequence[0].NumericValue
    dose.MeasuredValueSequence[0].NumericValue = DSfloat("1.07E-05")
    exposure = only(projection(dose))
    assert (exposure.dap_mgycm2, exposure.raw) == (107.0, {"dap": "1.07E-05 Gy.m2"})


def test_an_event_without_a_uid_gets_the_same_one_at_every_reading() -> None:
    """Derived from the report and the event's place in it, said so, and distinct from its neighbour's."""
    events = [ct(number("113838", "1", MGY_CM), event=None), ct(number("113838", "2", MGY_CM), event=None)]
    first, again = (read(*events).exposures for _ in range(2))
    assert [one.irradiation_event_uid for one in first] == [one.irradiation_event_uid for one in again]
    assert len({one.irradiation_event_uid for one in first}) == 2
    assert all(uids.UID(one.irradiation_event_uid).is_valid for one in first)
    assert first[0].not_understood[0].startswith("event UID: absent")


@pytest.mark.parametrize(
    "text",
    ["1.2." * 17 + "3", "CT1/2026-01-05/4", "1.2\x003", Random(6).randbytes(3_000).hex()],
    ids=["too long", "words", "control", "endless"],
)
def test_an_event_whose_uid_is_none_gets_the_same_one_in_every_report_of_the_study(text: str) -> None:
    """Too long by five characters, as some devices write them, is still the same event when it is told again."""
    dose = number("113838", "3", MGY_CM)
    alone, beside = only(ct(dose, event=text)), read(ct(event="2.25.9"), ct(dose, event=text)).exposures[1]
    assert alone.irradiation_event_uid == beside.irradiation_event_uid
    assert uids.UID(alone.irradiation_event_uid).is_valid
    assert (alone.dlp_mgycm, alone.not_understood) == (
        3.0,
        ("event UID: not a UID, one was derived from it and the study's UID",),
    )


def test_a_control_character_in_a_text_is_a_space() -> None:
    """Anywhere within: no view could keep a NUL; a number with one is no number, and never another one."""
    exposure = only(
        ct(item("125203", "TEXT", TextValue="Tho\0rax\r\nlow\x1b[2J"), number("113838", "1\x002", "mGy\0cm"))
    )
    assert (exposure.protocol, exposure.dlp_mgycm) == ("Tho rax  low [2J", None)
    assert exposure.raw == {"dlp": "1 2 mGy cm"}


def test_a_text_that_never_ends_is_cut() -> None:
    """A protocol of a megabyte is nobody's."""
    assert len(only(ct(item("125203", "TEXT", TextValue="A" * 1_000_000))).protocol or "") == 1024


def test_a_protocol_item_without_text_is_no_protocol() -> None:
    """Absent, empty, and beside a dose that is read."""
    exposure = only(ct(item("125203", "TEXT"), number("113838", "3", MGY_CM)))
    assert (exposure.protocol, exposure.dlp_mgycm) == (None, 3.0)


def test_items_without_a_concept_or_with_vendor_codes_are_passed_over() -> None:
    """A private code that happens to look like the DLP's is not the DLP."""
    nameless = Dataset()
    nameless.ValueType = "TEXT"
    exposure = only(ct(nameless, number("99VENDOR:113838", "9", MGY_CM), number("113838", "3", MGY_CM)))
    assert exposure.dlp_mgycm == 3.0


def test_a_code_without_a_designator_is_taken_for_a_dicom_code() -> None:
    """Some devices leave the designator out."""
    dose = number("113838", "3", MGY_CM)
    del dose.ConceptNameCodeSequence[0].CodingSchemeDesignator
    assert only(ct(dose)).dlp_mgycm == 3.0


def test_a_dose_stated_twice_in_one_event_keeps_the_first_and_says_so() -> None:
    """One event, one container, two DLPs."""
    exposure = only(ct(number("113838", "3", MGY_CM), number("113838", "4", MGY_CM)))
    assert (exposure.dlp_mgycm, exposure.not_understood) == (3.0, ("dlp: 2 values stated, the first was kept",))


def test_an_unknown_phantom_is_not_guessed() -> None:
    """CTDIvol can then not be compared with a reference level."""
    exposure = only(ct(coded("113835", "99VENDOR:small")))
    assert (exposure.phantom_cm, exposure.not_understood) == (None, ("phantom: code not understood",))


def test_fewer_events_than_the_report_declares_are_noted() -> None:
    """Something is missing, and the report is read all the same."""
    declared = item("113811", "CONTAINER", number("113812", "3", "{events}"), number("113813", "9", MGY_CM))
    report = read(declared, ct())
    assert (report.events_declared, report.report_totals) == (3, {"dlp_mgycm": 9.0})
    assert report.not_understood == ("events: the report declares 3, 1 were found",)


@pytest.mark.parametrize("digits", [10, 4_301])
def test_a_number_of_events_that_no_report_has_is_noted_and_stops_nobody(digits: int) -> None:
    """Python refuses to make a number of more than 4,300 digits: the whole import ended there."""
    declared = number("113812", "1", "{events}")
    declared.MeasuredValueSequence[0].add_new("NumericValue", "UT", "1" * digits)  # UT, because LO is not so long
    report = read(item("113811", "CONTAINER", declared, number("113813", "9", MGY_CM)))
    assert (report.events_declared, report.report_totals, report.warnings) == (None, {"dlp_mgycm": 9.0}, ())
    assert report.not_understood == ("events: the report declares a number of more than 9 digits, which was not read",)


# The same event UID twice in one report.


def test_an_event_stated_twice_counts_once_and_its_last_statement_wins() -> None:
    """A correction follows what it corrects; what it leaves out stays."""
    first = ct(number("113838", "10", MGY_CM), number("113830", "2", MGY))
    exposure = only(first, ct(number("113838", "12", MGY_CM)))
    assert (exposure.dlp_mgycm, exposure.ctdivol_mgy) == (12.0, 2.0)
    assert exposure.not_understood == ("event: stated twice, what was stated last was kept",)


def test_an_earlier_value_that_stays_keeps_its_own_text() -> None:
    """The text beside a value is where it comes from, also if a later statement is not understood."""
    exposure = only(ct(number("113838", "100", MGY_CM)), ct(number("113838", "7", "dGy.cm2")))
    assert (exposure.dlp_mgycm, exposure.raw["dlp"]) == (100.0, f"100 {MGY_CM}")
    assert any("dGy.cm2" in note for note in exposure.not_understood)


def test_a_known_zero_is_a_statement_and_an_unknown_dose_is_not() -> None:
    """A later 0 replaces; a later item without a value does not."""
    zero = only(ct(number("113838", "10", MGY_CM)), ct(number("113838", "0", MGY_CM)))
    silent = only(ct(number("113838", "10", MGY_CM)), ct(number("113838", None, MGY_CM)))
    assert (zero.dlp_mgycm, silent.dlp_mgycm) == (0.0, 10.0)


def test_a_ct_event_split_by_region_adds_its_dose_length_products() -> None:
    """TID 10013 allows the split: no part of the dose is lost, and CTDIvol, a mean, keeps the higher."""
    chest = ct(coded("123014", "SRT:T-D3000"), number("113838", "0.1", MGY_CM), number("113830", "2", MGY))
    abdomen = ct(coded("123014", "SRT:T-D4000", "Abdomen"), number("113838", "0.2", MGY_CM), number("113830", "1", MGY))
    exposure = only(chest, abdomen)
    assert (exposure.dlp_mgycm, exposure.ctdivol_mgy) == (0.3, 2.0)
    assert exposure.raw["dlp"] == "0.1 mGy.cm + 0.2 mGy.cm"


def test_the_two_planes_of_one_event_add_up() -> None:
    """A biplane that gives one UID to both planes."""
    planes = [
        projection(coded("113764", plane, plane), number("122130", "1e-6", GY_M2)) for plane in ("113620", "113621")
    ]
    assert only(*planes).dap_mgycm2 == 20.0


LEFT_BREAST, RIGHT_BREAST = (coded("SCT:272741003", f"SCT:{side}", str(side)) for side in (7771000, 24028007))


@pytest.mark.parametrize("order", ["LR", "RL", "LRL", "LLR"])
def test_the_breasts_of_one_event_add_up_each_once(order: str) -> None:
    """A device that gives one UID to both: each has a glandular dose of its own."""
    told = {"L": (LEFT_BREAST, number("111631", "1", MGY)), "R": (RIGHT_BREAST, number("111631", "2", MGY))}
    exposure = only(*(projection(*told[side]) for side in order))
    assert (exposure.agd_mgy, exposure.side, exposure.laterality) == (3.0, "both", None)


BREASTS = {"L": [LEFT_BREAST], "R": [RIGHT_BREAST], "B": [coded("SCT:272741003", "SCT:51440002")], "-": []}


def view(told: str) -> Dataset:
    """A statement of a view, such as "L CC 1.6": side, view, glandular dose; and the same of its dose area product."""
    side, of, dose = told.split()
    doses = number("111631", dose, MGY), number("122130", f"{dose}e-6", GY_M2)
    return projection(*BREASTS[side], *doses, item("125203", "TEXT", TextValue=of))


@pytest.mark.parametrize(
    ("views", "told"),
    [
        (["- CC 1", "L CC 1"], (1.0, 10.0, "left")),
        (["B CC 1", "L CC 1"], (1.0, 10.0, "both")),
        (["- CC 1", "B CC 1"], (1.0, 10.0, "both")),
        (["L CC 1", "R CC 2"], (3.0, 30.0, "both")),
        (["L CC 1", "R CC 2", "- CC 2"], (3.0, 30.0, "both")),
        (["L CC 1", "R CC 2", "- CC 2", "B CC 3"], (3.0, 30.0, "both")),
        (["L CC 1.6", "R CC 1.5", "L MLO 2.0", "R MLO 1.9"], (3.9, 70.0, "both")),
        (["L CC 1.6", "R CC 1.5", "- CC 1.5", "L MLO 2.0", "- MLO 2.0"], (3.5, 51.0, "both")),
        (["L CC 1", "- MLO 2"], (2.0, 30.0, None)),
    ],
    ids=lambda value: " + ".join(value) if isinstance(value, list) else "",
)
def test_each_side_of_an_event_counts_once_in_whatever_order_it_is_told(
    views: list[str], told: tuple[float, float, str | None]
) -> None:
    """Who leaves the side out, or says both, repeats a side. Of a breast the higher view counts, and breasts add."""
    for order in permutations(views):
        exposure = only(*map(view, order))
        assert (exposure.agd_mgy, exposure.dap_mgycm2, exposure.side) == told, order
        assert (SIDES_ADDED in exposure.not_understood) is any("R" in one for one in views)  # no level is of it


def test_what_is_stated_of_both_sides_alone_is_added_to_what_each_states() -> None:
    """A dose area product of both breasts, beside the glandular dose of each."""
    of_each = [projection(*BREASTS[side], number("111631", "1", MGY)) for side in "LR"]
    of_both = projection(*BREASTS["B"], number("111631", "2", MGY), number("122130", "5e-6", GY_M2))
    for order in permutations([*of_each, of_both]):
        exposure = only(*order)
        assert (exposure.agd_mgy, exposure.dap_mgycm2, exposure.side) == (2.0, 50.0, "both")
        assert exposure.raw == {"agd": "1 mGy + 1 mGy", "dap": "5e-6 Gy.m2"}


def test_two_views_of_one_breast_under_one_uid_keep_the_higher() -> None:
    views = [(number("111631", dose, MGY), item("125203", "TEXT", TextValue=dose)) for dose in ("1", "2")]
    exposure = only(*(projection(LEFT_BREAST, *view) for view in views))
    assert (exposure.agd_mgy, exposure.side) == (2.0, "left")


# The report's totals.


def accumulated(plane: str, dap: str | None) -> Dataset:
    """The accumulated dose of one plane."""
    return item("113702", "CONTAINER", coded("113764", plane), number("113722", dap, GY_M2))


@pytest.mark.parametrize(
    ("planes", "total"),
    [
        ([("113620", "1e-6"), ("113621", "2e-6")], 30.0),
        ([("113620", "1e-6"), ("113621", "2e-6"), ("113890", "3e-6")], 30.0),
        ([("113620", "1e-6"), ("113621", None)], None),
        ([("113622", "0")], 0.0),
    ],
    ids=["both planes", "all planes beside them", "one plane not known", "nothing irradiated"],
)
def test_the_total_is_over_the_planes(planes: list[tuple[str, str | None]], total: float | None) -> None:
    """Summed once; with a plane not known the total is not known; a zero is a zero."""
    assert read(*(accumulated(*plane) for plane in planes)).report_totals == {"dap_mgycm2": total}


def test_a_report_of_totals_alone_is_a_dose_report() -> None:
    """No event, and yet a dose."""
    report = read(accumulated("113622", "1e-6"))
    assert (report.exposures, report.report_totals["dap_mgycm2"]) == ((), 10.0)


# Nuclear medicine, which no real file of the set shows (TID 10022).


def administration(*content: Dataset) -> Dataset:
    """A radiopharmaceutical administration with a UID, a start and an activity."""
    return item(
        "113502",
        "CONTAINER",
        uid("113503", "2.25.7"),
        item("123003", "DATETIME", DateTime="20240229083000+0100"),
        number("113507", "350000", "kBq"),
        *content,
    )


def test_a_radiopharmaceutical_administration_is_an_exposure() -> None:
    """Its own UID and start, its activity in MBq."""
    exposure = only(administration(coded("SCT:349358000", "SCT:1", "Fluorodeoxyglucose")))
    assert (exposure.kind, exposure.irradiation_event_uid) == ("RADIOPHARMACEUTICAL", "2.25.7")
    assert (exposure.activity_mbq, exposure.started_at) == (350.0, "2024-02-29T08:30:00+01:00")
    assert exposure.radiopharmaceutical == "Fluorodeoxyglucose"


@pytest.mark.parametrize(("nuclide", "modality"), [("SCT:77004003", "PT"), ("SCT:72454009", "NM")])
def test_a_positron_emitter_makes_it_pet(nuclide: str, modality: str) -> None:
    """Fluorine-18 against another radionuclide."""
    agent = coded("SCT:349358000", "SCT:1")
    agent.ContentSequence = Sequence([coded("SCT:89457008", nuclide)])
    assert only(administration(agent)).modality == modality


# Which objects are dose reports.


@pytest.mark.parametrize(
    "sop_class", [uids.EnhancedSRStorage, uids.ComprehensiveSRStorage, uids.Comprehensive3DSRStorage]
)
def test_a_general_report_is_a_dose_report_by_its_content(sop_class: str) -> None:
    """With an event it is one, without it is not."""
    for content, holds in ((ct(), True), (item("121071", "TEXT", TextValue="No finding"), False)):
        report = document(content, sop_class=sop_class)
        report.ConceptNameCodeSequence = code("18748-4", "LN")  # a title that is no dose report's
        assert holds_dose(tree_of(report)) is holds


def test_a_dose_report_class_without_content_is_announced_and_refused() -> None:
    """So that an empty one is reported to somebody, not passed over."""
    assert holds_dose(tree_of(document()))
    with pytest.raises(NoDoseContent, match=r"2\.25\.100 holds no irradiation event"):
        read_dose_report(tree_of(document()))


@pytest.mark.parametrize("sop_class", [uids.XRayRadiationDoseSRStorage, uids.EnhancedSRStorage])
@pytest.mark.parametrize(("stated", "totals"), [("236.09", {"dlp_mgycm": 236.09}), ("about 12", None)])
def test_accumulated_dose_alone_is_passed_on_where_it_is_known(
    sop_class: str, stated: str, totals: dict[str, float] | None
) -> None:
    """Without an event; it is a dose report either way."""
    sent = instance(SOPClassUID=sop_class)
    sent.ContentSequence = Sequence([item("113811", "CONTAINER", number("113813", stated, MGY_CM))])
    received = structured(part10(sent))
    found = document_of(read_instance(received.header), received.tree)
    assert found is not None
    told = None if found.dose is None else (found.dose.exposures, found.dose.totals)
    assert (found.report.kind, told) == ("DOSE", None if totals is None else ([], totals))


def test_an_image_with_dose_words_in_it_is_no_dose_report() -> None:
    """By its class."""
    assert not holds_dose(tree_of(document(ct(), sop_class=uids.CTImageStorage)))


def test_a_dataset_of_nothing_but_a_name_is_refused_without_a_traceback() -> None:
    """No SOP class, no UID, no content."""
    dataset = Dataset()
    dataset.PatientName = "ESSAI"
    assert not holds_dose(tree_of(dataset))
    with pytest.raises(NoDoseContent):
        read_dose_report(tree_of(dataset))


@pytest.mark.parametrize(
    ("name", "is_qa"),
    [
        ("PHYSICS12345", True),
        ("DAILY_QC^CT2", True),
        ("Contrôle Qualité^Salle 3", True),
        ("FANTOME^EAU", True),
        ("ACR PHANTOM^CT", True),
        ("ACR^QC", True),
        ("ACROYD^TESTINE", False),
        ("TESTINE^Acr", False),
        ("QATesting^Physics", True),
        ("QAZIMI^TESTINE", False),
        ("FANTONI^TESTINE", False),
        ("LI^QA", False),
        ("QA^LI", False),
        ("Physics^Ann", False),
        ("TESTINE^Phantom", False),
    ],
)
def test_test_exposures_are_told_by_name_and_people_are_not(name: str, is_qa: bool) -> None:
    """Whole words: a family name that starts alike is a family name, and some are short."""
    dataset = document(ct())
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = name
    assert read_dose_report(tree_of(dataset)).qa is is_qa


@pytest.mark.parametrize(
    ("description", "is_qa"),
    [
        ("Specials^PhysicsTesting (Adult)", True),
        ("Contrôle de qualité mensuel", True),
        ("CT QA", True),
        ("Douleurs membre fantôme", False),
        ("phantom limb pain", False),
        ("TDM thorax - constancy", False),
    ],
)
def test_a_complaint_is_not_taken_for_a_test(description: str, is_qa: bool) -> None:
    """What is tested is said otherwise."""
    dataset = document(ct())
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.StudyDescription = description
    assert read_dose_report(tree_of(dataset)).qa is is_qa


@pytest.mark.parametrize(
    ("protocols", "is_qa"), [(["Phantom 32"], True), (["Daily QA", "QA head"], True), (["Thorax", "Daily QA"], False)]
)
def test_protocols_tell_of_a_phantom_where_all_of_them_do(protocols: list[str], is_qa: bool) -> None:
    """One odd protocol in a patient's exam marks nothing."""
    acquired = [ct(item("125203", "TEXT", TextValue=told), event=f"2.25.{n}") for n, told in enumerate(protocols)]
    assert read(*acquired).qa is is_qa


@pytest.mark.parametrize(
    ("regions", "is_qa"),
    [
        (["SCT:706342009", "SRT:R-FE0C7"], True),
        (["SCT:706342009", "SRT:T-D3000"], False),
        (["SCT:706342009", None], False),
        (["99X:706342009"], False),
    ],
)
def test_the_code_of_a_phantom_tells_of_one_where_all_regions_have_it(regions: list[str | None], is_qa: bool) -> None:
    """CID 4031, whatever the words."""
    acquired = [
        ct(*([coded("123014", region, "x")] if region else []), event=f"2.25.{n}") for n, region in enumerate(regions)
    ]
    assert read(*acquired).qa is is_qa


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20160818192617.043", "2016-08-18T19:26:17.043"),
        ("20160818192617", "2016-08-18T19:26:17"),
        ("201608181926", "2016-08-18T19:26"),
        ("20160818", "2016-08-18"),
        ("19970101000631.737+0000", "1997-01-01T00:06:31.737+00:00"),
        ("20230229", None),
        ("201608", None),
        ("20160818246060", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times_are_kept_in_the_precision_and_zone_that_were_encoded(text: str, expected: str | None) -> None:
    """No zone is invented, and no date that does not exist is passed on."""
    assert iso(text) == expected


# What a device checks.

YES = ("SRT:R-0038D", "SNM3:R-0038D", "SCT:R-0038D", "DCM:R-0038D", "SRT:373066001", "SCT:373066001", "DCM:373066001")


@pytest.mark.parametrize("code_of", YES)
@pytest.mark.parametrize("words", ["Kyllä", "No", ""])
def test_a_code_says_yes_whatever_its_words(code_of: str, words: str) -> None:
    """In each scheme that devices use, in any language and without words."""
    assert only(ct(coded("113901", code_of, words))).dose_check_on == {"dlp_alert_configured"}


@pytest.mark.parametrize("code_of", ["SRT:R-00339", "SCT:373067005", "DCM:R-00339"])
def test_a_code_says_no_whatever_its_words(code_of: str) -> None:
    assert only(ct(coded("113901", code_of, "Yes"))).dose_check_on == frozenset()


@pytest.mark.parametrize(
    ("codes", "quantity", "kind"),
    [
        (("113901", "113903", "113905"), "dlp_mgycm", "device_check"),
        (("113902", "113904", "113906"), "ctdivol_mgy", "device_check"),
        (("113909", "113911", "113913"), "dlp_mgycm", "device_notification"),
        (("113910", "113912", "113914"), "ctdivol_mgy", "device_notification"),
    ],
)
def test_each_level_that_the_device_found_passed_is_an_alert(
    codes: tuple[str, str, str], quantity: str, kind: str
) -> None:
    configured, level, estimate = codes
    unit = MGY_CM if quantity == "dlp_mgycm" else MGY
    told = received_dose(
        read(ct(coded(configured, "SRT:R-0038D"), number(level, "100", unit), number(estimate, "251", unit)))
    )
    (alert,) = device_checks({"report_uid": told.report_uid, "exposures": told.exposures}, AlertRules())
    assert (alert["kind"], alert["value"], alert["threshold"]) == (f"{quantity}_{kind}", 251.0, 100.0)


# A summary under a vendor's codes.


def summary_of(*content: Dataset) -> DoseReport:
    return read_dose_report(tree_of(document(*content, sop_class=uids.EnhancedSRStorage)))


@pytest.mark.parametrize(("title", "holds"), [("113701", True), ("113500", True), ("126000", False)])
def test_a_title_says_dose_by_its_code_whatever_its_words(title: str, holds: bool) -> None:
    """126000: Imaging Measurement Report."""
    report = document(item("121071", "TEXT", TextValue="No finding"), sop_class=uids.EnhancedSRStorage)
    report.ConceptNameCodeSequence = code(title, meaning="Annosraportti")
    assert holds_dose(tree_of(report)) is holds


@pytest.mark.parametrize("within", [True, False])
def test_a_vendors_total_that_is_known_is_the_reports(within: bool) -> None:
    """At the root or in a container of the vendor's."""
    dap = number("99SMS_RADSUM:C-204", "0.2359", "Gy.cm^2")
    read_from = summary_of(item("99SMS_RADSUM:C-200", "CONTAINER", dap) if within else dap)
    assert (read_from.report_totals, read_from.exposures, read_from.not_understood) == ({"dap_mgycm2": 235.9}, (), ())
    assert (read_from.raw_totals, read_from.modality) == ({"dap_mgycm2": "0.2359 Gy.cm^2"}, "RF")


def test_a_vendors_dose_that_is_not_known_is_noted_beside_the_one_that_is() -> None:
    """And a time is no dose."""
    others = number("99SMS_RADSUM:C-206", "12", MGY), number("99SMS_RADSUM:C-202", "61", "s")
    found = summary_of(number("99SMS_RADSUM:C-204", "0.2359", "Gy.cm^2"), *others)
    assert found.not_understood == ("99SMS_RADSUM:C-206: a dose under a code that is not known",)


def test_a_vendors_total_is_left_out_where_the_report_states_its_own() -> None:
    """Nothing counts twice."""
    own = item("113702", "CONTAINER", number("113722", "0.0001", GY_M2))
    assert summary_of(own, number("99SMS_RADSUM:C-204", "5", "Gy.cm^2")).report_totals == {"dap_mgycm2": 1_000.0}


# What the record keeps beside the doses.


def test_the_template_the_plane_and_the_offset_of_an_event_are_passed_on() -> None:
    """Planes by code, whatever their words; the offset only where it is encoded."""
    plane_b = projection(coded("113764", "113621", "Ebene B"), item("111526", "DATETIME", DateTime="20240229083000"))
    (told,) = received_dose(read(plane_b)).exposures
    assert (told["template"], told["plane"], told["started_offset"], told["source"]) == ("10003", "B", None, "report")
    (given,) = received_dose(read(administration())).exposures
    assert (given["template"], given["started_offset"]) == ("10022", "+01:00")


def test_planes_that_were_joined_are_all_planes() -> None:
    planes = [projection(coded("113764", plane), number("122130", "1e-6", GY_M2)) for plane in ("113620", "113621")]
    assert only(*planes).plane == "all"


@pytest.mark.parametrize(
    ("stated", "warnings"),
    [("12", []), ("12.01", []), ("12.5", ["sum_differs:dlp_mgycm"]), ("0", ["sum_differs:dlp_mgycm"]), (None, [])],
)
def test_a_total_that_the_events_do_not_add_up_to_is_a_warning(stated: str | None, warnings: list[str]) -> None:
    """A thousandth is rounding; a total that is not known is compared with nothing."""
    total = item("113811", "CONTAINER", number("113813", stated, MGY_CM))
    events = [ct(number("113838", dose, MGY_CM), event=f"2.25.{dose}") for dose in ("4", "8")]
    assert received_dose(read(total, *events)).warnings == warnings


def test_each_breast_is_compared_with_its_own_total() -> None:
    """0.9 and 0.4 by the report, the other way round by its events: the sum over both says nothing."""
    sides = {"left": ("SCT:7771000", "0.9", "0.4"), "right": ("SCT:24028007", "0.4", "0.9")}
    totals = [accumulated_agd(code_of, stated) for code_of, stated, _ in sides.values()]
    events = [
        projection(coded("SCT:272741003", code_of), number("111631", dose, MGY), event=f"2.25.{n}")
        for n, (code_of, _, dose) in enumerate(sides.values())
    ]
    told = received_dose(read(item("113702", "CONTAINER", *totals), *events))
    assert told.warnings == ["sum_differs:agd_left_mgy", "sum_differs:agd_right_mgy"]


def accumulated_agd(side: str, dose: str) -> Dataset:
    """The accumulated average glandular dose of one breast."""
    made = number("111637", dose, MGY)
    made.ContentSequence = Sequence([coded("SCT:272741003", side)])
    return made


def test_a_total_that_one_container_states_twice_is_no_second_one() -> None:
    """Equal, and of the same: once. Of two phantoms, or of breasts that nobody names: two."""
    twice = item("113702", "CONTAINER", number("113722", "1e-6", GY_M2), number("113722", "1e-6", GY_M2))
    assert read(twice).report_totals == {"dap_mgycm2": 10.0}
    assert read(twice).tolerances == {"value_stated_twice": 1}
    phantoms = [number("113813", "7", MGY_CM) for _ in range(2)]
    for one, phantom in zip(phantoms, ("113690", "113691"), strict=True):
        one.ContentSequence = Sequence([coded("113835", phantom)])
    assert read(item("113811", "CONTAINER", *phantoms)).report_totals == {"dlp_mgycm": 14.0}
    breasts = item("113702", "CONTAINER", number("111637", "0.9", MGY), number("111637", "0.9", MGY))
    assert read(breasts).report_totals == {"agd_mgy": 1.8}


def test_a_total_of_several_values_says_that_the_first_was_kept() -> None:
    total = number("113722", "1e-6", GY_M2)
    total.MeasuredValueSequence.append(number("113722", "9e-6", GY_M2).MeasuredValueSequence[0])
    told = read(item("113702", "CONTAINER", total))
    assert told.report_totals == {"dap_mgycm2": 10.0}
    assert told.not_understood == ("total dap_mgycm2: 2 values stated, the first was kept",)


# Events that share a UID, or stand in each other.


@pytest.mark.parametrize("order", ["AB", "ABA", "AAB", "ABB", "ABAB"])
def test_an_acquisition_that_is_told_again_adds_nothing_to_others_under_its_uid(order: str) -> None:
    """Two acquisitions under one UID add up, each once, in whatever order they are repeated."""
    told = {"A": ("20240101080000", "1e-6"), "B": ("20240101080100", "2e-6")}
    events = [
        projection(item("111526", "DATETIME", DateTime=at), number("122130", dap, GY_M2))
        for at, dap in (told[letter] for letter in order)
    ]
    assert only(*events).dap_mgycm2 == 30.0


def test_an_event_within_another_one_is_an_event_of_its_own() -> None:
    """Neither takes the other's UID, dose or words."""
    inner = ct(number("113838", "7", MGY_CM), item("125203", "TEXT", TextValue="Thorax"), event="2.25.2")
    outer = ct(number("113838", "5", MGY_CM), inner, number("113830", "2", MGY), event=None)
    first, second = read(outer).exposures
    assert (first.dlp_mgycm, first.ctdivol_mgy, first.protocol, first.irradiation_event_uid == "2.25.2") == (
        *(5.0, 2.0, None),
        False,
    )
    assert (second.dlp_mgycm, second.protocol, second.irradiation_event_uid) == (7.0, "Thorax", "2.25.2")


@pytest.mark.parametrize(("exact", "notes"), [(12.004, 0), (12.0, 0), (120.0, 1)])
def test_a_value_that_full_precision_contradicts_is_told(exact: float, notes: int) -> None:
    dose = number("113838", "12", MGY_CM)
    dose.MeasuredValueSequence[0].FloatingPointValue = exact
    exposure = only(ct(dose))
    assert (exposure.dlp_mgycm, len(exposure.not_understood)) == (12.0, notes)


@pytest.mark.parametrize(
    "title", ["Dosisbericht", "Strahlendosis", "Röntgendosis", "Strahlenexposition", "Dosisprotokoll"]
)
def test_a_title_says_dose_in_compound_words(title: str) -> None:
    root = document(item("99X:1", "CONTAINER", number("99X:2", "5", MGY)), sop_class=uids.ComprehensiveSRStorage)
    root.ConceptNameCodeSequence, root.SpecificCharacterSet = code("1", "99X", title), "ISO_IR 192"
    assert holds_dose(tree_of(root))
