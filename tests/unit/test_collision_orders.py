"""Several people under one number: in whatever order their studies come in, no two of them meet in one identity."""

from collections import defaultdict
from itertools import combinations, count, permutations

import pytest

from domain.same_number import can_be_one_person
from tests.fakes.region import Region

Stated = dict[str, str | None]
SENT = {
    "nobody": {},
    "born 1950": {"birth_date": "1950-01-01"},
    "DURAND": {"family": "DURAND"},
    "DURAND M": {"family": "DURAND", "given": "M"},
    "Marie": {"given": "Marie"},
    "DURAND Marie 1950": {"family": "DURAND", "given": "Marie", "birth_date": "1950-01-01"},
    "DURAND Marie 1980": {"family": "DURAND", "given": "Marie", "birth_date": "1980-01-01"},
    "DURAND Michel 1980": {"family": "DURAND", "given": "Michel", "birth_date": "1980-01-01"},
    "MARTIN Paul 1980": {"family": "MARTIN", "given": "Paul", "birth_date": "1980-01-01"},
    "MARTIN Paul 1950": {"family": "MARTIN", "given": "Paul", "birth_date": "1950-01-01"},
}
NUMBERS = count(1)


@pytest.fixture(scope="module")
def region() -> Region:
    """One for all: each order has a number of its own."""
    return Region()


def arrived(region: Region, *names: str) -> dict[str, set[str]]:
    """Identity to who came in under it, once their studies came in, in this order, under one new number."""
    number, found = str(next(NUMBERS)), defaultdict(set)
    for place, name in enumerate(names):
        answer = region.receive(study_uid=f"2.25.{number}.{place}", local_id=number, stated={**SENT[name], "sex": None})
        found[answer.result["identity"]].add(name)
    return found


@pytest.mark.parametrize("three", list(combinations(SENT, 3)), ids=", ".join)
def test_no_two_people_meet_in_one_identity(region: Region, three: tuple[str, ...]) -> None:
    """Nobody whose name and birth date cannot be of the same person, in any order of arrival."""
    for order in permutations(three):
        for together in arrived(region, *order).values():
            whole = [SENT[name] for name in together if len(SENT[name]) == 3]
            assert all(can_be_one_person(one, other) for one, other in combinations(whole, 2)), order


@pytest.mark.parametrize(
    "order", list(permutations(("nobody", "DURAND Marie 1950", "MARTIN Paul 1980"))), ids=", ".join
)
def test_a_study_without_a_name_does_not_join_the_two_that_have_one(region: Region, order: tuple[str, ...]) -> None:
    """It is kept with the first of them; who comes next is compared with all that is known by then."""
    first, second = arrived(region, *order).values()
    assert ("nobody" in first, "nobody" in second) == (True, False)
    assert len(first) == 2


@pytest.mark.parametrize("again", [1, 3])
def test_a_person_who_comes_again_is_found_again(region: Region, again: int) -> None:
    """A second and a third time, under every name that was taken for theirs."""
    names = ("nobody", "DURAND", "DURAND M", "DURAND Marie 1950", "DURAND Marie 1980") * again
    assert len(arrived(region, *names)) == 1
