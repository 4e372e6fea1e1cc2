"""A region has one name under the codes of older and of newer devices; pydicom's table says which are the same."""

import pytest
from pydicom.sr._snomed_dict import mapping

from domain.dose_regions import _CODES, region_of


def test_each_retired_code_is_the_one_that_the_standard_gives_it() -> None:
    retired = {code: one for one, others in _CODES.items() for code in others if not code.isdecimal()}
    assert {code: mapping["SRT"][code] for code in retired} == retired
    assert len({code for others in _CODES.values() for code in others} & _CODES.keys()) == 0


def test_codes_of_one_region_have_one_name_and_words_are_no_code() -> None:
    assert region_of("SRT:T-32000", "Herz") == region_of("SCT:80891009", None) == "sct:80891009"
    assert region_of("SCT:818981001", None) == region_of("SRT:T-D4000", None)
    assert region_of(None, " Heart  apex ") == "heart apex"
    assert region_of("99X:7", "Heart") == "99x:7"
    assert region_of(None, "") is region_of("", None) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SRT:T-D0001", "Topography unknown"),
        ("SRT:T-D0001", None),
        ("99GEMS:00001", "Unknown"),
        ("SCT:261665006", None),
        (None, "UNKNOWN"),
    ],
)
def test_a_region_that_a_device_calls_unknown_is_not_known(code: str | None, words: str | None) -> None:
    """As real C-arms and scanners write it: such a dose adds to the skin of each region."""
    assert region_of(code, words) is None
