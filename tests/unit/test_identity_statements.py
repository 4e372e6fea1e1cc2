"""Whatever is said of identities, by humans and by rules: who is one person follows from what still holds, and no more.

A model keeps what each answer said of a pair, and works persons out from the definition. The ledger must agree with it
after every statement, and so must whoever reads the log from its start.
"""

from contextlib import suppress
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.commands.identities import Correct
from domain.commands.links import Bar, Dismiss, Merge, Propose, Unbar, Unmerge
from domain.errors import RuleBroken
from domain.membership import Membership
from domain.work import Command
from tests.fakes.erasing import Erase
from tests.fakes.region import Region, rules_in_force
from tests.fakes.weighing import ALIKE, NOBODY

MOST = 7
who = st.integers(0, MOST - 1)
pairs = st.tuples(who, st.integers(1, MOST - 1))
families = st.sampled_from(("FICTIVE", "AUTRE"))
Pair = tuple[UUID, UUID]


class Statements(RuleBasedStateMachine):
    """A region of up to seven identities, and what still holds between them."""

    @initialize()
    def begin(self) -> None:
        """Three identities that strict traits would call one person."""
        self.region = Region()
        self.version = 0
        self.change_rules(merge=True)
        self.people = self.region.persons("1", "2", "3")
        self.merged: dict[Pair, int] = {}
        self.barred: set[Pair] = set()
        self.said = 0

    @rule(merge=st.booleans())
    def change_rules(self, merge: bool) -> None:
        """Other rules come into force: strict traits merge, or only a number does."""
        self.version += 1
        rules_in_force(self.region, version=self.version, **({} if merge else NOBODY))

    @rule(family=families)
    def register(self, family: str) -> None:
        if len(self.people) < MOST:
            self.people.append(self.region.register(local_id=str(len(self.people) + 1), **ALIKE | {"family": family}))

    @rule(one=who, family=families)
    def correct(self, one: int, family: str) -> None:
        self._ask(Correct(identity=self._person(one), stated={"family": family, "given": "Alex"}, reason="papers"))

    @rule(one=who, rarely=st.integers(0, 9))
    def erase(self, one: int, rarely: int) -> None:
        if rarely == 0 and self._ask(Erase(identity=self._person(one), reason="error: file 1")):
            self.region.memory_vault.destroy(str(self._person(one)))

    @rule(pair=pairs)
    def merge(self, pair: tuple[int, int]) -> None:
        sides = self._sides(pair)
        if self._ask(Merge(**sides)):
            self._holds(sides, merged=True)

    @rule(pair=pairs, before=st.booleans())
    def merge_by_a_rule(self, pair: tuple[int, int], before: bool) -> None:
        """By the rules in force, or by those before them."""
        sides = self._sides(pair)
        command = Merge(**sides, rule="strict", rule_version=self.version - before, score=0.9)
        if self._ask(command).get("outcome") == "merged":
            self._holds(sides, merged=True)

    @rule(pair=pairs, by_rule=st.booleans())
    def unmerge(self, pair: tuple[int, int], by_rule: bool) -> None:
        sides = self._sides(pair)
        rules: dict[str, Any] = {"rule": "matching", "rule_version": self.version} if by_rule else {}
        if self._ask(Unmerge(**sides, **rules)):
            self._holds(sides)

    @rule(pair=pairs)
    def bar(self, pair: tuple[int, int]) -> None:
        if self._ask(Bar(**(sides := self._sides(pair)))):
            self._holds(sides, barred=True)

    @rule(pair=pairs)
    def unbar(self, pair: tuple[int, int]) -> None:
        if self._ask(Unbar(**(sides := self._sides(pair)))):
            self._holds(sides)

    @rule(pair=pairs)
    def dismiss(self, pair: tuple[int, int]) -> None:
        if self._ask(Dismiss(**(sides := self._sides(pair)))).get("outcome") == "unmerged":
            self._holds(sides)

    @rule(pair=pairs)
    def propose(self, pair: tuple[int, int]) -> None:
        told: dict[str, Any] = {"rule": "review", "rule_version": self.version, "score": 0.9, "compared": ["family"]}
        self._ask(Propose(**self._sides(pair), **told))

    @invariant()
    def each_identity_is_in_exactly_one_person(self) -> None:
        """As the definition says, as the ledger says, and as the log says from its start."""
        expected = self._expected()
        assert sorted(one for person in expected for one in person) == sorted(self.people)
        known, read = self.region.membership(), Membership()
        for event in self.region.history():
            if event.type in Membership.TYPES:
                read.apply(event.type, event.position, event.data)
        for membership in (known, read):
            assert {frozenset(map(UUID, membership.person_of(str(one)))) for one in self.people} == expected

    @invariant()
    def no_person_holds_a_barred_pair(self) -> None:
        """Directly or through others."""
        assert not [pair for pair in self.barred for person in self._expected() if person.issuperset(pair)]

    def teardown(self) -> None:
        """What was merged can be undone pair by pair, by whomever and however it came about; then nobody is two."""
        if not hasattr(self, "said"):
            return
        for one, other in sorted(self.merged):
            self.region.ask(Unmerge(one=one, other=other, reason="undone"))
        self.merged.clear()
        self.each_identity_is_in_exactly_one_person()
        assert self._expected() == {frozenset({one}) for one in self.people}

    def _person(self, place: int) -> UUID:
        return self.people[place % len(self.people)]

    def _sides(self, pair: tuple[int, int]) -> dict[str, Any]:
        """One, and another some places further."""
        one, further = pair
        other = one + 1 + further % (len(self.people) - 1)
        return {"one": self._person(one), "other": self._person(other), "reason": "papers seen"}

    def _ask(self, command: Command) -> dict[str, Any]:
        """What was refused never happened."""
        with suppress(RuleBroken):
            return dict(self.region.ask(command).result)
        return {}

    def _holds(self, sides: dict[str, Any], *, merged: bool = False, barred: bool = False) -> None:
        low, high = sorted((sides["one"], sides["other"]))
        self.merged.pop((low, high), None)
        self.barred.discard((low, high))
        self.said += 1
        if merged:
            self.merged[low, high] = self.said
        if barred:
            self.barred.add((low, high))

    def _expected(self) -> set[frozenset[UUID]]:
        """Merges in their order; one that would bring a barred pair together waits."""
        persons = {frozenset({one}) for one in self.people}
        for one, other in sorted(self.merged, key=self.merged.__getitem__):
            left, right = (next(person for person in persons if side in person) for side in (one, other))
            if not any(tuple(sorted(pair)) in self.barred for pair in combinations(left | right, 2)):
                persons = persons - {left, right} | {left | right}
        return persons


def test_who_is_one_person_follows_from_what_still_holds() -> None:
    run_state_machine_as_test(Statements, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
