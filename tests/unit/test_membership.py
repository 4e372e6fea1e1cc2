"""Who is one person: for any history of statements, the same answer as working everything out from nothing."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import membership
from domain.membership import Cluster, Membership, statement

worked_out = membership._persons
PEOPLE = "abcdefg"
REGISTERED = {name: 50 - 7 * place for place, name in enumerate(PEOPLE)}  # the later letter registered earlier
SAID = {"merged": "link.merged", "open": "link.unmerged", "barred": "link.barred"}
Pair = tuple[str, str]
Persons = set[frozenset[str]]

pairs = st.sampled_from(list(combinations(PEOPLE, 2)))
histories = st.lists(st.tuples(pairs, st.sampled_from(sorted(SAID))), max_size=30)
bounded = settings(max_examples=150, deadline=None)


def event(pair: Pair) -> dict[str, Any]:
    """The fields of a link event that membership reads."""
    low, high = pair
    return {"low": low, "high": high, "low_registered": REGISTERED[low], "high_registered": REGISTERED[high]}


def followed(history: list[tuple[Pair, str]]) -> Membership:
    """Membership, told one event after the other."""
    membership = Membership()
    for position, (pair, held) in enumerate(history, start=100):
        membership.apply(SAID[held], position, event(pair))
    return membership


def net(history: list[tuple[Pair, str]]) -> tuple[dict[Pair, int], set[Pair]]:
    """What still holds at the end: merged pairs with the position of their merge, and barred pairs."""
    last = {pair: (held, position) for position, (pair, held) in enumerate(history, start=100)}
    merged = {pair: position for pair, (held, position) in last.items() if held == "merged"}
    return merged, {pair for pair, (held, _) in last.items() if held == "barred"}


def brute_force(merged: dict[Pair, int], barred: set[Pair]) -> Persons:
    """Straight from the definition: take merges in order, skip one that would put a barred pair into one person."""
    persons: Persons = {frozenset(name) for name in PEOPLE}
    for one, other in sorted(merged, key=lambda pair: merged[pair]):
        left = next(p for p in persons if one in p)
        right = next(p for p in persons if other in p)
        joined = left | right
        if not any(a in joined and b in joined for a, b in barred):
            persons = (persons - {left, right}) | {joined}
    return persons


def persons_of(membership: Membership) -> Persons:
    """All persons, as the membership says of each identity."""
    return {frozenset(membership.person_of(name)) for name in PEOPLE}


@bounded
@given(histories)
def test_persons_are_those_of_a_recomputation_from_nothing(history: list[tuple[Pair, str]]) -> None:
    """After any history of merges, unmerges, bars and lifted bars, in any order."""
    assert persons_of(followed(history)) == brute_force(*net(history))


@bounded
@given(histories)
def test_who_was_asked_for_before_a_statement_is_told_anew_after_it(history: list[tuple[Pair, str]]) -> None:
    told = Membership()
    for step, (pair, held) in enumerate(history):
        told.apply(SAID[held], 100 + step, event(pair))
        assert persons_of(told) == brute_force(*net(history[: step + 1]))


def test_a_cluster_is_worked_out_once_for_all_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what is due in a cluster of hundreds takes minutes."""
    asked: list[Cluster[str]] = []

    def counted(cluster: Cluster[str]) -> Any:
        asked.append(cluster)
        return worked_out(cluster)

    monkeypatch.setattr(membership, "_persons", counted)
    chain = followed([(pair, "merged") for pair in pairwise(PEOPLE)])
    assert {chain.person_id(name) for name in PEOPLE} == {"g"}
    assert len(persons_of(chain)) == len(asked) == 1


@bounded
@given(histories)
def test_no_person_holds_a_barred_pair(history: list[tuple[Pair, str]]) -> None:
    """Directly or through a third record."""
    _, barred = net(history)
    persons = persons_of(followed(history))
    assert not [pair for pair in barred for person in persons if set(pair) <= person]


@bounded
@given(histories)
def test_each_identity_is_in_exactly_one_person(history: list[tuple[Pair, str]]) -> None:
    """No orphan, no redirect to nothing (identity cases 6 and 7)."""
    persons = persons_of(followed(history))
    assert sorted(name for person in persons for name in person) == list(PEOPLE)


@bounded
@given(histories, st.randoms(use_true_random=False))
def test_only_what_still_holds_counts_not_the_way_there(history: list[tuple[Pair, str]], chance: Any) -> None:
    """The net statements alone, told in any order with the positions they had, give the same persons."""
    merged, barred = net(history)
    told = [(pair, "merged", at) for pair, at in merged.items()] + [(pair, "barred", 0) for pair in barred]
    chance.shuffle(told)
    retold = Membership()
    for pair, held, position in told:
        retold.apply(SAID[held], position, event(pair))
    assert persons_of(retold) == persons_of(followed(history))


@bounded
@given(histories)
def test_a_cluster_told_everything_at_once_agrees_with_one_told_step_by_step(history: list[tuple[Pair, str]]) -> None:
    """The rebuilding reader and the live one."""
    whole: Cluster[str] = Cluster(dict(REGISTERED))
    for position, (pair, held) in enumerate(history, start=100):
        whole.state(pair, held, position)
    persons, _ = whole.persons()
    assert {frozenset(p) for p in persons} == persons_of(followed(history))


@bounded
@given(histories)
def test_splitting_a_cluster_loses_nobody_and_nothing_said(history: list[tuple[Pair, str]]) -> None:
    """Each member, merge and bar is in exactly one part, and a part joins what its pairs join."""
    whole: Cluster[str] = Cluster(dict(REGISTERED))
    for position, (pair, held) in enumerate(history, start=100):
        whole.state(pair, held, position)
    parts = list(whole.split())
    assert sorted(m for part in parts for m in part.members) == list(PEOPLE)
    assert {p: at for part in parts for p, at in part.merged.items()} == whole.merged
    assert {p for part in parts for p in part.barred} == whole.barred
    assert {frozenset(p) for part in parts for p in part.persons()[0]} == {frozenset(p) for p in whole.persons()[0]}


@bounded
@given(histories)
def test_a_person_is_named_by_its_earliest_registered_member(history: list[tuple[Pair, str]]) -> None:
    """Not by the smallest id: here the earliest is the last letter (identity case 24)."""
    whole: Cluster[str] = Cluster(dict(REGISTERED))
    told = followed(history)
    for person in persons_of(told):
        assert whole.earliest(person) == max(person)
        assert {told.person_id(name) for name in person} == {max(person)}


@bounded
@given(histories)
def test_every_merge_counts_or_is_held_back_because_of_a_bar(history: list[tuple[Pair, str]]) -> None:
    """A merged pair is of one person, or it waits and some bar says why."""
    merged, barred = net(history)
    cluster: Cluster[str] = Cluster(dict(REGISTERED), dict(merged), set(barred))
    persons, held_back = cluster.persons()
    apart = {pair for pair in merged if not any(set(pair) <= person for person in persons)}
    assert apart <= set(held_back)
    assert barred or not held_back


@bounded
@given(histories, pairs)
def test_a_bar_between_two_is_found_just_when_merging_them_would_join_it(
    history: list[tuple[Pair, str]], pair: Pair
) -> None:
    """What sends a merge to review (L3)."""
    membership = followed(history)
    joined = membership.person_of(pair[0]) | membership.person_of(pair[1])
    _, barred = net(history)
    found = membership.bar_between(*pair)
    assert (found is not None) == any(set(bar) <= joined for bar in barred)
    assert found is None or found in barred


def test_a_held_back_merge_counts_once_the_bar_is_lifted() -> None:
    """By itself: nobody has to state it again."""
    history = [(("a", "c"), "barred"), (("a", "b"), "merged"), (("b", "c"), "merged")]
    assert persons_of(followed(history)) >= {frozenset("ab"), frozenset("c")}
    assert frozenset("abc") in persons_of(followed([*history, (("a", "c"), "open")]))


def test_a_held_back_merge_counts_once_the_other_pair_is_unmerged() -> None:
    """Then nothing stands against it."""
    history = [(("a", "c"), "barred"), (("a", "b"), "merged"), (("b", "c"), "merged"), (("a", "b"), "open")]
    assert frozenset("bc") in persons_of(followed(history))


def test_a_proposal_and_its_dismissal_change_no_membership() -> None:
    """They are for the worklist."""
    assert statement("link.proposed", event(("a", "b"))) is None
    assert statement("link.dismissed", event(("a", "b"))) is None


def test_members_registered_at_one_position_are_told_apart_by_id() -> None:
    """So that the name of a person never depends on chance."""
    assert Cluster({"b": 5, "a": 5}).earliest(["b", "a"]) == "a"
