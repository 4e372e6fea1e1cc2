"""What a clerk reads: every level has words, the loudest first, and what is decided first gains most."""

import pytest

from domain.matching.agreement import agreement
from domain.matching.deciding import Pair
from domain.matching.evidence import WORDS, evidence, in_words
from domain.matching.levels import ENUMS, FIELDS
from domain.matching.pair import evidence as kept_of
from domain.matching.record import record
from domain.matching.review import worth
from domain.matching.weights import Weights

BITS = Weights(-13.0, ((0.0, 8.0, *[1.0] * 6), *[(0.0, 2.0, *[-9.0] * 7)] * 7))


def test_every_level_that_is_known_has_words_of_its_own() -> None:
    levels = [level for enum in ENUMS for level in enum if level]
    assert set(WORDS) == {(type(level), level) for level in levels}
    assert len(set(WORDS.values())) == len(levels)


def test_what_a_decision_keeps_is_read_in_words() -> None:
    """Of rules that weigh; rules of equal fields keep the names of their fields."""
    one = record({"family": "FICTIVE", "given": "Lea", "birth_date": "1980-04-12"})
    other = record({"family": "FICTIVE", "given": "Lea", "birth_date": "1980-12-04"})
    pair = Pair(0, 1, agreement(one, other), 11.25)
    assert [in_words(kept) for kept in kept_of(pair)] == [
        "same family name",
        "same given name",
        "day and month of birth are swapped",
        "weight 11.2 bits",
    ]
    assert [in_words(kept) for kept in ("family", "birth_date")] == ["family", "birth_date"]


def test_what_speaks_loudest_comes_first_and_what_is_not_known_is_left_out() -> None:
    one = record({"family": "FICTIVE", "given": "Lea", "sex": "F"})
    other = record({"family": "FICTIVE", "given": "Theo", "sex": "F"})
    assert evidence(agreement(one, other), BITS, one, other) == [
        ("given", "given names differ", -9.0),
        ("family", "same family name", 8.0),
        ("sex", "same sex", 2.0),
    ]


OWN = "1.2.250.1.213.1.4.10|280043306301227"


@pytest.mark.parametrize(
    ("sex", "born", "ins", "words"),
    [
        ("F", "1980-04-12", OWN, "same INS, in doubt: one took the place of another"),
        ("M", "1955-04-12", OWN, "same INS, in doubt: one seems to be somebody else's and took the place of another"),
        ("F", "1980-04-12", f"{OWN[:-15]}280043306309908", "INS differ: one took the place of another"),
    ],
)
def test_why_a_number_is_in_doubt_is_said(sex: str, born: str, ins: str, words: str) -> None:
    one = record({"sex": "F", "birth_date": "1980-04-12"}, OWN)
    other = record({"sex": sex, "birth_date": born}, ins, replaced=True)
    assert words in [said for trait, said, _ in evidence(agreement(one, other), BITS, one, other) if trait == "number"]
    (alike,) = [said for trait, said, _ in evidence(agreement(one, one), BITS, one, one) if trait == "number"]
    assert alike == "same INS"


def test_words_hold_no_value() -> None:
    one = record({"family": "TESTPATIENT", "given": "Lea", "birth_date": "1980-04-12", "birth_place": "33063"})
    said = " ".join(words for _, words, _ in evidence(agreement(one, one), BITS, one, one))
    assert not any(value in said for value in ("TESTPATIENT", "Lea", "LEA", "1980", "33063"))
    assert len(FIELDS) == len(ENUMS)


def test_a_decision_is_worth_more_where_it_joins_more() -> None:
    assert worth(3.0, 7, 1) > worth(3.0, 1, 1) > worth(-3.0, 1, 1) > 0
    assert worth(-3_000.0, 9, 9) == 0
