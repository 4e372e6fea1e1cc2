"""What a lookup found due, without what the ledger did already: as the ledger would refuse it, and no more."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from domain.decision_tables import Pair
from domain.held import HUMAN
from domain.persons import Persons
from krypton.policies import stored
from krypton.policies.stored import not_yet_said
from policies.policy import Due, Kind

A, B, C, D = (str(UUID(int=n)) for n in range(1, 5))
ENTRY, LATER = UUID(int=9), UUID(int=10)


def due(does: str, one: str, other: str) -> Due:
    return Due(Kind.COMMAND, does, {"one": one, "other": other})


def ledger(*pairs: tuple[str, str, str]) -> Persons:
    """A ledger that holds these pairs, each low, high and how it is held."""
    return Persons(lambda _: (7, [Pair(*pair, position, HUMAN) for position, pair in enumerate(pairs, 1)]))


def left(persons: Persons, *dues: Due) -> list[Due]:
    found = not_yet_said({ENTRY: list(enumerate(dues)), LATER: []}, lambda: persons)
    assert found[LATER] == []  # it was looked up, and leads to nothing
    return [due for _, due in found[ENTRY]]


def test_two_who_are_one_person_in_the_ledger_are_not_merged_again() -> None:
    """Also where a third joins them; whoever is somebody else there is merged as before."""
    known = ledger((A, B, "merged"), (B, C, "merged"))
    new, doubtful = due("merge", A, D), due("propose", A, C)
    assert left(known, due("merge", A, B), due("merge", C, A), doubtful, new) == [doubtful, new]


@pytest.mark.parametrize("held", [(), ((A, B, "barred"),), ((A, C, "merged"),)])
def test_who_are_two_persons_there_are_merged(held: Iterable[tuple[str, str, str]]) -> None:
    one = due("merge", A, B)
    assert left(ledger(*held), one) == [one]


def test_what_an_unmerge_parts_in_the_same_lookup_is_merged_otherwise_at_once() -> None:
    """A and B were one through C, who is somebody else by now; they are one of themselves."""
    both = due("unmerge", A, C), due("merge", A, B)
    assert left(ledger((A, C, "merged"), (B, C, "merged")), *both) == [*both]


def test_the_ledger_is_not_asked_where_nothing_may_be_done_twice() -> None:
    def asked(_: Any) -> Any:
        raise AssertionError

    assert left(Persons(asked)) == []
    assert left(Persons(asked), due("unmerge", A, B)) == [due("unmerge", A, B)]


def test_the_order_among_all_stays() -> None:
    known = ledger((A, B, "merged"))
    found = not_yet_said({ENTRY: [(3, due("merge", A, B)), (5, due("merge", A, D))]}, lambda: known)
    assert found == {ENTRY: [(5, due("merge", A, D))]}


def test_the_persons_of_a_whole_region_are_not_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unmerge counts for all of them."""
    monkeypatch.setattr(stored, "HELD", 1)
    made: list[Persons] = []

    def membership() -> Persons:
        made.append(ledger((A, B, "merged"), (C, D, "merged")))
        return made[-1]

    dues = due("merge", A, B), due("merge", C, D), due("merge", A, C), due("unmerge", D, UUID(int=5).hex)
    found = not_yet_said({ENTRY: list(enumerate(dues))}, membership)
    assert [place for place, _ in found[ENTRY]] == [1, 2, 3]
    assert len(made) == 3
