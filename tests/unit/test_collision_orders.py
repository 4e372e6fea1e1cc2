"""Several people under one number: in whatever order their studies come in, no two of them meet in one identity."""

from collections import defaultdict
from itertools import combinations, count, permutations
from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
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
    """It is kept with the one who is there; who comes next is compared with all that is known by then. Where both are
    there it is neither's.
    """
    found = [*arrived(region, *order).values()]
    if order[-1] == "nobody":
        assert found == [{one} for one in order]
    else:
        first, second = found
        assert ("nobody" in first, "nobody" in second) == (True, False)


@pytest.mark.parametrize(
    ("name", "ordinal"),
    [({}, 3), ({"given": "X"}, 3), ({"sex": "M"}, 2), ({"given": "M", "sex": "F"}, 1)],
    ids=["either", "no name", "by sex", "a girl"],
)
def test_of_twins_under_one_number_a_study_is_of_the_one_who_is_meant_or_of_neither(
    region: Region, name: Stated, ordinal: int
) -> None:
    """Who may be either is somebody whom a clerk tells apart; what says the same again is theirs, too."""
    number, born = str(next(NUMBERS)), {"family": "MARTIN", "birth_date": "2020-01-02"}

    def of(place: int, stated: Stated) -> str:
        study = f"2.25.{number}.{place}"
        return str(region.receive(study_uid=study, local_id=number, stated={**born, **stated}).result["identity"])

    twins = [of(1, {"given": "MIA", "sex": "F"}), of(2, {"given": "HUGO", "sex": "M"})]
    found = [of(place, {"sex": None, **name}) for place in (3, 4)]
    assert found[0] == found[1]
    assert (*twins, *found).index(found[0]) == ordinal - 1
    identity = region.find(Identity, UUID(found[0]))
    assert identity is not None
    assert identity.flags == ({"collision"} if ordinal > 1 else set())


@pytest.mark.parametrize("again", [1, 3])
def test_a_person_who_comes_again_is_found_again(region: Region, again: int) -> None:
    """A second and a third time, under every name that was taken for theirs."""
    names = ("nobody", "DURAND", "DURAND M", "DURAND Marie 1950", "DURAND Marie 1980") * again
    assert len(arrived(region, *names)) == 1
