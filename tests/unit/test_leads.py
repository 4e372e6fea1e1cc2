"""What leads an establishment's search to few rows leaves out nobody whom its keys find."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.matching.spellings import family_spellings
from domain.query_keys import BadKey, Kind, condition, fits
from krypton.queries.leads import to_people, to_studies

WORDS = ["ST", "STE", "SAINT", "MC", "MAC", "DONALD", "JEAN", "DE", "LA", "TOUR", "É", "œ", "S", "M", "4", "A1", "D'OR"]
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)
joined = st.builds(lambda parts, sign: sign.join(parts), names, st.sampled_from([" ", "-", "", "  "]))


def led_to(lead: Any, family: str, used: str | None) -> bool:
    """Whether the index of names has somebody of that name below what leads."""
    _, patterns = lead
    begins = tuple(pattern.removesuffix("%") for pattern in patterns.values())
    return any(spelling.name.startswith(begins) for spelling in family_spellings(family, used))


@given(family=joined, used=st.one_of(st.none(), joined), key=joined, cut=st.integers(1, 12))
@example(family="ST JEAN", used=None, key="STJEAN", cut=6)
@example(family="LE MC DONALD", used=None, key="LEMCDONALD", cut=9)
@example(family="山田", used=None, key="山田", cut=2)
@example(family="SAINT JEAN", used=None, key="saint-jean", cut=7)
def test_a_name_leads_to_everybody_whom_it_finds(family: str, used: str | None, key: str, cut: int) -> None:
    for asked in (f"{key[:cut]}*", f"{key}^ALEX", f"{family[:cut]}*", f"{family}^A*"):
        said = [f"{name}^ALEX" for name in (family, used) if name]
        if not fits(condition("PatientName", Kind.WORDS, asked), said):
            continue
        lead = to_people({"PatientName": asked})
        assert lead is None or led_to(lead, family, used), (asked, lead)


@pytest.mark.parametrize("name", ["*", "*A", "A*", "?AB", "", "12*"])
def test_a_name_without_two_letters_leads_nowhere(name: str) -> None:
    assert to_people({"PatientName": name}) is None


@pytest.mark.parametrize(
    ("keys", "leads"),
    [
        ({"PatientID": "1"}, True),
        ({"PatientID": "1*"}, False),
        ({"PatientBirthDate": "19700131"}, True),
        ({"PatientBirthDate": "19700101-19700131"}, False),
        ({"IssuerOfPatientID": "CHB"}, False),
    ],
)
def test_what_leads_to_people(keys: dict[str, str], leads: bool) -> None:
    assert (to_people(keys) is not None) is leads


@pytest.mark.parametrize(
    ("keys", "leads"),
    [
        ({"StudyInstanceUID": "1.2"}, True),
        ({"AccessionNumber": "A1"}, True),
        ({"AccessionNumber": "A*"}, False),
        ({"StudyDate": "20260101-20260131"}, True),
        ({"StudyDate": "20260101-20260201"}, False),
        ({"StudyDate": "20260101-"}, False),
        ({"ModalitiesInStudy": "CT"}, False),
    ],
)
def test_what_leads_to_studies(keys: dict[str, str], leads: bool) -> None:
    assert (to_studies(keys) is not None) is leads


def test_a_day_that_is_none_is_told() -> None:
    with pytest.raises(BadKey, match="no such day"):
        to_studies({"StudyDate": "20260231"})
