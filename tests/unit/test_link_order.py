"""In whatever order merges and bars are stated, the same people are one: any set of statements, in any order."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import combinations
from random import Random
from typing import Final
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands.links import Bar, Merge, Unbar
from domain.errors import RuleBroken
from tests.fakes.region import Region, rules_in_force

Pair = tuple[int, int]
PEOPLE: Final = "abcde"
PAIRS: Final = list(combinations(range(len(PEOPLE)), 2))
BARS: Final = 3
some = st.lists(st.sampled_from(PAIRS), unique=True, max_size=6)
chance = st.randoms(use_true_random=False)


class Desk:
    """Five people of a region, whom its rules would all merge."""

    def __init__(self) -> None:
        self.region = Region()
        rules_in_force(self.region)
        self.people = self.region.persons(*PEOPLE)

    def say(self, what: type[Merge | Bar | Unbar], pair: Pair) -> None:
        """State it of a pair."""
        self.region.ask(what(one=self.people[pair[0]], other=self.people[pair[1]], reason="papers seen"))

    def merge_by_rule(self, pair: Pair) -> None:
        """As a policy asks: of two who are one person already it is refused."""
        one, other = (self.people[side] for side in pair)
        with suppress(RuleBroken):
            self.region.ask(Merge(one=one, other=other, reason="alike", rule="strict", rule_version=1))

    def persons(self) -> set[frozenset[int]]:
        """Who is one with whom."""
        known = self.region.membership()
        return {
            frozenset(self.people.index(UUID(member)) for member in known.person_of(str(one))) for one in self.people
        }


@given(merges=some, bars=some, random=chance)
@settings(max_examples=60, deadline=None)
def test_the_order_of_bars_and_merges_does_not_matter(merges: list[Pair], bars: list[Pair], random: Random) -> None:
    """L3: of merges that a bar sets against each other the earlier one counts, whenever the bar was stated. Once no bar
    is left, all of them count.
    """
    bars = [pair for pair in bars if pair not in merges][:BARS]
    one, other = Desk(), Desk()
    for desk, said in ((one, [*bars, *merges]), (other, _among(merges, bars, random))):
        for pair in said:
            desk.say(Bar if pair in bars else Merge, pair)
    assert one.persons() == other.persons()
    assert not any({*pair} <= person for pair in bars for person in one.persons())
    for pair in random.sample(bars, len(bars)):
        one.say(Unbar, pair)
    assert one.persons() == _joined(merges)


@given(merges=some, by_rules=some, bars=some, random=chance)
@settings(max_examples=60, deadline=None)
def test_what_rules_merge_and_when_changes_nothing_of_what_humans_said(
    merges: list[Pair], by_rules: list[Pair], bars: list[Pair], random: Random
) -> None:
    """L3: of the people whom humans merged the same are one, though rules merged others before, between or after."""
    by_rules = [pair for pair in by_rules if pair not in merges]
    bars = [pair for pair in bars if pair not in (*merges, *by_rules)][:BARS]
    alone, mixed = Desk(), Desk()
    for pair in [*merges, *bars]:
        alone.say(Bar if pair in bars else Merge, pair)
    for pair in _among(_among(merges, bars, random), by_rules, random):
        if pair in by_rules:
            mixed.merge_by_rule(pair)
        else:
            mixed.say(Bar if pair in bars else Merge, pair)
    assert all(any(person <= whole for whole in mixed.persons()) for person in alone.persons())
    for pair in merges:
        are_one = [any({*pair} <= person for person in desk.persons()) for desk in (alone, mixed)]
        assert are_one[0] == are_one[1], pair
    assert not any({*pair} <= person for pair in bars for person in mixed.persons())


@given(merges=some, by_rule=st.sampled_from(PAIRS), bars=some, random=chance)
@settings(max_examples=60, deadline=None)
def test_a_rule_may_merge_before_or_after_humans_speak(
    merges: list[Pair], by_rule: Pair, bars: list[Pair], random: Random
) -> None:
    """L3: the same people are one as soon as it was asked again, as whatever a human says leads to."""
    merges = [pair for pair in merges if pair != by_rule]
    bars = [pair for pair in bars if pair not in (*merges, by_rule)][:BARS]
    first, somewhere = Desk(), Desk()
    mixed = _among(_among(merges, bars, random), [by_rule], random)
    for desk, said in ((first, [by_rule, *merges, *bars]), (somewhere, mixed)):
        for pair in said:
            if pair == by_rule:
                desk.merge_by_rule(pair)
            else:
                desk.say(Bar if pair in bars else Merge, pair)
        desk.merge_by_rule(by_rule)
    assert first.persons() == somewhere.persons()


@given(merges=some, random=chance)
@settings(max_examples=30, deadline=None)
def test_without_bars_merges_may_come_in_any_order(merges: list[Pair], random: Random) -> None:
    desk = Desk()
    for pair in random.sample(merges, len(merges)):
        desk.say(Merge, pair)
    assert desk.persons() == _joined(merges)


def _among(said: Sequence[Pair], more: Sequence[Pair], random: Random) -> list[Pair]:
    """What was said in its order, with more anywhere among it."""
    mixed = [*said]
    for pair in more:
        mixed.insert(random.randint(0, len(mixed)), pair)
    return mixed


def _joined(merges: list[Pair]) -> set[frozenset[int]]:
    """Worked out from the merges alone."""
    groups = [{place} for place in range(len(PEOPLE))]
    for pair in merges:
        left, right = (next(group for group in groups if side in group) for side in pair)
        if left is not right:
            left |= right
            groups.remove(right)
    return set(map(frozenset, groups))
