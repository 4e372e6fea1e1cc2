"""Each tolerance by its name: what is read all the same, and that the record says so."""

from collections.abc import Callable
from functools import partial

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adapters.dicom.rdsr.received import received_dose
from adapters.dicom.rdsr.report import DoseReport, read_dose_report
from adapters.dicom.rdsr.tolerances import TOLERANCES
from tests.fakes.dicom import tree_of
from tests.unit.test_dose_report import coded, ct, document, item, number, projection

DLP = "113838"


def dlp(change: Callable[[Dataset], None], text: str = "3", unit: str = "mGy.cm") -> Dataset:
    """An acquisition whose DLP is odd in one respect."""
    made = number(DLP, text, unit)
    change(made)
    return ct(made)


def measured(made: Dataset) -> Dataset:
    found: Dataset = made.MeasuredValueSequence[0]
    return found


def without_words(made: Dataset) -> None:
    del made.ConceptNameCodeSequence[0].CodeMeaning


def without_scheme(made: Dataset) -> None:
    del made.ConceptNameCodeSequence[0].CodingSchemeDesignator


def in_small_letters(made: Dataset) -> None:
    made.ConceptNameCodeSequence[0].CodingSchemeDesignator = "dcm"


def as_a_long_code(made: Dataset) -> None:
    entry = made.ConceptNameCodeSequence[0]
    del entry.CodeValue
    entry.LongCodeValue = DLP


def as_a_float(made: Dataset) -> None:
    del measured(made).NumericValue
    measured(made).FloatingPointValue = 3.0


def with_two_equal_values(made: Dataset) -> None:
    made.MeasuredValueSequence.append(measured(made))


def with_the_unit_in_words(made: Dataset) -> None:
    unit = measured(made).MeasurementUnitsCodeSequence[0]
    unit.CodeValue, unit.CodeMeaning = "", "mGy.cm"


def nothing(_: Dataset) -> None:
    """As it is."""


def odd_time() -> Dataset:
    made = item("111526", "DATETIME")
    made.add_new("DateTime", "LO", "2024-01-02T03:04:05")
    return made


def with_latin_1_declared() -> DoseReport:
    made = document(ct(item("125203", "TEXT"), number(DLP, "3", "mGy.cm")))
    made.SpecificCharacterSet = "ISO_IR 100"
    made.ContentSequence[0].ContentSequence[1].add_new("TextValue", "UT", "Tête".encode().decode("latin-1"))
    return read_dose_report(tree_of(made))


def of_event(made: Dataset) -> DoseReport:
    return read_dose_report(tree_of(document(made)))


READ: dict[str, Callable[[], DoseReport]] = {
    name: partial(of_event, made)
    for name, made in {
        "unit_spelling": dlp(nothing, unit="mGycm"),
        "unit_in_words": dlp(with_the_unit_in_words),
        "decimal_comma": dlp(nothing, text="3,0"),
        "double_measured_value": dlp(with_two_equal_values),
        "floating_point_alone": dlp(as_a_float),
        "code_without_meaning": dlp(without_words),
        "code_without_scheme": dlp(without_scheme),
        "code_in_small_letters": dlp(in_small_letters),
        "long_code_value": dlp(as_a_long_code),
        "code_in_retired_scheme": ct(coded("123014", "SNM3:T-D3000"), number(DLP, "3", "mGy.cm")),
        "value_stated_twice": ct(number(DLP, "3", "mGy.cm"), number(DLP, "3", "mGy.cm")),
        "odd_date_time": ct(odd_time(), number(DLP, "3", "mGy.cm")),
        "yes_in_another_scheme": ct(coded("113901", "DCM:R-0038D"), number(DLP, "3", "mGy.cm")),
        "yes_in_words": ct(coded("113901", "99X:1", "Oui"), number(DLP, "3", "mGy.cm")),
        "event_without_uid": ct(number(DLP, "3", "mGy.cm"), event=None),
        "empty_measured_value": ct(number("113830", None, "mGy"), number(DLP, "3", "mGy.cm")),
    }.items()
} | {"text_under_other_charset": with_latin_1_declared}


def test_each_tolerance_has_a_test() -> None:
    assert READ.keys() == TOLERANCES.keys()


@pytest.mark.parametrize("name", READ)
def test_what_is_odd_in_one_respect_is_read_and_the_record_says_what_it_took(name: str) -> None:
    """3 mGy·cm, whatever is odd; and of nothing else is anything said."""
    report = READ[name]()
    (exposure,) = report.exposures
    assert exposure.dlp_mgycm == 3.0
    assert received_dose(report).tolerances == {name: report.tolerances[name]}
    assert report.tolerances[name] >= 1


@pytest.mark.parametrize(
    ("values", "kept", "note"),
    [(("3", "4"), 3.0, "dlp: 2 values stated, the first was kept"), (("", "4"), 4.0, None)],
)
def test_measured_values_that_differ_are_told(values: tuple[str, str], kept: float, note: str | None) -> None:
    """Two in one measurement: the first is kept, and nothing is silent. An empty one beside a value is passed over."""
    made = number(DLP, values[0], "mGy.cm")
    made.MeasuredValueSequence = Sequence([measured(number(DLP, value, "mGy.cm")) for value in values])
    (exposure,) = read_dose_report(tree_of(document(ct(made)))).exposures
    assert (exposure.dlp_mgycm, exposure.not_understood) == (kept, (note,) if note else ())


def test_a_unit_whose_code_says_something_else_is_not_read_by_its_words() -> None:
    """Code and words contradict each other: nobody knows which is right."""
    made = number(DLP, "3", "MGy.cm")
    measured(made).MeasurementUnitsCodeSequence[0].CodeMeaning = "mGy.cm"
    (exposure,) = read_dose_report(tree_of(document(ct(made)))).exposures
    assert exposure.dlp_mgycm is None


def test_a_retired_code_in_small_letters_is_read() -> None:
    """Case 44: mammography."""
    made = document(coded("121058", "SRT:p5-40010"), projection(number("111631", "1.3", "mGy")))
    assert read_dose_report(tree_of(made)).modality == "MG"
