"""Which pairs hold two one person, and which to cut: for any pairs, cutting those named parts the two."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.joined import Pair, joined
from domain.membership import Cluster, Merging

PEOPLE = "abcdefg"
graphs = st.sets(st.sampled_from(list(combinations(PEOPLE, 2))), max_size=14)


def weakness(pair: Pair) -> Pair:
    return pair


def together(merged: set[Pair]) -> bool:
    """Whether a and g are one person by these pairs."""
    cluster = Cluster(dict.fromkeys(PEOPLE, 0), dict.fromkeys(merged, Merging(by_rule=False, position=0)), set())
    return "g" in cluster.person_of("a")


@given(graphs)
@settings(max_examples=300, deadline=None)
def test_cutting_the_pairs_named_parts_the_two_and_none_of_them_is_needless(merged: set[Pair]) -> None:
    found = joined(merged, "a", "g", weakness)
    assert bool(found.cut) is together(merged)
    assert {*found.cut} <= {*found.holding} <= merged
    assert not together(merged - {*found.cut})
    assert all(together(merged - ({*found.cut} - {pair})) for pair in found.cut)


@pytest.mark.parametrize(
    ("merged", "cut"),
    [
        ({("a", "b"), ("b", "g")}, ("a", "b")),  # the weaker of two
        ({("a", "b"), ("a", "c"), ("b", "c"), ("c", "g")}, ("c", "g")),  # two ways lead to c, and one from there
        ({("a", "b"), ("b", "g"), ("b", "c"), ("d", "e")}, ("a", "b")),  # others hang on it, or stand aside
    ],
)
def test_one_pair_that_parts_them_is_named_alone(merged: set[Pair], cut: Pair) -> None:
    assert joined(merged, "a", "g", weakness).cut == (cut,)


def test_of_two_ways_each_is_cut() -> None:
    found = joined({("a", "b"), ("b", "g"), ("a", "c"), ("c", "g")}, "a", "g", weakness)
    assert len(found.cut) == 2
    assert {*found.holding} == {("a", "b"), ("b", "g"), ("a", "c"), ("c", "g")}


def test_two_who_are_not_one_person_are_held_by_nothing() -> None:
    assert joined({("a", "b")}, "a", "g", weakness) == ((), ())


def test_of_a_long_chain_one_pair_is_cut() -> None:
    """A chain: each pair of it parts the two ends. One look at each pair is enough to see it."""
    names = [f"{number:04}" for number in range(5_000)]
    merged = {*pairwise(names)}
    assert joined(merged, names[0], names[-1], weakness).cut == ((names[0], names[1]),)


@given(graphs)
@settings(max_examples=300, deadline=None)
def test_where_one_pair_alone_parts_the_two_one_is_cut(merged: set[Pair]) -> None:
    alone = {pair for pair in merged if together(merged) and not together(merged - {pair})}
    if alone:
        assert joined(merged, "a", "g", weakness).cut == (min(alone),)
