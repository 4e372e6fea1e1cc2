"""A region has one name under the codes of older and of newer devices; pydicom's table says which are the same."""

import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from domain.dose_region_codes import CODES
from domain.dose_regions import region_of


def test_each_retired_code_is_the_one_that_the_standard_gives_it() -> None:
    retired = {code: one for one, others in CODES.items() for code in others if not code.isdecimal()}
    assert {code: mapping["SRT"][code] for code in retired} == retired
    assert len({code for others in CODES.values() for code in others} & CODES.keys()) == 0


REGIONS = {
    code
    for group in (4030, 4031)
    for keyword in cid_concepts[group]["SCT"]
    for code, (_, groups) in concepts["SCT"][keyword].items()
    if group in groups
}


def test_a_region_is_one_under_its_retired_code_and_its_own() -> None:
    """All of CT, MR and PET Anatomy Imaged (CID 4030) and of Common Anatomic Regions (CID 4031)."""
    retired = {old: new for old, new in mapping["SRT"].items() if new in REGIONS}
    assert len(retired) > 120
    apart = [old for old, new in retired.items() if region_of(f"SRT:{old}", "x") != region_of(f"SCT:{new}", "y")]
    assert apart == []


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("SRT:T-D3000", "816094009"),  # chest
        ("SCT:51185008", "816094009"),
        ("SRT:R-FAB57", "818982008"),  # abdomen and pelvis
        ("SRT:T-D00F7", "1217257000"),  # cervico-thoracic spine
        ("SCT:297172009", "1217256009"),  # thoraco-lumbar spine
        ("SRT:T-D00F9", "1217253001"),  # lumbo-sacral spine
        ("SRT:T-D00FA", "1217254007"),  # sacro-coccygeal spine
    ],
)
def test_a_region_is_one_under_the_code_that_the_standard_gave_it_before(before: str, now: str) -> None:
    assert now in REGIONS
    assert region_of(before, None) == region_of(f"SCT:{now}", None)


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
