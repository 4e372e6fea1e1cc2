"""Persons as decisions look them up, part by part: the same as from a fold of the whole log, whenever they look."""

from collections.abc import Collection
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision_tables import Pair
from domain.held import HUMAN
from domain.membership import Membership
from domain.persons import Persons
from tests.fakes.statements import PEOPLE, SAID

PAIRS = list(combinations(PEOPLE, 2))
Statement = tuple[tuple[str, str], str]

pairs = st.sampled_from(PAIRS)
statements = st.tuples(pairs, st.sampled_from(sorted(SAID)))
histories = st.lists(statements, max_size=25)
bounded = settings(max_examples=200, deadline=None)


def event(pair: tuple[str, str], said: str) -> dict[str, Any]:
    low, high = pair
    return {"low": low, "high": high, "low_registered": 0, "high_registered": 0, "rule": SAID[said][1]}


class Store:
    """What is stored, and its fold; ``looks``: what was asked for, look by look."""

    def __init__(self, history: Collection[Statement] = ()) -> None:
        self.at = 100
        self.held: dict[tuple[str, str], Pair] = {}
        self.folded = Membership()
        self.looks: list[set[str]] = []
        for pair, said in history:
            self.state(pair, said)

    def state(self, pair: tuple[str, str], said: str) -> None:
        self.at += 1
        self.folded.apply(SAID[said][0], self.at, event(pair, said))
        self.held.pop(pair, None)
        if said != "open":
            held = "barred" if said == "barred" else "merged"
            self.held[pair] = Pair(*pair, held, self.at, SAID[said][1])

    def held_back(self) -> set[tuple[str, str]]:
        """Merged pairs whose two are two persons."""
        merged = (pair for pair, one in self.held.items() if one.held == "merged")
        return {pair for pair in merged if pair[1] not in self.folded.person_of(pair[0])}

    def look(self, identities: Collection[str]) -> tuple[int, list[Pair]]:
        """As ``domain.ports.CommandLog.pairs_around``."""
        self.looks.append({*identities})
        people, merged = {*identities}, [pair for pair, one in self.held.items() if one.held == "merged"]
        for _ in merged:
            people |= {side for pair in merged if not people.isdisjoint(pair) for side in pair}
        return self.at, [one for pair, one in self.held.items() if not people.isdisjoint(pair)]


def same(persons: Persons, folded: Membership, asked: Collection[str] = PEOPLE) -> bool:
    """Whether both say the same of those asked for, one by one and two by two."""
    assert [persons.person_of(one) for one in asked] == [folded.person_of(one) for one in asked]
    assert [persons.around((one,)).keys() for one in asked] == [folded.connected(one) for one in asked]
    bars = [(persons.bar_between(*pair), folded.bar_between(*pair)) for pair in combinations(sorted(asked), 2)]
    return all((ours is None) == (theirs is None) for ours, theirs in bars)


@bounded
@given(histories, st.lists(st.sampled_from(PEOPLE)))
def test_what_is_looked_up_is_what_the_log_says_in_whatever_order_it_is_asked(
    history: list[Statement], first: list[str]
) -> None:
    store = Store(history)
    persons = Persons(store.look)
    for one in first:
        persons.person_of(one)
    assert same(persons, store.folded)


@bounded
@given(histories, histories, st.lists(st.sampled_from(PEOPLE)))
def test_what_a_batch_did_not_store_yet_comes_on_top(
    history: list[Statement], pending: list[Statement], first: list[str]
) -> None:
    """Whatever was looked up before."""
    store = Store(history)
    persons = Persons(store.look)
    for number, (pair, held) in enumerate(pending):
        persons.foresee(SAID[held][0], event(pair, held))
        persons.person_of(first[number % len(first)] if first else "a")
    whole = Store([*history, *pending])
    assert same(persons, whole.folded)


def foreseen(history: list[Statement], pending: list[Statement]) -> Persons:
    """Persons as they will be once what is pending is stored, too."""
    persons = Persons(Store(history).look)
    for pair, said in pending:
        persons.foresee(SAID[said][0], event(pair, said))
    return persons


@bounded
@given(histories, histories, pairs)
def test_what_becomes_of_a_humans_merge_is_told_before_it_is_made(
    history: list[Statement], pending: list[Statement], pair: tuple[str, str]
) -> None:
    """Which bar holds it back, or which of the rules' merges it makes give way."""
    persons = foreseen(history, pending)
    before = Store([*history, *pending])
    if pair in before.held and before.held[pair].rule == HUMAN:
        return
    bar, gone = persons.bar_before_humans(*pair), persons.giving_way(*pair)
    after = Store([*history, *pending, (pair, "merged")])
    assert (bar is None) == (pair[1] in after.folded.person_of(pair[0]))
    assert bar is None or (bar in before.held and before.held[bar].held == "barred")
    assert {*gone} - {pair} == {one for one in after.held_back() - before.held_back() if one != pair}
    assert bar is None or not {*gone} - {pair}


@bounded
@given(histories, histories, pairs)
def test_what_holds_two_one_person_is_told_before_they_are_unmerged(
    history: list[Statement], pending: list[Statement], pair: tuple[str, str]
) -> None:
    persons = foreseen(history, pending)
    without = persons.merged_without(*pair)
    after = Store([*history, *pending, (pair, "open")])
    person = after.folded.person_of(pair[0])
    held = {one for one, stated in after.held.items() if stated.held == "merged" and person.issuperset(one)}
    assert without.keys() == held


@bounded
@given(histories, histories, histories, st.lists(st.sampled_from(PEOPLE), min_size=1))
def test_two_parts_looked_up_at_different_moments_never_contradict_each_other(
    history: list[Statement], meanwhile: list[Statement], pending: list[Statement], first: list[str]
) -> None:
    """Another writer stores between two looks: what is said then is all of the later moment, with this batch on top."""
    store = Store(history)
    persons = Persons(store.look)
    for pair, held in pending:
        persons.foresee(SAID[held][0], event(pair, held))
    for one in first:
        persons.person_of(one)
    before = store.at
    for pair, held in meanwhile:
        store.state(pair, held)
    looks = len(store.looks)
    persons.load(PEOPLE)
    of_now = len(store.looks) > looks or store.at == before
    assert same(persons, Store([*history, *(meanwhile if of_now else []), *pending]).folded)


def test_what_rests_on_it_rests_on_the_first_look() -> None:
    """What was decided before the second look may be older than that."""
    store = Store()
    persons = Persons(store.look)
    assert persons.person_of("a") == {"a"}
    first = store.at
    store.state(("a", "b"), "merged")
    assert persons.person_of("c") == {"c"}
    assert (persons.upto, persons.person_of("a")) == (first, {"a", "b"})


def test_people_who_are_asked_for_together_are_looked_up_together() -> None:
    store = Store([(("a", "b"), "merged"), (("c", "d"), "merged")])
    persons = Persons(store.look)
    assert persons.members_of(["a", "c"]) == ["a", "b", "c", "d"]
    assert persons.bar_between("b", "d") is None
    assert store.looks == [{"a", "c"}]


def test_nobody_is_looked_up_twice_while_nothing_is_stored() -> None:
    store = Store([(("a", "b"), "merged")])
    persons = Persons(store.look)
    for one in "abcabc":
        persons.person_of(one)
    assert store.looks == [{"a"}, {"c"}]


def test_a_person_is_not_looked_up_through_bars() -> None:
    """Somebody barred from thousands is one person still."""
    store = Store([(("a", other), "barred") for other in "bcdefg"] + [(("b", "c"), "merged")])
    persons = Persons(store.look)
    assert persons.person_of("a") == {"a"}
    assert persons.bar_between("a", "c") == ("a", "b")
    assert store.looks == [{"a"}, {"c"}]


@pytest.mark.parametrize("shape", ["chain", "star", "barred"])
def test_a_person_of_thousands_is_told_at_once(shape: str) -> None:
    """A look and a walk, no search of each in each: 5,000 members, or 100,000 bars with others."""
    members = [f"{n:05}" for n in range(5_000)]
    ends = {"chain": pairwise(members), "star": ((members[0], one) for one in members[1:])}
    merged = [Pair(*pair, "merged", at, HUMAN) for at, pair in enumerate(ends.get(shape, ends["chain"]))]
    barred = [Pair(one, f"x{n}", "barred", 0, HUMAN) for one in members for n in range(20)] if shape == "barred" else []
    persons = Persons(lambda _: (1, [*merged, *barred]))
    assert persons.person_of(members[-1]) == {*members}
    assert (persons.bar_between(members[0], "x7") is not None) is (shape == "barred")
