"""Weights are learned without truth, and say how much an agreement is worth."""

import json
from collections import Counter
from math import log2
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching.frequencies import Shares
from domain.matching.learning import learn, shares
from domain.matching.levels import ENUMS, Agreement, Birth, Family, Given, Number, Others, Place, Sex, Used
from domain.matching.limits import Limits, Placeless
from domain.matching.model import Model, body, of_body
from domain.matching.record import record
from domain.matching.weights import Weights, probability, terms, weights

M = ((1.0, 0.9, 0.1), (1.0, 0.8, 0.2), (1.0, 0.95, 0.05))
U = ((1.0, 0.02, 0.98), (1.0, 0.05, 0.95), (1.0, 0.5, 0.5))
EXACT = Agreement(
    Family.EXACT,
    Given.EXACT,
    Birth.EXACT,
    Sex.EQUAL,
    Place.EQUAL,
    Number.UNKNOWN,
    Others.UNKNOWN,
    Used.UNKNOWN,
)


def drawn(random: Random, of: tuple[tuple[float, ...], ...]) -> tuple[int, ...]:
    return tuple(random.choices(range(1, len(levels)), levels[1:])[0] for levels in of)


def test_learning_finds_the_shares_and_how_many_pairs_are_of_one_person() -> None:
    random = Random(3)
    pairs = Counter(drawn(random, M if random.random() < 0.3 else U) for _ in range(20_000))
    found = learn(pairs, U)
    assert found.of_one == pytest.approx(0.3, abs=0.03)
    for learned, true in zip(found.m, M, strict=True):
        assert learned == pytest.approx(true, abs=0.03)


def test_a_field_that_pairs_were_chosen_by_is_left_out() -> None:
    random = Random(4)
    chosen = Counter((1, *drawn(random, (M if random.random() < 0.3 else U)[1:])) for _ in range(20_000))
    assert learn(chosen, U, without=(0,)).of_one == pytest.approx(0.3, abs=0.05)


def test_a_trait_that_is_not_known_counts_for_nothing() -> None:
    found = weights(-10.0, M, U)
    assert found.bits[0][0] == 0.0
    assert found.bits[0][1] == pytest.approx(log2(0.9 / 0.02))
    assert found.bits[0][2] < 0


def test_shares_of_what_was_never_seen_are_small_and_not_zero() -> None:
    found = shares([(1, 1)] * 99, (3, 2))
    assert found[0][1] > 0.9
    assert 0 < found[0][2] < 0.01


def test_a_rare_name_that_agrees_is_worth_more() -> None:
    family, given_names = Shares.of(Counter({"MARTIN": 9_900, "FICTIVE": 100})), Shares.of(Counter({"LEA": 10_000}))
    martin, fictive = (record({"family": name, "given": "Lea"}) for name in ("MARTIN", "FICTIVE"))
    rare, common = (terms(EXACT, each, each, family, given_names) for each in (fictive, martin))
    assert rare - common == pytest.approx(0.5 * log2(99))
    assert given_names.chance == 1.0


def test_names_of_few_people_are_not_kept() -> None:
    kept = Shares.of(Counter({"MARTIN": 9_900, "FICTIVE": 49, "TESTPATIENT": 51}))
    assert set(kept.common) == {"MARTIN", "TESTPATIENT"}
    assert kept.share("FICTIVE") == kept.share("NEVERSEEN") == 50 / 10_000


def test_a_model_is_its_document() -> None:
    names = Shares.of(Counter({"MARTIN": 9_900, "TESTPATIENT": 100}))
    bits = tuple((0.0, *(float(level) for level in enum if level)) for enum in ENUMS)
    model = Model(Weights(-13.0, bits), names, names, Limits(placeless=Placeless.NEVER))
    assert of_body(json.loads(json.dumps(body(model)))) == model
    assert body(model)["bits"]["number"] == {"own": 1.0, "borrowed": 2.0, "doubtful": 3.0, "different": 4.0}


@given(st.floats(-2_000, 2_000), st.floats(-2_000, 2_000))
def test_more_bits_are_never_less_probable(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= probability(low) <= probability(high) <= 1.0
