"""The engine on a generated French region, against the truth that it is never shown."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from bench.linkage.french import run
from bench.linkage.one_by_one import Neighbourhoods, grouped
from bench.linkage.people import population
from bench.linkage.region import region
from domain.ins import TEST, matricule
from domain.matching.limits import Limits, Placeless
from domain.matching.record import record
from domain.matching.sampling import learned

PEOPLE = 2_000


def test_nobody_is_mixed_and_few_decisions_find_nearly_all() -> None:
    found = run(PEOPLE, seed=5, sample=20_000)
    assert found["blocking recall"] >= 0.998
    assert found["sure false edges"] == 0
    assert found["mixed persons"] == 0
    assert found["automatic recall"] >= 0.82
    assert found["recall with a review of 5%"] >= 0.97
    assert found["recall with a review of 8%"] >= 0.995


@pytest.mark.parametrize("placeless", list(Placeless))
def test_the_order_of_registrations_decides_nothing(placeless: Placeless) -> None:
    records = [record(each.traits, each.ins) for each in region(300, seed=3, errors=0.2)]
    model = replace(learned(records, pairs=4_000), limits=Limits(placeless=placeless))
    orders = list(range(len(records))), Random(1).sample(range(len(records)), len(records))
    for order in orders:
        living = Neighbourhoods(records, model)
        for place in order:
            living.register(place)
        assert set(living.group_of.values()) == grouped(records, model)


def test_the_region_has_what_makes_matching_hard() -> None:
    people = population(PEOPLE)
    records = region(PEOPLE)
    assert 2.0 <= len(records) / len(people) <= 2.4
    assert sum(person.twin is not None for person in people) >= 10
    assert sum(person.used_name is not None for person in people) >= 60
    assert any(each.traits["given"] == "BÉBÉ" for each in records)
    assert any(each.traits["family"] == "INCONNU" for each in records)
    assert max(Counter((p.family, p.given, p.birth) for p in people).values()) > 1


def test_numbers_are_under_the_test_authority_and_their_key_fits() -> None:
    for each in region(300):
        if each.ins:
            oid, _, number = each.ins.partition("|")
            assert matricule(number, oid, TEST) == number


def test_the_same_seed_gives_the_same_region() -> None:
    assert region(200, seed=9) == region(200, seed=9)
    assert region(200, seed=9) != region(200, seed=10)
