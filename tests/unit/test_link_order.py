"""In whatever order merges and bars are stated, the same people are one: any set of statements, in any order."""

from itertools import combinations
from random import Random
from typing import Final
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands.links import Bar, Merge, Unbar
from tests.fakes.region import Region

Pair = tuple[int, int]
PEOPLE: Final = "abcde"
PAIRS: Final = list(combinations(range(len(PEOPLE)), 2))
some = st.lists(st.sampled_from(PAIRS), unique=True, max_size=6)


class Desk:
    """Five people of a region."""

    def __init__(self) -> None:
        self.region = Region()
        self.people = self.region.persons(*PEOPLE)

    def say(self, what: type[Merge | Bar | Unbar], pair: Pair) -> None:
        """State it of a pair."""
        self.region.ask(what(one=self.people[pair[0]], other=self.people[pair[1]], reason="papers seen"))

    def persons(self) -> set[frozenset[int]]:
        """Who is one with whom."""
        known = self.region.membership()
        return {
            frozenset(self.people.index(UUID(member)) for member in known.person_of(str(one))) for one in self.people
        }


@given(merges=some, bars=some, random=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_bars_and_merges_does_not_matter(merges: list[Pair], bars: list[Pair], random: Random) -> None:
    """L3: of merges that a bar sets against each other the earlier one counts, whenever the bar was stated. Once no bar
    is left, all of them count.
    """
    bars = [pair for pair in bars if pair not in merges][:3]
    one, other = Desk(), Desk()
    for desk, said in ((one, [*bars, *merges]), (other, _among(merges, bars, random))):
        for pair in said:
            desk.say(Bar if pair in bars else Merge, pair)
    assert one.persons() == other.persons()
    assert not any({*pair} <= person for pair in bars for person in one.persons())
    for pair in random.sample(bars, len(bars)):
        one.say(Unbar, pair)
    assert one.persons() == _joined(merges)


@given(merges=some, random=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_without_bars_merges_may_come_in_any_order(merges: list[Pair], random: Random) -> None:
    desk = Desk()
    for pair in random.sample(merges, len(merges)):
        desk.say(Merge, pair)
    assert desk.persons() == _joined(merges)


def _among(merges: list[Pair], bars: list[Pair], random: Random) -> list[Pair]:
    """The merges in their order, with the bars anywhere among them."""
    said = [*merges]
    for pair in bars:
        said.insert(random.randint(0, len(said)), pair)
    return said


def _joined(merges: list[Pair]) -> set[frozenset[int]]:
    """Worked out from the merges alone."""
    groups = [{place} for place in range(len(PEOPLE))]
    for pair in merges:
        left, right = (next(group for group in groups if side in group) for side in pair)
        if left is not right:
            left |= right
            groups.remove(right)
    return set(map(frozenset, groups))
