"""Whatever is said of identities, by humans and by rules: who is one person follows from what still holds, and no more;
so does whose a study or an order is, and what protects whom, where identities are split and that is taken back.

A model keeps what each answer said of a pair, and works persons out from the definition; it keeps whose each study and
order is, too. The ledger must agree with it after every statement, and so must whoever reads the log from its start.
"""

from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.aggregates.consent import Consent
from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.aggregates.order import Order
from domain.aggregates.study import Study
from domain.commands.consents import LiftOpposition, Oppose
from domain.commands.erasures import HoldErasure, ReleaseHold
from domain.commands.identities import Correct
from domain.commands.links import Bar, Dismiss, Merge, Propose, Unbar, Unmerge
from domain.commands.orders import PlaceOrder
from domain.commands.splits import Split, UndoSplit
from domain.consent_statements import Scope
from domain.errors import RuleBroken
from domain.membership import Membership
from domain.work import Command
from domain.worklist import NUMBER_OF_TWO
from projections.identity_index.view import IdentityIndex
from projections.patient_record.view import PatientRecord
from schemas.event import ERASED
from tests.fakes.erasing import Erase
from tests.fakes.region import CLINICIAN, Region, received, rules_in_force
from tests.fakes.views import folded, of_topics
from tests.fakes.weighing import ALIKE, NOBODY

MOST, WITH_SPLITS = 7, 10
who = st.integers(0, WITH_SPLITS - 1)
pairs = st.tuples(who, st.integers(1, WITH_SPLITS - 1))
scopes = st.sampled_from((Scope.CONSULT, Scope.FEED))
cases = st.sampled_from(("case A", "case B"))
NOTHING: tuple[dict[Scope, int], set[str]] = {}, set()
families = st.sampled_from(("FICTIVE", "AUTRE"))
Pair = tuple[UUID, UUID]
THIRD: dict[str, str | None] = {"family": "TROISIEME", "given": "Zoé", "birth_date": "1960-06-06"}
"""What may be stated of who is split off; it may be said of who was, too, and of whom nothing is known."""


@dataclass
class Apart:
    """A split: the identity that held two people, and what moved. ``keeps``: what the new one has once it is undone."""

    mixed: UUID
    moved: list[UUID]
    undone: bool = False
    keeps: bool = True


class Statements(RuleBasedStateMachine):
    """A region of up to seven identities, and more that are split off them: what still holds between them, and whose
    each study and order is.
    """

    @initialize()
    def begin(self) -> None:
        """Three identities that strict traits would call one person."""
        self.region = Region()
        self.version = 0
        self.change_rules(merge=True)
        self.people = self.region.persons("1", "2", "3")
        self.number = {one: str(place) for place, one in enumerate(self.people, 1)}
        self.maybe_third: set[UUID] = set()
        self.erased: set[UUID] = set()
        self.owner: dict[UUID, UUID] = {}
        self.came: dict[UUID, UUID] = {}
        self.asked: dict[UUID, str] = {}
        self.splits: dict[UUID, Apart] = {}
        self.refused: dict[UUID, dict[Scope, int]] = {}
        self.held: dict[UUID, set[str]] = {}
        self.carried: dict[UUID, tuple[dict[Scope, int], set[str]]] = {}
        self.merged: dict[Pair, tuple[bool, int]] = {}
        self.barred: set[Pair] = set()
        self.said = 0
        for one in range(3):
            self.receive(one)
            self.receive(one)
            self.order(one)

    @rule(merge=st.booleans())
    def change_rules(self, merge: bool) -> None:
        """Other rules come into force: strict traits merge, or only a number does."""
        self.version += 1
        rules_in_force(self.region, version=self.version, **({} if merge else NOBODY))

    @rule(family=families)
    def register(self, family: str) -> None:
        if (number := len({*self.number.values()}) + 1) <= MOST:
            self._known(self.region.register(local_id=str(number), **ALIKE | {"family": family}), str(number))

    @rule(one=who, family=families)
    def correct(self, one: int, family: str) -> None:
        stated = {"family": family, "given": "Alex"}
        if self._ask(Correct(identity=self._person(one), stated=stated, reason="papers")):
            self.maybe_third.discard(self._person(one))

    @rule(one=who, rarely=st.integers(0, 9))
    def erase(self, one: int, rarely: int) -> None:
        if rarely == 0 and self._ask(Erase(identity=self._person(one), reason="error: file 1")):
            self.region.memory_vault.destroy(str(self._person(one)))
            self.erased.add(self._person(one))

    @rule(one=who, third=st.booleans())
    def receive(self, one: int, third: bool = False) -> None:
        """A study that names nobody is of whoever first bears the number, and none of anybody erased or emptied."""
        number, uid = self.number[self._person(one)], f"2.25.{len(self.came) + 1}"
        found = self._ask(received("CHB", uid, local_id=number, stated=THIRD if third else {"family": None}))
        whose = UUID(found["identity"])
        if whose not in self.number:
            self.maybe_third.add(whose)
            self._known(whose, number)
        assert whose not in self.erased
        assert whose not in self.splits or not self.splits[whose].undone or self.splits[whose].keeps
        self._comes_in(UUID(found["study"]), whose)

    @rule(one=who)
    def order(self, one: int) -> None:
        question = f"question {len(self.came) + 1}"
        asked = PlaceOrder(
            identity=self._person(one), site="CHB", ordered_by=CLINICIAN, modality="CT", question=question
        )
        if found := self._ask(asked):
            self.asked[UUID(found["order"])] = question
            self._comes_in(UUID(found["order"]), self._person(one))

    @rule(one=who, scope=scopes)
    def oppose(self, one: int, scope: Scope) -> None:
        whose = self._person(one)
        if self._ask(Oppose(identity=whose, scope=scope, reason="so it was said")):
            self.said += 1
            self.refused.setdefault(whose, {})[scope] = self.said

    @rule(one=who, scope=scopes)
    def lift(self, one: int, scope: Scope) -> None:
        whose = self._person(one)
        stood = scope in self.refused.get(whose, {}) and whose not in self.erased
        assert bool(self._ask(LiftOpposition(identity=whose, scope=scope))) == stood
        if stood:
            del self.refused[whose][scope]
            self.carried.get(whose, NOTHING)[0].pop(scope, None)

    @rule(one=who, case=cases)
    def hold(self, one: int, case: str) -> None:
        if self._ask(HoldErasure(identity=self._person(one), reference=case)):
            self.held.setdefault(self._person(one), set()).add(case)

    @rule(one=who, case=cases)
    def release(self, one: int, case: str) -> None:
        whose = self._person(one)
        stood = case in self.held.get(whose, set())
        assert bool(self._ask(ReleaseHold(identity=whose, reference=case))) == stood
        if stood:
            self.held[whose].discard(case)
            self.carried.get(whose, NOTHING)[1].discard(case)

    @rule(place=st.integers(0, 40), picked=st.sets(st.integers(0, 3), max_size=3), stated=st.booleans())
    def split(self, place: int, picked: set[int], stated: bool) -> None:
        """Whoever has one of the studies and orders loses some."""
        mixed = [*self.owner.values()][place % len(self.owner)]
        theirs = [item for item, whose in self.owner.items() if whose == mixed]
        moved = [item for number, item in enumerate(theirs) if number in picked]
        if len(self.people) >= WITH_SPLITS or (stated and mixed in self.maybe_third):
            return
        refused = self._refused_of_person(mixed)
        found = self._ask(
            Split(
                identity=mixed,
                studies=tuple(item for item in moved if item not in self.asked),
                orders=tuple(item for item in moved if item in self.asked),
                stated=THIRD if stated else {},
                reason="two people",
            )
        )
        assert bool(found) == (bool(moved) and mixed not in self.erased)
        if found:
            other = UUID(found["other"])
            self._known(other, self.number[mixed])
            self.maybe_third.add(other)
            self.splits[other] = Apart(mixed, moved)
            self.refused[other] = {scope: said[0] for scope, said in refused.items()}
            self.held[other] = {*self.held.get(mixed, set())}
            self.carried[other] = {**self.refused[other]}, {*self.held[other]}
            self.owner |= dict.fromkeys(moved, other)

    @rule(
        place=st.integers(0, 40),
        picked=st.sets(st.integers(0, 3), min_size=1, max_size=3),
        then=st.sampled_from(("merge", "bar", "split")),
        third=who,
    )
    def split_and_take_that_back(self, place: int, picked: set[int], then: str, third: int) -> None:
        """What is said of the new identity meanwhile decides whether that can be."""
        known = len(self.splits)
        self.split(place, picked, stated=False)
        if len(self.splits) == known:
            return
        other = [*self.splits][-1]
        another = self.splits[other].mixed if then == "bar" else self._person(third)
        sides = {"one": other, "other": another, "reason": "papers seen"}
        if then == "split":
            self.split([*self.owner.values()].index(other), {0}, stated=False)
        elif another != other:
            (self._merge if then == "merge" else self._bar)(sides)
        self._take_back(other)

    @rule(place=who)
    def take_a_split_back(self, place: int) -> None:
        """Of somebody who was split off, mostly."""
        named = [*self.splits, self._person(place)]
        self._take_back(named[place % len(named)])

    @rule(pair=pairs)
    def merge(self, pair: tuple[int, int]) -> None:
        self._merge(self._sides(pair))

    @rule(pair=pairs, before=st.booleans())
    def merge_by_a_rule(self, pair: tuple[int, int], before: bool) -> None:
        """By the rules in force, or by those before them."""
        self._merge_by_rule(self._sides(pair), self.version - before)

    @rule(place=who, order=st.permutations(range(3)))
    def a_rule_a_human_and_a_bar(self, place: int, order: list[int]) -> None:
        """Of three people, in any order: a rule merges the first two, a human the last two, and a bar keeps the others
        apart.
        """
        first, between, last = (self._person(place + further) for further in range(3))
        pairs = (first, between), (between, last), (first, last)
        sides = [{"one": one, "other": other, "reason": "papers seen"} for one, other in pairs]
        for number in order:
            if number == 0:
                self._merge_by_rule(sides[0], self.version)
            else:
                (self._merge if number == 1 else self._bar)(sides[number])

    @rule(pair=pairs, by_rule=st.booleans())
    def unmerge(self, pair: tuple[int, int], by_rule: bool) -> None:
        sides = self._sides(pair)
        rules: dict[str, Any] = {"rule": "matching", "rule_version": self.version} if by_rule else {}
        if self._ask(Unmerge(**sides, **rules)):
            self._holds(sides)

    @rule(pair=pairs)
    def bar(self, pair: tuple[int, int]) -> None:
        self._bar(self._sides(pair))

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
    def each_study_and_order_is_whose_the_statements_say(self) -> None:
        """And an order says what was asked, unless whose it is was erased."""
        held = self.region.load([*self.owner])
        for item, whose in self.owner.items():
            known = held[item]
            assert isinstance(known, Study | Order)
            assert known.identity_id == whose
            if isinstance(known, Order):
                assert known.words.question == (ERASED if whose in self.erased else self.asked[item])
        for other, known in self.region.load([*self.splits]).items():
            assert isinstance(known, Identity)
            assert (NUMBER_OF_TWO in known.flags) == self.splits[other].keeps

    @invariant()
    def whoever_is_protected_is_protected_still(self) -> None:
        """By what was said for them, and for both parts of whom they were split off."""
        ids = self.region.ids
        for one in self.people:
            consent = self.region.find(Consent, Consent.create_id(ids, one))
            erasure = self.region.find(Erasure, Erasure.create_id(ids, one))
            stands = {Scope(scope) for scope, _ in consent.oppositions} if consent else set()
            assert stands == {*self.refused.get(one, {})}
            assert ({*erasure.holds} if erasure else set()) == self.held.get(one, set())

    @invariant()
    def no_person_holds_a_barred_pair(self) -> None:
        """Directly or through others."""
        assert not [pair for pair in self.barred for person in self._expected() if person.issuperset(pair)]

    def teardown(self) -> None:
        """What was merged can be undone pair by pair, by whomever and however it came about; then nobody is two."""
        if not hasattr(self, "said"):
            return
        self._is_read_so_from_the_start()
        for one, other in sorted(self.merged):
            self.region.ask(Unmerge(one=one, other=other, reason="undone"))
        self.merged.clear()
        self.each_identity_is_in_exactly_one_person()
        assert self._expected() == {frozenset({one}) for one in self.people}
        for one, other in sorted(self.barred):
            self.region.ask(Unbar(one=one, other=other, reason="undone"))
        self.barred.clear()
        self._protect_nobody()
        for other in reversed([one for one, split in self.splits.items() if not split.undone]):
            self._take_back(other)
        self.each_study_and_order_is_whose_the_statements_say()
        if not self.erased:
            assert self.owner == self.came
        self._is_read_so_from_the_start()

    def _protect_nobody(self) -> None:
        """All is lifted and released, whoever may still."""
        for place, one in enumerate(self.people):
            for scope in [*self.refused.get(one, {})] if one not in self.erased else []:
                self.lift(place, scope)
            for case in [*self.held.get(one, set())]:
                self.release(place, case)

    def _is_read_so_from_the_start(self) -> None:
        """By the views, too."""
        history = self.region.history()
        record, index = (folded(view, of_topics(view, history)) for view in (PatientRecord(), IdentityIndex()))
        read = {**record.table("study"), **record.table("exam_order")}
        assert {UUID(item): UUID(row["identity_id"]) for (item,), row in read.items()} == self.owner
        asked = {UUID(item): row["question"] for (item,), row in record.table("exam_order").items()}
        told = {item: ERASED if self.owner[item] in self.erased else said for item, said in self.asked.items()}
        assert asked == told
        for one, known in self.region.load(self.people).items():
            assert isinstance(known, Identity)
            assert index.table("identity")[(str(one),)]["flags"] == sorted(known.flags)

    def _known(self, one: UUID, number: str) -> None:
        self.people.append(one)
        self.number[one] = number

    def _comes_in(self, item: UUID, whose: UUID) -> None:
        self.owner[item] = self.came[item] = whose

    def _take_back(self, other: UUID) -> None:
        """What is where the split put it goes back; all or nothing."""
        expected = self._may_be_taken_back(other)
        found = self._ask(UndoSplit(identity=other, reason="a mistake"))
        assert bool(found) == expected
        if found:
            split = self.splits[other]
            self.owner |= {item: split.mixed for item in split.moved if self.owner[item] == other}
            split.undone, split.keeps = True, other in self.owner.values()
            if not split.keeps:
                refused, held = self.carried[other]
                self.refused[other] = {s: at for s, at in self.refused[other].items() if refused.get(s) != at}
                self.held[other] -= held

    def _may_be_taken_back(self, other: UUID) -> bool:
        split = self.splits.get(other)
        if split is None or split.undone or not self.erased.isdisjoint((other, split.mixed)):
            return False
        mine, theirs = (next(p for p in self._expected() if side in p) for side in (split.mixed, other))
        barred = any((a in mine and b in theirs) or (b in mine and a in theirs) for a, b in self.barred)
        again = (one for one, later in self.splits.items() if later.mixed == other and not later.undone)
        protected = self._protects_as_well(split.mixed, other)
        return theirs - mine <= {other} and not barred and self.erased.issuperset(again) and protected

    def _protects_as_well(self, mixed: UUID, other: UUID) -> bool:
        """Whether the first refuses and is held as the new one is; to feeding since the same statement."""
        first, second = self._refused_of_person(mixed, but=other), self.refused.get(other, {})
        refused = all(s in first and (s is Scope.CONSULT or at in first[s]) for s, at in second.items())
        held = self.held.get(other, set())
        return refused and held <= self.carried[other][1] & self.held.get(mixed, set())

    def _refused_of_person(self, one: UUID, but: UUID | None = None) -> dict[Scope, list[int]]:
        """What was refused for somebody, and for the others who are the same person."""
        person = next(person for person in self._expected() if one in person)
        found: dict[Scope, list[int]] = {}
        for member in [one, *sorted(person - {one, but}, key=str)]:
            for scope, at in self.refused.get(member, {}).items():
                found.setdefault(scope, []).append(at)
        return found

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

    def _merge(self, sides: dict[str, Any]) -> None:
        """A human's; the answer says whether the two are one person then."""
        if told := self._ask(Merge(**sides)):
            self._holds(sides, merged=True)
            joined = any(person.issuperset((sides["one"], sides["other"])) for person in self._expected())
            assert told["outcome"] == ("merged" if joined else "held_back")

    def _merge_by_rule(self, sides: dict[str, Any], version: int) -> None:
        command = Merge(**sides, rule="strict", rule_version=version, score=0.9)
        if self._ask(command).get("outcome") == "merged":
            self._holds(sides, merged=True, by_rule=True)

    def _bar(self, sides: dict[str, Any]) -> None:
        if self._ask(Bar(**sides)):
            self._holds(sides, barred=True)

    def _holds(
        self, sides: dict[str, Any], *, merged: bool = False, by_rule: bool = False, barred: bool = False
    ) -> None:
        low, high = sorted((sides["one"], sides["other"]))
        self.merged.pop((low, high), None)
        self.barred.discard((low, high))
        self.said += 1
        if merged:
            self.merged[low, high] = by_rule, self.said
        if barred:
            self.barred.add((low, high))

    def _expected(self) -> set[frozenset[UUID]]:
        """Merges by humans in their order, then those by rules; one that would bring a barred pair together waits."""
        persons = {frozenset({one}) for one in self.people}
        for one, other in sorted(self.merged, key=self.merged.__getitem__):
            left, right = (next(person for person in persons if side in person) for side in (one, other))
            if not any(tuple(sorted(pair)) in self.barred for pair in combinations(left | right, 2)):
                persons = persons - {left, right} | {left | right}
        return persons


def test_who_is_one_person_follows_from_what_still_holds() -> None:
    run_state_machine_as_test(Statements, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
