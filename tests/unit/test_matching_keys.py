"""Two records of one person share a key; those of whom nothing is known have none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.matching.agreement import agreement
from domain.matching.candidates import candidates
from domain.matching.keys import keys, may_contradict, of_merges, texts
from domain.matching.limits import Limits, Placeless
from domain.matching.record import record
from domain.matching.tiers import strict, sure
from domain.traits import TRAITS

BASE: dict[str, str | None] = {
    "family": "FICTIVE",
    "given": "Lætitia",
    "birth_date": "1980-04-12",
    "sex": "F",
    "birth_place": "33063",
}
NUMBER = "1.2.250.1.213.1.4.10|280043306301283"


@pytest.mark.parametrize(
    "changed",
    [
        {"family": "FICTIF"},
        {"given": "Marion"},
        {"family": "LAETITIA", "given": "FICTIVE", "birth_place": None},
        {"family": "MARTIN", "used_name": "FICTIVE", "birth_place": None},
        {"family": "MARTIN", "birth_place": None},
        {"birth_date": "1980-12-04"},
        {"birth_date": "1980-04-13"},
        {"birth_date": "1981-04-12"},
        {"birth_date": "1980-00-00"},
        {"given": "Laeticia", "family": "FICTIBE"},
        {"given": "Laetita", "birth_date": "1980-04-13"},
        {"birth_place": "99999", "sex": "I"},
        {"given": None, "birth_date": "1980-05-21"},
    ],
)
def test_two_records_of_one_person_share_a_key(changed: dict[str, str | None]) -> None:
    assert keys(record(BASE)) & keys(record(BASE | changed))


@pytest.mark.parametrize("date", ["1980-04-00", "1980-12-04", "1980-04-13", "1984-04-12"])
@pytest.mark.parametrize("family", ["FICTIVE", None])
def test_a_woman_by_her_married_name_is_compared_though_the_birth_date_slipped(family: str | None, date: str) -> None:
    married = BASE | {"family": family, "used_name": "DURAND"}
    assert [*candidates([record(married), record(BASE | {"family": "DURAND", "birth_date": date})])]


def test_one_number_is_a_key_whatever_else_differs() -> None:
    one, other = record(BASE, NUMBER), record({"family": "TESTPATIENT", "given": "Theo"}, NUMBER)
    assert keys(one) & keys(other)


def test_placeholders_give_no_key() -> None:
    nobody = {"family": "INCONNU", "given": "X", "birth_date": "1900-01-01", "sex": "I", "birth_place": "99999"}
    assert not keys(record(nobody))
    assert not keys(record({"family": "FICTIVE", "given": "Lea"}))


APART_FROM_THE_YEAR = ("number|", "stem+month+day|", "tail+month+day|", "names+decade+day|")


def test_no_key_is_made_of_names_alone() -> None:
    found = texts(record({**BASE, "used_name": "MARTIN", "first_names": "Lætitia Rose"}, NUMBER))
    assert 9 <= len(found) <= 17
    assert all("1980" in text or text.startswith(APART_FROM_THE_YEAR) for text in found)


@given(st.fixed_dictionaries({trait: st.none() | st.text() for trait in TRAITS}))
def test_any_record_has_at_most_seventeen_keys_of_64_bits(traits: dict[str, str | None]) -> None:
    found = keys(record(traits, NUMBER))
    assert len(found) <= 17
    assert all(-(2**63) <= key < 2**63 for key in found)


def test_keys_are_the_same_on_every_machine() -> None:
    assert sorted(keys(record({"birth_date": "1980-04-12", "birth_place": "33063"}))) == [-6779830706757011220]


def test_the_less_a_key_says_the_less_may_contradict() -> None:
    """Of one number: nearly all else; of one day and name: one thing; of one day and place: nothing."""
    number, named, rest = (
        {may_contradict(key) for key in keys(record(stated, ins))}
        for stated, ins in (
            ({}, NUMBER),
            ({"family": "FICTIVE", "birth_date": "1980-04-12"}, None),
            ({"birth_date": "1980-04-12", "birth_place": "33063"}, None),
        )
    )
    assert (number, named, rest) == ({3}, {1}, {0})


LIKE_BASE = st.fixed_dictionaries(
    {
        "family": st.sampled_from(["FICTIVE", "FICTIF", "LE FICTIVE", "MARTIN", "LAETITIA", None]),
        "given": st.sampled_from(["Lætitia", "Laeticia", "Rose", "FICTIVE", "Lætitia-Rose", None]),
        "birth_date": st.sampled_from(["1980-04-12", "1980-12-04", "1980-00-00", "1900-01-01"]),
        "sex": st.sampled_from(["F", "I"]),
        "birth_place": st.sampled_from(["33063", "75056", None]),
        "used_name": st.sampled_from([None, "FICTIVE", "MARTIN"]),
        "first_names": st.sampled_from([None, "Lætitia Rose", "Rose Lætitia"]),
        "ins": st.sampled_from([None, NUMBER]),
    }
)


@settings(max_examples=2_000)
@given(st.lists(LIKE_BASE, min_size=2, max_size=2))
def test_two_whom_a_rule_may_merge_are_found_by_fewer_keys_as_by_all(stated: list[dict[str, str | None]]) -> None:
    both = [record(one, one["ins"]) for one in stated]
    found = agreement(*both)
    if sure(found, *both) or strict(found, Limits(placeless=Placeless.ALWAYS)):
        assert [*candidates(both, keys_of=of_merges)] == [*candidates(both)]
