"""Who is one person: for any history of statements, the same answer as working everything out from nothing."""

from itertools import combinations, pairwise, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import membership
from domain.held import HUMAN
from domain.membership import Cluster, Membership, Merging, statement
from tests.fakes.statements import PEOPLE, SAID

worked_out = membership._persons
REGISTERED = {name: 50 - 7 * place for place, name in enumerate(PEOPLE)}  # the later letter registered earlier
HELD = {"merged": "merged", "by rule": "merged", "open": "open", "barred": "barred"}
Pair = tuple[str, str]
Persons = set[frozenset[str]]
History = list[tuple[Pair, str]]
Merged = dict[Pair, tuple[bool, int]]
"""Pairs, each with whether a rule merged it, and when."""

pairs = st.sampled_from(list(combinations(PEOPLE, 2)))
histories = st.lists(st.tuples(pairs, st.sampled_from(sorted(SAID))), max_size=30)
bounded = settings(max_examples=150, deadline=None)


def event(pair: Pair, rule: str = HUMAN) -> dict[str, Any]:
    """The fields of a link event that membership reads."""
    low, high = pair
    registered = {"low_registered": REGISTERED[low], "high_registered": REGISTERED[high]}
    return {"low": low, "high": high, "rule": rule, **registered}


def tell(membership: Membership, pair: Pair, said: str, position: int) -> None:
    """One event more."""
    event_type, rule = SAID[said]
    membership.apply(event_type, position, event(pair, rule))


def followed(history: History) -> Membership:
    """Membership, told one event after the other."""
    membership = Membership()
    for position, (pair, said) in enumerate(history, start=100):
        tell(membership, pair, said, position)
    return membership


def whole(history: History) -> Cluster[str]:
    """One cluster, told the same."""
    cluster: Cluster[str] = Cluster(dict(REGISTERED))
    for position, (pair, said) in enumerate(history, start=100):
        cluster.state(pair, HELD[said], position, SAID[said][1])
    return cluster


def net(history: History) -> tuple[Merged, set[Pair]]:
    """What still holds at the end: merged pairs, and barred pairs."""
    last = {pair: (said, position) for position, (pair, said) in enumerate(history, start=100)}
    merged = {pair: (said == "by rule", at) for pair, (said, at) in last.items() if HELD[said] == "merged"}
    return merged, {pair for pair, (said, _) in last.items() if said == "barred"}


def brute_force(merged: Merged, barred: set[Pair]) -> Persons:
    """Straight from the definition: take merges in order, humans' first, skip one that would put a barred pair into one
    person.
    """
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
def test_persons_are_those_of_a_recomputation_from_nothing(history: History) -> None:
    """After any history of merges, unmerges, bars and lifted bars, in any order."""
    assert persons_of(followed(history)) == brute_force(*net(history))


@bounded
@given(histories)
def test_who_was_asked_for_before_a_statement_is_told_anew_after_it(history: History) -> None:
    told = Membership()
    for step, (pair, said) in enumerate(history):
        tell(told, pair, said, 100 + step)
        assert persons_of(told) == brute_force(*net(history[: step + 1]))


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_a_rules_merge_gives_way_to_a_humans_in_whatever_order_they_were_said(order: tuple[int, ...]) -> None:
    """A rule merged A and B, a human B and C, and A and C are barred from each other."""
    said = [(("a", "b"), "by rule"), (("b", "c"), "merged"), (("a", "c"), "barred")]
    history = [said[place] for place in order]
    assert persons_of(followed(history)) >= {frozenset("a"), frozenset("bc")}
    assert whole(history).persons()[1] == [("a", "b")]
    lifted = [*history, (("a", "c"), "open")]
    assert persons_of(followed(lifted)) >= {frozenset("abc")}


def test_what_a_rule_merged_is_a_humans_once_a_human_merges_it_too() -> None:
    """Then it is taken before what a human merged later, and no rule's merge holds it back."""
    history = [(("a", "b"), "by rule"), (("a", "b"), "merged"), (("b", "c"), "merged"), (("a", "c"), "barred")]
    assert persons_of(followed(history)) >= {frozenset("ab"), frozenset("c")}


def test_a_rules_merge_that_was_taken_back_and_made_again_is_a_later_one() -> None:
    history = [(("a", "b"), "by rule"), (("a", "b"), "open"), (("b", "c"), "by rule"), (("a", "b"), "by rule")]
    assert persons_of(followed([*history, (("a", "c"), "barred")])) >= {frozenset("a"), frozenset("bc")}


@bounded
@given(histories)
def test_what_humans_said_holds_whatever_rules_merged(history: History) -> None:
    """Who is one person by what humans said is one person; and of their merges no more is held back."""
    merged, barred = net(history)
    by_humans = {pair: at for pair, at in merged.items() if not at[0]}
    persons = persons_of(followed(history))
    assert all(any(alone <= person for person in persons) for alone in brute_force(by_humans, barred))
    of_humans = Cluster(dict(REGISTERED), {pair: Merging(*at) for pair, at in by_humans.items()}, barred)
    held_back = {*whole(history).persons()[1]}
    assert held_back & {*by_humans} == {*of_humans.persons()[1]}


@bounded
@given(histories, st.randoms(use_true_random=False))
def test_humans_and_rules_may_speak_in_any_order(history: History, chance: Any) -> None:
    """What humans merged in their order, what rules merged in theirs, and bars anywhere: the same persons."""
    merged, barred = net(history)
    told = [[(pair, "merged") for pair in sorted(merged, key=merged.__getitem__) if not merged[pair][0]]]
    told.append([(pair, "by rule") for pair in sorted(merged, key=merged.__getitem__) if merged[pair][0]])
    told += [[(pair, "barred")] for pair in barred]
    mixed = []
    while told := [some for some in told if some]:
        mixed.append(chance.choice(told).pop(0))
    assert persons_of(followed(mixed)) == persons_of(followed(history))


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
def test_whom_merged_pairs_connect_are_one_person_once_all_bars_are_lifted(history: History) -> None:
    merged, barred = net(history)
    told, freed = followed(history), followed([*history, *((pair, "open") for pair in barred)])
    assert {name: told.connected(name) for name in PEOPLE} == {name: freed.person_of(name) for name in PEOPLE}


@bounded
@given(histories)
def test_no_person_holds_a_barred_pair(history: History) -> None:
    """Directly or through a third record."""
    _, barred = net(history)
    persons = persons_of(followed(history))
    assert not [pair for pair in barred for person in persons if set(pair) <= person]


@bounded
@given(histories)
def test_each_identity_is_in_exactly_one_person(history: History) -> None:
    """No orphan, no redirect to nothing (identity cases 6 and 7)."""
    persons = persons_of(followed(history))
    assert sorted(name for person in persons for name in person) == list(PEOPLE)


@bounded
@given(histories, st.randoms(use_true_random=False))
def test_only_what_still_holds_counts_not_the_way_there(history: History, chance: Any) -> None:
    """The net statements alone, told in any order with the positions they had, give the same persons."""
    merged, barred = net(history)
    told = [(pair, "by rule" if by_rule else "merged", at) for pair, (by_rule, at) in merged.items()]
    told += [(pair, "barred", 0) for pair in barred]
    chance.shuffle(told)
    retold = Membership()
    for pair, said, position in told:
        tell(retold, pair, said, position)
    assert persons_of(retold) == persons_of(followed(history))


@bounded
@given(histories)
def test_a_cluster_told_everything_at_once_agrees_with_one_told_step_by_step(history: History) -> None:
    """The rebuilding reader and the live one."""
    persons, _ = whole(history).persons()
    assert {frozenset(p) for p in persons} == persons_of(followed(history))


@bounded
@given(histories)
def test_splitting_a_cluster_loses_nobody_and_nothing_said(history: History) -> None:
    """Each member, merge and bar is in exactly one part, and a part joins what its pairs join."""
    cluster = whole(history)
    parts = list(cluster.split())
    assert sorted(m for part in parts for m in part.members) == list(PEOPLE)
    assert {p: at for part in parts for p, at in part.merged.items()} == cluster.merged
    assert {p for part in parts for p in part.barred} == cluster.barred
    assert {frozenset(p) for part in parts for p in part.persons()[0]} == {frozenset(p) for p in cluster.persons()[0]}


@bounded
@given(histories)
def test_a_person_is_named_by_its_earliest_registered_member(history: History) -> None:
    """Not by the smallest id: here the earliest is the last letter (identity case 24)."""
    told = followed(history)
    for person in persons_of(told):
        assert whole(history).earliest(person) == max(person)
        assert {told.person_id(name) for name in person} == {max(person)}


@bounded
@given(histories)
def test_every_merge_counts_or_is_held_back_because_of_a_bar(history: History) -> None:
    """A merged pair is of one person, or it waits and some bar says why."""
    merged, barred = net(history)
    cluster = whole(history)
    persons, held_back = cluster.persons()
    apart = {pair for pair in merged if not any(set(pair) <= person for person in persons)}
    assert apart <= set(held_back)
    assert barred or not held_back


@bounded
@given(histories, pairs)
def test_a_bar_between_two_is_found_just_when_merging_them_would_join_it(history: History, pair: Pair) -> None:
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
