"""What two records contradict each other in, told by their sketches alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching.agreement import agreement
from domain.matching.levels import Birth, Place, Sex
from domain.matching.record import Record, record
from domain.matching.sketches import contradictions, sketch
from domain.traits import TRAITS

BASE: dict[str, str | None] = {
    "family": "FICTIVE",
    "given": "Lea",
    "birth_date": "1957-04-12",
    "sex": "F",
    "birth_place": "33063",
}


def between(changed: dict[str, str | None]) -> int:
    one, other = (sketch(record(stated)) for stated in (BASE, BASE | changed))
    assert contradictions(one, other) == contradictions(other, one)
    return contradictions(one, other)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"sex": "I"},
        {"sex": None, "birth_place": None, "birth_date": None, "given": None},
        {"birth_place": "33001"},
        {"family": "LEA", "given": "FICTIVE"},
        {"family": "AUTRE"},
        {"given": "Zoe"},
        {"birth_date": "1957-05-12"},
        {"birth_date": "1957-04-21"},
        {"birth_date": "1957-12-04"},
        {"birth_date": "1957-01-01"},
        {"birth_date": "1957-00-00"},
        {"birth_date": "1952-04-12"},
        {"birth_date": "1967-04-12"},
        {"birth_date": "1975-04-12"},
    ],
)
def test_one_slip_or_what_is_not_known_contradicts_nothing(changed: dict[str, str | None]) -> None:
    assert between(changed) == 0


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ({"sex": "M"}, 1),
        ({"birth_place": "75056"}, 1),
        ({"birth_place": "99352"}, 1),
        ({"birth_date": "1957-06-30"}, 1),
        ({"birth_date": "1942-04-12"}, 1),
        ({"birth_date": "1952-04-13"}, 1),
        ({"birth_date": "1958-01-01"}, 1),
        ({"family": "AUTRE", "given": "Zoe"}, 1),
        ({"sex": "M", "birth_place": "75056", "birth_date": "1942-06-30", "family": "AUTRE", "given": "Zoe"}, 4),
    ],
)
def test_each_trait_that_differs_beyond_a_slip_is_a_contradiction(changed: dict[str, str | None], count: int) -> None:
    assert between(changed) == count


def test_a_commune_that_changed_its_department_is_one_district() -> None:
    """Boulogne was in the department of Paris, where older records have it."""
    assert contradictions(*(sketch(record({"birth_place": code})) for code in ("75012", "92012"))) == 0


def test_a_sketch_is_the_same_on_every_machine() -> None:
    assert sketch(record(BASE)) == 850457864978


RECORDS = st.builds(
    record,
    st.fixed_dictionaries({trait: st.none() | st.text() for trait in TRAITS})
    | st.fixed_dictionaries(
        {
            "sex": st.sampled_from(["F", "M", "I", None]),
            "birth_date": st.dates().map(str),
            "birth_place": st.sampled_from(["33063", "33001", "75112", "92012", "2A004", "99352", None]),
        }
    ),
)


@given(RECORDS)
def test_any_record_has_a_sketch_that_fits_and_contradicts_itself_in_nothing(one: Record) -> None:
    assert 0 <= sketch(one) < 2**43
    assert contradictions(sketch(one), sketch(one)) == 0


@given(RECORDS, RECORDS)
def test_what_agrees_is_no_contradiction(one: Record, other: Record) -> None:
    found = agreement(one, other)
    agreeing = (
        found.sex is not Sex.DIFFERENT,
        found.place in (Place.UNKNOWN, Place.EQUAL, Place.DEPARTMENT),
        found.birth in (Birth.UNKNOWN, Birth.EXACT, Birth.WEAK, Birth.IN_PART, Birth.SWAPPED),
    )
    assert contradictions(sketch(one), sketch(other)) <= 4 - sum(agreeing)
