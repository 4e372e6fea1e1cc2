"""Matching rules: who shares a key, who does not, and the same key on every machine."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules.matching import FIELDS, MERGE, PROPOSE, Match, MatchingRules, MatchRule, evaluate, match_keys
from domain.traits import NAMES, TRAITS

PERSON = {
    "family": "Fictif-Durand",
    "given": "Élodie",
    "birth_date": "1970-01-02",
    "sex": "F",
    "birth_place": "33063",
    "used_name": None,
    "first_names": "Élodie Marie",
}
INS = "279035121518989"
NAME_AND_BIRTH = MatchRule("name-and-birth", ("family", "given", "birth_date"), PROPOSE, 0.8)
WITH_INS = MatchRule("ins-and-birth", ("ins", "family", "birth_date"), MERGE, 1.0)
RULES = MatchingRules(3, (NAME_AND_BIRTH, WITH_INS))
names = st.text("AÉéb- '", min_size=1, max_size=12)


def keys(ins: str | None = None, **change: Any) -> dict[str, str]:
    return match_keys(RULES, PERSON | change, ins)


def test_keys_are_the_same_on_every_machine() -> None:
    """Digests stand in views and in the record of why: they may not differ by process, locale or version of Python."""
    assert keys(INS) == {
        "name-and-birth": "5122255e30786134625346409faf88b7",
        "ins-and-birth": "163c16de7876a20f958dfe1b9d049666",
    }


@pytest.mark.parametrize("family", ["FICTIF DURAND", "durand fictif", "Fictif - Dûrand"])
def test_names_count_without_accents_case_order_or_hyphens(family: str) -> None:
    assert keys(family=family) == keys()


@pytest.mark.parametrize("change", [{"birth_date": "1970-01-03"}, {"given": "Elodia"}, {"family": "Fictif"}], ids=str)
def test_another_date_or_name_is_another_key(change: dict[str, str]) -> None:
    assert keys(**change)["name-and-birth"] != keys()["name-and-birth"]


@pytest.mark.parametrize("unknown", [None, "", "-"])
def test_a_rule_that_compares_what_is_not_known_gives_no_key(unknown: str | None) -> None:
    """Two unknowns are never equal."""
    assert keys(family=unknown) == {}
    assert set(keys(None)) == {"name-and-birth"}


def test_two_rules_over_the_same_fields_give_different_keys() -> None:
    """Else what one rule says would be taken for what another says."""
    twice = MatchingRules(1, (NAME_AND_BIRTH, MatchRule("other", NAME_AND_BIRTH.fields, MERGE, 1.0)))
    assert len(set(match_keys(twice, PERSON, None).values())) == 2


def test_what_is_in_one_field_is_not_taken_for_what_is_in_the_next() -> None:
    """Marie Anne Durand and Anne, Marie Durand."""
    assert keys(family="A B", given="C") != keys(family="A", given="B C")


@given(st.lists(st.sampled_from(FIELDS), min_size=1, unique=True), st.dictionaries(st.sampled_from(NAMES), names))
def test_a_key_is_there_exactly_where_all_fields_are_known(fields: list[str], stated: dict[str, str]) -> None:
    traits: dict[str, Any] = {**dict.fromkeys(TRAITS), **stated}
    found = match_keys(MatchingRules(1, (MatchRule("one", tuple(fields), PROPOSE, 1.0),)), traits, INS)
    known = {name for name in stated if any(c.isalpha() for c in stated[name])} | {"ins"}
    assert bool(found) == (set(fields) <= known)


def test_a_match_names_its_rule_its_version_and_the_fields_compared() -> None:
    assert evaluate(RULES, keys(INS), keys(INS, given="Anna")) == [
        Match("ins-and-birth", 3, MERGE, 1.0, ("ins", "family", "birth_date"))
    ]


def test_merges_come_first_then_the_higher_score() -> None:
    weak = MatchRule("weak", ("given", "birth_date"), PROPOSE, 0.9)
    rules = MatchingRules(1, (NAME_AND_BIRTH, weak, WITH_INS))
    one = match_keys(rules, PERSON, INS)
    assert [match.rule for match in evaluate(rules, one, one)] == ["ins-and-birth", "weak", "name-and-birth"]


def test_without_rules_nobody_matches() -> None:
    assert match_keys(MatchingRules(), PERSON, INS) == {}
    assert evaluate(MatchingRules(), {}, {}) == []
