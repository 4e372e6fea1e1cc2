"""Links: merging, unmerging and barring pairs, in any order. Numbered cases are those of the identity case list."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise, permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.commands import pairs
from domain.commands.announced_pairs import AnnounceLink, AnnounceMerge, AnnounceUnlink
from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag
from domain.commands.links import Bar, Dismiss, Merge, Propose, Unbar, Unmerge
from domain.commands.studies import ReassignStudy
from domain.errors import (
    AlreadyThere,
    Erased,
    EvidenceGone,
    HumanMadeIt,
    JoinedByOthers,
    NotFound,
    NothingToChange,
    OnePersonAlready,
    PairBarred,
    RuleBroken,
    RuleNotInForce,
    SameIdentity,
    StillMerged,
    TraitsDiffer,
)
from domain.held import HUMAN
from domain.membership import Membership
from domain.ports import Answer
from domain.work import Command, Envelope
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import Region, rules_in_force
from tests.fakes.weighing import NOBODY, TEST_OID, matricule


@pytest.fixture
def region() -> Region:
    """Whoever is alike in all strict traits is merged by the rules of version 1."""
    made = Region()
    rules_in_force(made)
    made.start = made.head()
    return made


def merge(one: UUID, other: UUID, rule: str = "human") -> Merge:
    return Merge(one=one, other=other, reason="same person", rule=rule, rule_version=int(rule != HUMAN))


def unmerge(one: UUID, other: UUID, rule: str = "human") -> Unmerge:
    return Unmerge(one=one, other=other, reason="twins", rule=rule, rule_version=int(rule != HUMAN))


def rename(identity: UUID, family: str) -> Correct:
    return Correct(identity=identity, stated={"family": family}, reason="typing error")


def propose(one: UUID, other: UUID) -> Propose:
    return Propose(one=one, other=other, reason="alike", rule="review", rule_version=1, score=0.9, compared=[])


def number(identity: UUID) -> AttachIns:
    """One that all of them may have."""
    return AttachIns(identity=identity, matricule=matricule(), oid=TEST_OID)


def bar(one: UUID, other: UUID) -> Bar:
    return Bar(one=one, other=other, reason="twins")


def unbar(one: UUID, other: UUID) -> Unbar:
    return Unbar(one=one, other=other, reason="a mistake")


def dismiss(one: UUID, other: UUID) -> Dismiss:
    return Dismiss(one=one, other=other, reason="looked at")


def person(region: Region, identity: UUID) -> set[UUID]:
    """All identities of the same person."""
    return {UUID(member) for member in region.membership().person_of(str(identity))}


def outcome(region: Region, command: Command) -> str:
    return str(region.ask(command).result["outcome"])


def test_nobody_is_told_that_other_pairs_hold_two_which_give_way_once_they_are_unmerged(region: Region) -> None:
    """B's merge with D, a human's, is held back until then; B's merge with C, a rule's, gives way to it."""
    a, b, c, d = region.persons("a", "b", "c", "d")
    for said in (merge(a, c, "strict"), merge(b, c, "strict"), merge(a, b), bar(a, d), merge(b, d)):
        region.ask(said)
    assert person(region, a) == {a, b, c}
    assert "still_joined_by" not in region.ask(unmerge(a, b)).result
    assert b not in person(region, a)


# The case list


def test_case_1_after_an_unmerge_every_record_is_its_own_identitys(region: Region) -> None:
    """No study ever moved, so nothing has to move back."""
    a, b = region.persons("a", "b")
    mine = region.receive(local_id="a", study_uid="2.25.1").result
    theirs = region.receive(local_id="b", study_uid="2.25.2").result
    region.ask(merge(a, b))
    before = region.head()
    region.ask(unmerge(a, b))
    assert (mine["identity"], theirs["identity"]) == (str(a), str(b))
    assert (person(region, a), person(region, b)) == ({a}, {b})
    assert region.types(before) == ["link.unmerged"]


def test_case_2_what_came_in_after_the_merge_follows_its_own_origin(region: Region) -> None:
    """Not the survivor: there is none."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b))
    later = region.receive(local_id="a", study_uid="2.25.3").result
    assert person(region, UUID(later["identity"])) == {a, b}
    region.ask(unmerge(a, b))
    assert later["identity"] == str(a)
    assert person(region, a) == {a}


def test_case_3_an_unmerge_is_never_refused_because_something_changed(region: Region) -> None:
    """Traits, flags, studies and other merges since."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(merge(a, b))
    region.ask(Correct(identity=a, stated={"given": "Zoé"}, reason="typing error"))
    region.ask(Flag(identity=b, flag="HOMA", reason="homonym"))
    region.receive(local_id="b")
    region.ask(merge(b, c))
    assert outcome(region, unmerge(a, b)) == "unmerged"


def test_case_4_after_the_split_each_shows_its_own_traits_only(region: Region) -> None:
    """Traits were never copied."""
    a, b = region.register(local_id="a", given="Zoé"), region.register(local_id="b", given="Léa", sex="F")
    region.ask(merge(a, b))
    region.ask(unmerge(a, b))
    kept = region.find(Identity, a)
    assert kept is not None
    assert (kept.traits["given"], kept.traits["sex"]) == ("Zoé", None)


def test_case_5_merging_in_either_direction_is_one_link_and_one_person(region: Region) -> None:
    """No second link, no leftover proposal."""
    a, b = region.persons("a", "b")
    first = region.ask(merge(a, b)).result["link"]
    assert type(region.refusal(merge(b, a))) is NothingToChange
    assert first == str(Link.create_id(IDS, *sorted((a, b))))
    assert person(region, a) == person(region, b) == {a, b}


def test_case_6_one_identity_offered_to_two_persons_is_in_exactly_one(region: Region) -> None:
    """At any position; and each offer can be taken back."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(bar(a, c))
    region.ask(merge(a, b))
    assert outcome(region, merge(b, c)) == "held_back"
    assert (person(region, b), person(region, c)) == ({a, b}, {c})
    region.ask(unmerge(a, b))
    assert (person(region, a), person(region, b)) == ({a}, {b, c})


def test_case_7_persons_rebuilt_from_the_log_are_the_same_and_leave_nobody_out(region: Region) -> None:
    """From nothing, from the stored events alone."""
    everybody = a, b, c, d = region.persons("a", "b", "c", "d")
    for command in (merge(a, b), merge(b, c), bar(c, d), unmerge(a, b), merge(a, d)):
        region.ask(command)
    rebuilt = Membership()
    for event in region.history():
        if event.type in Membership.TYPES:
            rebuilt.apply(event.type, event.position, event.data)
    for identity in everybody:
        assert rebuilt.person_of(str(identity)) == region.membership().person_of(str(identity))


def test_case_8_a_newcomer_that_fits_both_sides_of_a_bar_rejoins_nobody(region: Region) -> None:
    """C was broken off and barred; D matches A and C: the second match is held back."""
    a, b, c, d = region.persons("a", "b", "c", "d")
    for command in (merge(a, b), merge(b, c), unmerge(b, c), bar(b, c)):
        region.ask(command)
    assert outcome(region, merge(a, d)) == "merged"
    assert outcome(region, merge(c, d)) == "held_back"
    assert (person(region, a), person(region, c)) == ({a, b, d}, {c})


def test_case_9_a_barred_pair_stays_apart_until_a_human_lifts_the_bar(region: Region) -> None:
    """Whatever rule or third record comes."""
    a, b, c = region.persons("a", "b", "c")
    for one in (a, b, c):
        region.ask(number(one))
    region.ask(bar(a, b))
    for rule in ("human", "sure", "strict"):
        assert type(region.refusal(merge(a, b, rule))) is PairBarred
    assert outcome(region, merge(a, c, "sure")) == "merged"
    assert outcome(region, merge(b, c, "sure")) == "review"
    region.ask(unbar(a, b))
    assert outcome(region, merge(b, c)) == "merged"
    assert person(region, a) == {a, b, c}


def test_case_10_an_identity_is_not_merged_with_itself(region: Region) -> None:
    """L1: and nothing is written."""
    (a,) = region.persons("a")
    for say in (merge, unmerge, bar, unbar, dismiss):
        assert type(region.refusal(say(a, a))) is SameIdentity


def test_case_11_merges_in_a_circle_are_one_person(region: Region) -> None:
    """A to B, B to C, C to A: finite; and taking one back parts nobody."""
    a, b, c = region.persons("a", "b", "c")
    for command in (merge(a, b), merge(b, c), merge(c, a)):
        assert outcome(region, command) == "merged"
    assert person(region, a) == {a, b, c}
    region.ask(unmerge(b, c))
    assert person(region, b) == {a, b, c}


def test_case_12_a_merge_sent_twice_then_swapped_changes_nothing_more(region: Region) -> None:
    """The pair has one link whichever way round it is named: no flip-flop."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b))
    for command in (merge(a, b), merge(b, a)):
        assert type(region.refusal(command)) is NothingToChange
    assert region.types().count("link.merged") == 1


def test_case_13_a_study_that_is_already_where_it_goes_is_not_moved(region: Region) -> None:
    """S4: also when asked twice."""
    a, b = region.persons("a", "b")
    study = UUID(region.receive(local_id="a").result["study"])
    assert type(region.refusal(ReassignStudy(study=study, to_identity=a, reason="?"))) is AlreadyThere
    region.ask(ReassignStudy(study=study, to_identity=b, reason="wrong person on the list"))
    assert type(region.refusal(ReassignStudy(study=study, to_identity=b, reason="again"))) is AlreadyThere


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_case_15_chained_merges_are_reversed_in_any_order(region: Region, order: tuple[int, ...]) -> None:
    """Each reversal touches its own merge only."""
    a, b, c, d = region.persons("a", "b", "c", "d")
    chain = [(a, b), (b, c), (c, d)]
    for one, other in chain:
        region.ask(merge(one, other))
    for done, place in enumerate(order, start=1):
        region.ask(unmerge(*chain[place]))
        left = [chain[p] for p in order[done:]]
        assert all(other in person(region, one) for one, other in left)
        assert all(other not in person(region, one) for one, other in (chain[p] for p in order[:done]))


def test_case_17_a_merge_is_an_event_that_says_who_why_and_by_which_rule(region: Region) -> None:
    """Cases 14 and 18: with the rule's version, its score and the fields it compared."""
    a, b = region.persons("a", "b")
    command = Merge(
        one=a, other=b, reason="scored", rule="strict", rule_version=1, score=0.97, compared=["family", "birth_date"]
    )
    region.ask(command, "system:matcher")
    event = region.history()[-1]
    assert event.type == "link.merged"
    assert {k: event.data[k] for k in ("actor", "reason", "rule", "rule_version", "score", "compared")} == {
        "actor": "system:matcher",
        "reason": "scored",
        "rule": "strict",
        "rule_version": 1,
        "score": 0.97,
        "compared": ["family", "birth_date"],
    }


def test_case_20_what_a_human_unmerged_only_a_human_merges_again(region: Region) -> None:
    """L5: a rule that finds the pair once more is refused."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b, "strict"))
    region.ask(unmerge(a, b))
    assert type(region.refusal(merge(a, b, "strict"))) is HumanMadeIt
    assert outcome(region, merge(a, b)) == "merged"


# The rules


def test_a_pair_is_one_link_whichever_side_is_named_first(region: Region) -> None:
    """L1."""
    a, b = region.persons("a", "b")
    low, high = sorted((a, b))
    region.ask(merge(high, low))
    proposed = next(e for e in region.history() if e.type == "link.proposed")
    assert (proposed.data["low"], proposed.data["high"]) == (str(low), str(high))


def test_a_merge_carries_where_both_sides_were_registered(region: Region) -> None:
    """So that a reader of links alone can name the person by its earliest member."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b))
    merged = region.history()[-1].data
    positions = {e.aggregate_id: e.position for e in region.history() if e.type == "identity.registered"}
    assert merged["low_registered"] == positions[merged["low"]]
    assert merged["high_registered"] == positions[merged["high"]]


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([merge], merge),
        ([], unmerge),
        ([merge, unmerge], unmerge),
        ([bar], bar),
        ([], unbar),
        ([merge], dismiss),
        ([bar], dismiss),
        ([bar], unmerge),
        ([dismiss], dismiss),
    ],
)
def test_a_statement_that_changes_nothing_is_refused(region: Region, before: list[object], refused: object) -> None:
    """L2."""
    a, b = region.persons("a", "b")
    for say in before:
        region.ask(say(a, b))  # type: ignore[operator]  # parametrized functions lose their type
    assert type(region.refusal(refused(a, b))) is NothingToChange  # type: ignore[operator]


def test_a_barred_pair_is_not_merged(region: Region) -> None:
    """L3: with what to do, if the bar was a mistake."""
    a, b = region.persons("a", "b")
    region.ask(bar(a, b))
    refusal = region.refusal(merge(a, b))
    assert type(refusal) is PairBarred
    assert "lift the bar first" in str(refusal)


@pytest.mark.parametrize(
    ("rule", "found", "event"),
    [("human", "held_back", "link.merged"), ("strict", "review", "link.review_requested")],
)
def test_a_merge_against_a_bar_names_the_pair_that_is_barred(region: Region, rule: str, found: str, event: str) -> None:
    """L3: who looks at it needs to know which bar stands in the way."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(bar(a, c))
    region.ask(merge(a, b))
    answer = region.ask(merge(b, c, rule))
    assert answer.result["outcome"] == found
    assert set(answer.result["barred"]) == {str(a), str(c)}
    assert region.types()[-1] == event


def test_a_merge_that_is_held_back_counts_once_the_bar_is_lifted(region: Region) -> None:
    """L3: nobody has to ask for it again; and asking while it waits says what it waits for."""
    a, b, c = region.persons("a", "b", "c")
    for command in (bar(a, c), merge(a, b), merge(b, c)):
        region.ask(command)
    refusal = region.refusal(merge(b, c))
    assert type(refusal) is NothingToChange
    assert "held back by the bar of" in str(refusal)
    region.ask(unbar(a, c))
    assert person(region, c) == {a, b, c}


def test_a_rules_merge_gives_way_to_a_humans_newer_one(region: Region) -> None:
    """L3: a rule merged A and B, A and C are barred from each other, and a human merges B and C."""
    a, b, c = region.persons("a", "b", "c")
    for command in (merge(a, b, "strict"), bar(a, c)):
        region.ask(command)
    answer = region.ask(merge(b, c))
    assert answer.result["outcome"] == "merged"
    assert answer.result["gives_way"] == [sorted((str(a), str(b)))]
    assert (person(region, a), person(region, b)) == ({a}, {b, c})
    region.ask(unbar(a, c))
    assert person(region, a) == {a, b, c}


def test_a_rules_merge_gives_way_whenever_the_bar_is_set(region: Region) -> None:
    """L3: also after both."""
    a, b, c = region.persons("a", "b", "c")
    for command in (merge(a, b, "strict"), merge(b, c), bar(a, c)):
        region.ask(command)
    assert (person(region, a), person(region, b)) == ({a}, {b, c})
    region.ask(unmerge(b, c))
    assert person(region, a) == {a, b}


def test_a_rule_that_speaks_after_the_human_changes_nothing(region: Region) -> None:
    """L3: the same persons as where it spoke first; its merge waits for a human, and counts once asked again."""
    a, b, c = region.persons("a", "b", "c")
    for command in (bar(a, c), merge(b, c)):
        region.ask(command)
    assert outcome(region, merge(a, b, "strict")) == "review"
    assert (person(region, a), person(region, b)) == ({a}, {b, c})
    region.ask(unbar(a, c))
    assert outcome(region, merge(a, b, "strict")) == "merged"


def test_a_merge_that_gave_way_can_be_dismissed_or_made_a_humans(region: Region) -> None:
    """A human merged B and C before, so what a human says of A and B waits, until C is parted from B."""
    a, b, c = region.persons("a", "b", "c")
    for command in (merge(a, b, "strict"), bar(a, c), merge(b, c)):
        region.ask(command)
    assert outcome(region, merge(a, b)) == "held_back"
    assert "held back by the bar of" in str(region.refusal(merge(a, b)))
    region.ask(unmerge(b, c))
    assert person(region, a) == {a, b}
    region.ask(merge(b, c))
    assert outcome(region, dismiss(b, c)) == "unmerged"


def test_what_a_rule_merged_is_a_humans_once_a_human_merges_it_too(region: Region) -> None:
    """L2, L5: no rule takes it back, and nothing that a human merges later makes it give way."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(merge(a, b, "strict"))
    assert region.ask(merge(a, b)).result == {"link": str(Link.create_id(IDS, *sorted((a, b)))), "outcome": "merged"}
    assert type(region.refusal(merge(a, b))) is NothingToChange
    region.ask(bar(a, c))
    assert outcome(region, merge(b, c)) == "held_back"
    region.ask(rename(b, "AUTRE"))
    assert type(region.refusal(unmerge(a, b, "matching"))) is HumanMadeIt
    assert person(region, a) == {a, b}


def test_an_establishment_says_of_two_whom_a_rule_merged_that_they_are_one(region: Region) -> None:
    """L2, L5: it knows; said again it writes nothing, and no rule takes it back."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b, "strict"))
    said = AnnounceMerge(site="CHB", pairs=(("a", "b"),), content="1")
    before = region.head()
    assert outcome(region, said) == "merged"
    assert region.types(before) == ["link.merged"]
    assert region.ask(said).positions == ()
    region.ask(rename(b, "AUTRE"))
    assert type(region.refusal(unmerge(a, b, "matching"))) is HumanMadeIt


def test_an_establishments_merge_of_two_whom_no_rule_would_merge_any_more_is_a_proposal(region: Region) -> None:
    """Whether the rule took its merge back before or not: the sex of one was corrected, and a clerk decides."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b, "strict"))
    region.ask(Correct(identity=b, stated={"sex": "M"}, reason="papers seen"))
    said, before = AnnounceMerge(site="CHB", pairs=(("a", "b"),), content="1"), region.head()
    assert (outcome(region, said), outcome(region, said)) == ("review", "review")
    assert region.types(before) == ["link.unmerged", "link.review_requested"]
    assert [event.data["rule"] for event in region.history(before)] == ["matching", HUMAN]
    assert person(region, a) == {a}
    assert type(region.refusal(unmerge(a, b, "matching"))) is NothingToChange
    region.ask(Correct(identity=b, stated={"sex": "F"}, reason="misread"))
    assert outcome(region, merge(a, b, "strict")) == "merged"


def test_an_establishments_merge_takes_nothing_back_that_a_rule_holds_still(region: Region) -> None:
    """L7: one number makes it sure, also where a birth date has a slip."""
    a, b = region.persons("a", "b")
    for one in (a, b):
        region.ask(number(one))
    region.ask(merge(a, b, "sure"))
    region.ask(Correct(identity=b, stated={"birth_date": "1970-01-03"}, reason="papers seen"))
    said = AnnounceMerge(site="CHB", pairs=(("a", "b"),), content="1")
    assert (outcome(region, said), region.ask(said).positions) == ("merged", ())


def test_an_establishments_merge_that_is_held_back_is_answered_so_each_time(region: Region) -> None:
    """By a bar, and merges by humans: a clerk decides, until the bar is lifted."""
    a, b, c = region.persons("a", "b", "c")
    for command in (bar(a, c), merge(b, c)):
        region.ask(command)
    said = AnnounceMerge(site="CHB", pairs=(("a", "b"),), content="1")
    assert (outcome(region, said), outcome(region, said)) == ("review", "review")
    region.ask(unbar(a, c))
    assert outcome(region, said) == "merged"


@pytest.mark.parametrize("asked", [False, True])
def test_an_establishment_that_says_that_two_are_two_keeps_rules_from_them(region: Region, asked: bool) -> None:
    """L5: also of two of whom nothing was said; what waits for a human is on no list any more."""
    a, b = region.persons("a", "b")
    if asked:
        region.ask(Correct(identity=b, stated={"sex": "M"}, reason="papers seen"))
        assert outcome(region, AnnounceLink(site="CHB", one="a", other="b", content="1")) == "review"
        region.ask(Correct(identity=b, stated={"sex": "F"}, reason="misread"))
    said = AnnounceUnlink(site="CHB", one="b", other="a", content="2")
    assert outcome(region, said) == "apart"
    link = region.find(Link, Link.create_id(IDS, *sorted((a, b))))
    assert link is not None
    assert (link.waits, link.dismissed) == (False, True)
    assert region.ask(said).positions == ()
    assert type(region.refusal(merge(a, b, "strict"))) is HumanMadeIt
    assert outcome(region, AnnounceLink(site="CHB", one="a", other="b", content="3")) == "merged"


@pytest.mark.parametrize("say", [bar, dismiss])
def test_an_establishment_that_says_of_two_who_are_parted_that_they_are_two_changes_nothing(
    region: Region, say: Any
) -> None:
    """What a human said is enough."""
    a, b = region.persons("a", "b")
    region.ask(say(a, b))
    assert region.ask(AnnounceUnlink(site="CHB", one="a", other="b", content="1")).positions == ()


def test_a_human_who_makes_a_rules_merge_their_own_names_what_differs(region: Region) -> None:
    """L6: it was corrected since, and one number holds the two together."""
    a, b = region.persons("a", "b")
    for one in (a, b):
        region.ask(number(one))
    region.ask(merge(a, b, "sure"))
    region.ask(Correct(identity=b, stated={"sex": "M"}, reason="papers seen"))
    assert type(region.refusal(merge(a, b))) is TraitsDiffer
    assert outcome(region, replace(merge(a, b), even_though=("sex",))) == "merged"


@pytest.mark.parametrize("both", [True, False])
def test_of_two_merges_by_humans_that_a_bar_sets_against_each_other_the_earlier_counts(
    region: Region, both: bool
) -> None:
    """L3: and so of two by rules."""
    a, b, c = region.persons("a", "b", "c")
    rule = HUMAN if both else "strict"
    for command in (merge(a, b, rule), merge(b, c, rule), bar(a, c)):
        region.ask(command)
    assert (person(region, a), person(region, c)) == ({a, b}, {c})


def test_a_merge_that_is_held_back_can_be_dismissed(region: Region) -> None:
    """It is undone, as a human's word on the pair: no rule merges the two either."""
    a, b, c = region.persons("a", "b", "c")
    for command in (bar(a, c), merge(a, b), merge(b, c)):
        region.ask(command)
    assert outcome(region, dismiss(b, c)) == "unmerged"
    region.ask(unbar(a, c))
    assert person(region, c) == {c}
    assert type(region.refusal(merge(b, c, "strict"))) is HumanMadeIt


def test_a_merged_pair_is_not_barred(region: Region) -> None:
    """L4: unmerge it, then bar it."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b))
    assert type(region.refusal(bar(a, b))) is StillMerged
    region.ask(unmerge(a, b))
    assert outcome(region, bar(a, b)) == "barred"


def test_what_a_rule_unmerged_a_rule_may_merge_again(region: Region) -> None:
    """L5: only a human's word binds rules."""
    a, b = region.persons("a", "b")
    merged, unmerged = merge(a, b, "strict"), unmerge(a, b, "matching")
    for command in (merged, rename(b, "AUTRE"), unmerged, rename(b, "FICTIVE"), merged):
        region.ask(command)
    assert person(region, a) == {a, b}


def test_a_proposal_is_dismissed_and_can_still_be_merged_later(region: Region) -> None:
    """A dismissal is no bar."""
    a, b, c = region.persons("a", "b", "c")
    for command in (bar(a, c), merge(a, b), merge(b, c, "strict"), dismiss(b, c), unbar(a, c)):
        region.ask(command)
    assert outcome(region, merge(b, c)) == "merged"


def test_an_identity_that_nobody_registered_is_linked_to_nobody(region: Region) -> None:
    """Each statement."""
    (a,) = region.persons("a")
    missing = Identity.create_id(IDS, "CHB", "missing")
    for say in (merge, unmerge, bar, unbar, dismiss):
        assert type(region.refusal(say(a, missing))) is NotFound


def test_a_pair_that_was_dismissed_comes_back_to_review_when_it_is_asked_again(region: Region) -> None:
    """L3: a merge that waits must be on somebody's list, whatever was said of the pair before."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(bar(a, c))
    region.ask(merge(a, b))
    region.ask(merge(b, c))
    region.ask(Dismiss(one=b, other=c, reason="not now"))
    assert region.ask(merge(b, c)).result["outcome"] == "held_back"
    assert region.types()[-1] == "link.merged"


def test_two_who_are_one_person_by_others_are_not_dismissed(region: Region) -> None:
    """L9: the answer would say that they are two, and the record would still be one."""
    a, b, c = region.persons("a", "b", "c")
    for command in (propose(a, b), merge(a, c, "strict"), merge(b, c, "strict")):
        region.ask(command)
    refused = region.refusal(dismiss(a, b))
    assert isinstance(refused, JoinedByOthers)
    region.ask(Unmerge(one=UUID(refused.cut[0][0]), other=UUID(refused.cut[0][1]), reason="twins"))
    assert outcome(region, dismiss(a, b)) == "dismissed"
    assert person(region, a).isdisjoint(person(region, b))


def test_a_pair_that_waits_in_review_is_not_listed_twice(region: Region) -> None:
    """L3: asking again changes nothing while nobody has answered."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(bar(a, c))
    region.ask(merge(a, b))
    region.ask(merge(b, c, "strict"))
    assert region.ask(merge(b, c, "strict")).positions == ()


def test_a_pair_that_waits_of_somebody_erased_keeps_no_other_pair_from_a_human(region: Region) -> None:
    """Nobody is shown the erased one any more: what another identity of that person agrees with would be lost."""
    a, b, c = region.persons("a", "b", "c")
    region.ask(merge(a, b))
    region.ask(propose(a, c))
    assert type(region.refusal(propose(b, c))) is NothingToChange
    region.ask(Erase(identity=a, reason="error: file 1"))
    assert region.ask(propose(b, c)).result["outcome"] == "proposed"


def test_a_rule_does_not_take_back_what_a_human_merged(region: Region) -> None:
    """L5: human decisions survive every rule."""
    a, b = region.persons("a", "b")
    region.ask(merge(a, b))
    region.ask(rename(b, "AUTRE"))
    with pytest.raises(HumanMadeIt, match="only a human"):
        region.ask(unmerge(a, b, "matching"))


@pytest.mark.parametrize("said", [(merge, unmerge), (dismiss,)])
def test_a_bar_set_and_lifted_does_not_open_to_a_rule_what_a_human_parted(region: Region, said: Any) -> None:
    """L5: the bar went, what was said before it stands."""
    a, b = region.persons("a", "b")
    for say in (*said, bar, unbar):
        region.ask(say(a, b))
    assert type(region.refusal(merge(a, b, "strict"))) is HumanMadeIt
    assert outcome(region, merge(a, b)) == "merged"


def test_a_bar_with_a_third_record_does_not_put_to_review_what_a_human_dismissed(region: Region) -> None:
    """L5: else the rule's merge would be open once that bar is lifted."""
    a, b, c = region.persons("a", "b", "c")
    for command in (dismiss(a, b), merge(b, c), bar(a, c)):
        region.ask(command)
    assert type(region.refusal(merge(a, b, "strict"))) is HumanMadeIt


def test_a_rule_does_not_join_what_a_human_parted_through_whom_a_bar_holds_back(region: Region) -> None:
    """A's merge with C gives way to a human's while A and E are barred; it counts once the bar is lifted."""
    a, b, c, e = region.persons("a", "b", "c", "e")
    for said in (dismiss(a, b), merge(a, c, "strict"), bar(a, e), merge(c, e)):
        region.ask(said)
    answer = region.ask(merge(b, c, "strict"))
    assert (answer.result["outcome"], set(answer.result["parted"])) == ("review", {str(a), str(b)})
    region.ask(unbar(a, e))
    assert person(region, a) == {a, c, e}


def test_a_rule_does_not_join_what_a_human_parted_through_a_third_record(region: Region) -> None:
    """L5: a newcomer who matches both changes nothing of what was said of the two; a human is asked."""
    a, b, c = region.persons("a", "b", "c")
    for command in (dismiss(a, b), merge(b, c, "strict")):
        region.ask(command)
    answer = region.ask(merge(a, c, "strict"))
    assert (answer.result["outcome"], set(answer.result["parted"])) == ("review", {str(a), str(b)})
    assert person(region, a) == {a}
    assert outcome(region, merge(a, c)) == "merged"


def test_a_proposal_of_a_third_record_stands_though_a_human_set_the_two_persons_apart(region: Region) -> None:
    """L5: what was said of one pair is not said of the other."""
    a, b, c = region.persons("a", "b", "c")
    for command in (dismiss(a, b), merge(b, c, "strict")):
        region.ask(command)
    assert outcome(region, propose(a, c)) == "proposed"


def test_two_whom_rules_merged_with_somebody_who_is_erased_now_are_parted_by_a_human_alone(region: Region) -> None:
    """I7, L9: whatever their numbers are; the refusal names the pair to cut."""
    a, b, x = region.persons("a", "b", "x")
    for said in (merge(a, x, "strict"), merge(x, b, "strict"), Erase(identity=x, reason="error: file 1"), number(a)):
        region.ask(said)
    region.ask(replace(number(b), matricule=matricule("002")))
    assert [type(region.refusal(unmerge(side, x, "matching"))) for side in (a, b)] == [Erased] * 2
    refused = region.refusal(unmerge(a, b))
    assert isinstance(refused, JoinedByOthers)
    assert [{*pair} for pair in refused.cut] == [{str(b), str(x)}]
    region.ask(unmerge(b, x))
    assert (person(region, a), person(region, b)) == ({a, x}, {b})


@pytest.mark.parametrize("side", [0, 1])
def test_nobody_is_merged_with_somebody_who_was_erased(region: Region, side: int) -> None:
    """I7, by a rule or by a human: the studies of the erased would tell, in another's record, who they were."""
    a, b = region.persons("a", "b")
    region.ask(Erase(identity=(a, b)[side], reason="asked for by the person"))
    assert type(region.refusal(merge(a, b, "strict"))) is Erased
    assert type(region.refusal(propose(a, b))) is Erased
    assert type(region.refusal(merge(a, b))) is Erased


def test_a_human_who_asks_for_a_merge_takes_their_dismissal_back(region: Region) -> None:
    """L5: it is held back by a bar with a third record, and counts once that is gone."""
    a, b, c = region.persons("a", "b", "c")
    for command in (dismiss(a, b), merge(b, c), bar(a, c), merge(a, b), unbar(a, c)):
        region.ask(command)
    assert person(region, a) == {a, b, c}


# L7, L8: what a rule's statement rests on


def test_a_rule_merges_nobody_whom_a_correction_made_differ(region: Region) -> None:
    """L7: it was called for before; after another correction it holds again."""
    a, b = region.persons("a", "b")
    region.ask(rename(b, "AUTRE"))
    assert type(region.refusal(merge(a, b, "strict"))) is EvidenceGone
    assert type(region.refusal(propose(a, b))) is EvidenceGone
    region.ask(rename(b, "FICTIVE"))
    assert outcome(region, merge(a, b, "strict")) == "merged"


def test_a_rule_takes_no_merge_back_that_a_correction_supports_again(region: Region) -> None:
    """L7: the first correction called for it, the second came before it was asked. Of a number that both have."""
    a, b = region.persons("a", "b")
    for one in (a, b):
        region.ask(number(one))
    region.ask(merge(a, b, "sure"))
    for given_name in ("Camille", "Alex"):
        region.ask(Correct(identity=b, stated={"given": given_name}, reason="typing error"))
    assert type(region.refusal(unmerge(a, b, "matching"))) is EvidenceGone
    region.ask(Correct(identity=b, stated={"given": "Camille"}, reason="typing error"))
    assert outcome(region, unmerge(a, b, "matching")) == "unmerged"


def test_an_ins_counts_as_the_index_counts_it(region: Region) -> None:
    """L7: attached to both it is evidence, detached it is none."""
    rules_in_force(region, version=2, **NOBODY)
    a, b = region.persons("a", "b")
    asked = Merge(one=a, other=b, reason="same INS", rule="sure", rule_version=2)
    for one in (a, b):
        assert type(region.refusal(asked)) is EvidenceGone
        region.ask(number(one))
    region.ask(DetachIns(identity=b, reason="of another"))
    assert type(region.refusal(asked)) is EvidenceGone
    region.ask(number(b))
    assert outcome(region, asked) == "merged"


def test_an_ins_that_took_the_place_of_another_is_no_evidence_until_a_clerk_settles_it(region: Region) -> None:
    """L7, I11: and a merge that rested on it is taken back once a clerk doubts it."""
    rules_in_force(region, version=2, **NOBODY)
    a, b = region.persons("a", "b")
    asked = Merge(one=a, other=b, reason="same INS", rule="sure", rule_version=2)
    region.ask(replace(number(a), matricule=matricule("002")))
    for one in (a, b):
        region.ask(number(one))
    assert type(region.refusal(asked)) is EvidenceGone
    region.ask(ClearFlag(identity=a, flag="ins_replaced", reason="INSi knows it"))
    assert outcome(region, asked) == "merged"
    back = Unmerge(one=a, other=b, reason="in doubt", rule="matching", rule_version=2)
    assert type(region.refusal(back)) is EvidenceGone
    region.ask(Flag(identity=b, flag="ins_replaced", reason="another card was shown"))
    assert outcome(region, back) == "unmerged"


def test_a_rule_links_nobody_twice_who_are_one_person_by_now(region: Region) -> None:
    """L2: a newcomer was looked up while two whom they agree with were still two."""
    a, b, c = region.persons("a", "b", "c")
    for one, other in ((a, b), (a, c)):
        region.ask(merge(one, other, "strict"))
    assert type(region.refusal(merge(b, c, "strict"))) is OnePersonAlready
    assert type(region.refusal(propose(b, c))) is OnePersonAlready


@pytest.mark.parametrize(("few", "looks"), [(pairs.FEW, 2), (2, 4)])
def test_what_merges_of_one_person_ask_for_is_looked_up_together(
    region: Region, monkeypatch: pytest.MonkeyPatch, few: int, looks: int
) -> None:
    """Each joins those before, with whom it may have been set apart: the identities are looked up, and all their pairs;
    of a person of many as they come.
    """
    people = region.persons("a", "b", "c", "d", "e")
    region.ask(dismiss(people[0], people[-1]))
    asked, load = list[int](), region.load

    def counted(ids: Sequence[UUID]) -> Any:
        asked.append(len(ids))
        return load(ids)

    monkeypatch.setattr(pairs, "FEW", few)
    monkeypatch.setattr(region, "load", counted)
    merges = [(merge(one, other, "strict"), Envelope("system:test")) for one, other in pairwise(people)]
    told = [answer.result["outcome"] for answer in region.execute_many(merges) if isinstance(answer, Answer)]
    assert told == [*["merged"] * 3, "review"]
    assert len(asked) == looks


@pytest.mark.parametrize("version", [0, 1, 3])
def test_only_a_version_in_force_decides(region: Region, version: int) -> None:
    """L8: not one that was replaced, was never published, or is none."""
    a, b, c, d = region.persons("a", "b", "c", "d")
    region.ask(merge(c, d, "strict"))
    rules_in_force(region, version=2)
    sides: dict[str, Any] = {"one": a, "other": b, "reason": "late", "rule": "strict", "rule_version": version}
    assert type(region.refusal(Merge(**sides))) is RuleNotInForce
    assert type(region.refusal(Propose(**sides, score=None, compared=[]))) is RuleNotInForce
    undo = Unmerge(one=c, other=d, reason="late", rule="matching", rule_version=version)
    assert type(region.refusal(undo)) is RuleNotInForce


@pytest.mark.parametrize("late", ["renamed", "dismissed", "other rules"])
@pytest.mark.parametrize("together", [True, False])
def test_what_changes_between_a_rules_decision_and_its_storing_is_looked_at_again(
    region: Region, monkeypatch: pytest.MonkeyPatch, late: str, together: bool
) -> None:
    """L7, L8: alone or among others, nothing that came first in the ledger is overlooked."""
    a, b, c, d = region.persons("a", "b", "c", "d")
    region.ask(merge(b, c, "strict"))
    insert = region.recorder.insert_events

    def overtaken(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(region.recorder, "insert_events", insert)
        if late == "renamed":
            region.ask(rename(b, "AUTRE"))
        elif late == "dismissed":
            region.ask(dismiss(a, c))
        else:
            rules_in_force(region, version=2)
        return insert(*given, **named)

    monkeypatch.setattr(region.recorder, "insert_events", overtaken)
    asked = [merge(a, b, "strict")] + [bar(a, d)] * together
    answer = region.execute_many([(command, Envelope("system:test")) for command in asked])[0]
    assert person(region, a) == {a}
    told = answer.result["outcome"] if isinstance(answer, Answer) else type(answer)
    assert told == {"renamed": EvidenceGone, "dismissed": "review", "other rules": RuleNotInForce}[late]


STATEMENTS = st.sampled_from(
    [(say, rule) for say in (merge, unmerge) for rule in (HUMAN, "strict")]
    + [(say, HUMAN) for say in (bar, unbar, dismiss)]
)
PAIRS = st.sampled_from([*combinations(range(4), 2)])


def joined(region: Region, one: UUID, other: UUID, *, freed: bool) -> bool:
    """Whether two are one person, or would be once all bars are lifted."""
    membership = region.membership()
    return str(other) in (membership.around((str(one),)) if freed else membership.person_of(str(one)))


@given(st.lists(st.tuples(STATEMENTS, PAIRS), max_size=25))
def test_a_rule_never_merges_a_pair_whose_last_human_word_parts_it(history: list[Any]) -> None:
    """L5, after any statements in any order; nor does it join such a pair through others, now or once bars go."""
    region = Region()
    rules_in_force(region)
    people = region.persons("a", "b", "c", "d")
    word: dict[tuple[int, int], Any] = {}
    for (say, rule), pair in history:
        one, other = (people[n] for n in pair)
        said = [(people[p[0]], people[p[1]]) for p in word if word[p] in (unmerge, dismiss)]
        apart = [(p, freed) for p in said for freed in (False, True) if not joined(region, *p, freed=freed)]
        try:
            answer = region.ask(say(one, other) if say in (bar, unbar, dismiss) else say(one, other, rule))
        except RuleBroken:
            continue
        if say is merge and rule != HUMAN:
            assert word.get(pair) not in (unmerge, dismiss), answer.result
            assert [p for p, freed in apart if joined(region, *p, freed=freed)] == []
        elif rule == HUMAN and say in (merge, unmerge, dismiss):
            word[pair] = say


def test_a_merge_that_a_bar_holds_back_keeps_what_differed(region: Region) -> None:
    """L6: the human knew it, and the merge counts once the bar is lifted."""
    a, b = region.persons("1", "2")
    c = region.register(local_id="3", sex="M")
    region.ask(merge(a, b))
    region.ask(bar(b, c))
    known = Merge(one=a, other=c, reason="papers seen", even_though=("sex",))
    assert type(region.refusal(replace(known, even_though=()))) is TraitsDiffer
    assert outcome(region, known) == "held_back"
    assert [e.data["differing"] for e in region.history() if e.type == "link.merged"] == [[], ["sex"]]
