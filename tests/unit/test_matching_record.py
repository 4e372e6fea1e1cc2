"""A record's dates, places and number as matching compares them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ins import key_of, qualified
from domain.matching.birth_dates import Born, born
from domain.matching.birth_places import codes, department, place, same_place
from domain.matching.record import record
from domain.traits import TRAITS

TEST = "1.2.250.1.213.1.4.10"
WOMAN = {"birth_date": "1980-04-12", "sex": "F", "birth_place": "33063"}


def numbered(thirteen: str) -> str:
    found = qualified(f"{thirteen}{key_of(thirteen):02}", TEST)
    assert found
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1980-04-12", Born(1980, 4, 12, False)),
        ("1950-00-00", Born(1950, 0, 0, False)),
        ("1950-03-00", Born(1950, 3, 0, False)),
        ("1950-00-12", Born(1950, 0, 0, False)),
        ("1950-31-00", Born(1950, 31, 0, True)),
        ("1950-42-31", Born(1950, 42, 31, True)),
        ("1980-02-30", Born(1980, 2, 0, False)),
        ("1900-01-01", None),
        ("0000-00-00", None),
        ("9999-12-31", None),
        ("12/04/1980", None),
        ("", None),
        (None, None),
    ],
)
def test_a_birth_date_is_known_as_far_as_it_is_stated(text: str | None, expected: Born | None) -> None:
    assert born(text) == expected


@pytest.mark.parametrize("family", ["SANS", "PATIENT"])
def test_a_family_name_that_some_write_for_no_name_is_one_where_a_given_name_stands_beside_it(family: str) -> None:
    """And as a given name it is none."""
    bearer = record({"family": family, "given": "Lea"})
    assert bearer.family
    assert bearer.family.whole == family
    for nobody in ({"given": "INCONNU"}, {"given": "X"}, {"given": family}, {}):
        assert record({"family": family, **nobody}).family is None
    assert record({"family": family, "given": "INCONNU", "first_names": "Lea Rose"}).family


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("75112", "75056"),
        ("75056", "75056"),
        ("13208", "13055"),
        ("69385", "69123"),
        ("2A004", "20004"),
        ("2b033", "20033"),
        ("20004", "20004"),
        ("99352", "99352"),
        ("99999", None),
        ("00000", None),
        ("PARIS", None),
        ("٣٣٠٦٣", None),
        (None, None),
    ],
)
def test_a_birth_place_has_one_form(text: str | None, expected: str | None) -> None:
    assert place(text) == expected


def test_a_commune_that_changed_department_is_one_place() -> None:
    assert same_place("75012", "92012")
    assert same_place("91228", "78228")
    assert not same_place("75012", "91012")
    assert not same_place("75056", "94056"), "an arrondissement of Paris and Périgny"
    assert not same_place("33063", "33064")


@pytest.mark.parametrize(
    ("text", "some", "others"),
    [
        ("75056", ("75056", "75101", "75120"), ("75121", "94056", "92056")),
        ("75113", ("75056", "75101", "75113"), ("94113",)),
        ("69123", ("69123", "69381", "69389"), ("69380", "69390")),
        ("2A004", ("2A004", "20004"), ("2B004",)),
        ("20004", ("2A004", "2B004", "20004"), ()),
        ("92050", ("92050", "75050", "78050"), ("93050", "91050")),
        ("75050", ("75050", "92050", "93050", "94050"), ("78050",)),
        ("94056", ("94056",), ("75056", "75101")),
        ("33063", ("33063",), ("33064",)),
        ("99352", ("99352",), ("99351",)),
    ],
)
def test_a_birth_place_is_sought_under_every_code_that_it_may_have(
    text: str, some: tuple[str, ...], others: tuple[str, ...]
) -> None:
    found = codes(text)
    assert {*some} <= found
    assert not {*others} & found
    assert len(found) <= 21


def test_what_is_no_birth_place_is_sought_as_it_is() -> None:
    assert codes("99999") == {"99999"}


def test_abroad_the_country_stands_for_the_department() -> None:
    assert [department(code) for code in ("33063", "20004", "99352")] == ["33", "20", "99352"]


@pytest.mark.parametrize(
    ("thirteen", "differs", "own"),
    [
        ("2800433063012", (), True),
        ("2800413055012", ("birth_place",), True),
        ("1790333063012", ("sex", "year", "month"), False),
        ("1800413055012", ("sex", "birth_place"), False),
        ("2802033063012", (), True),  # month 20: not known to the register
    ],
)
def test_a_number_that_contradicts_the_record_twice_is_somebody_elses(
    thirteen: str, differs: tuple[str, ...], own: bool
) -> None:
    found = record(WOMAN, numbered(thirteen)).number
    assert found
    assert (found.differs, found.own) == (differs, own)


def test_a_corsican_number_agrees_with_both_codes_of_its_commune() -> None:
    corsican = numbered("185072A004012")
    for code in ("2A004", "20004"):
        found = record({"birth_date": "1985-07-01", "sex": "M", "birth_place": code}, corsican).number
        assert found
        assert found.differs == ()


@given(st.fixed_dictionaries({trait: st.none() | st.text() for trait in TRAITS}), st.none() | st.text())
def test_any_traits_give_a_record(traits: dict[str, str | None], ins: str | None) -> None:
    assert record(traits, ins) == record(dict(traits), ins)
