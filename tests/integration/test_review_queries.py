"""What waits for a clerk, on PostgreSQL: kinds, what comes first, filters and pages, and two people side by side."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from domain.commands.announced_pairs import AnnounceLink, AnnounceMerge
from domain.commands.identities import AttachIns, ClearFlag, DetachIns, Flag, Register, SetStatus
from domain.commands.links import Bar, Dismiss, Merge, Propose
from domain.commands.received_patient import OF_EITHER
from domain.commands.reviews import Alone, Assign, Pair, Postpone
from domain.commands.splits import Split, UndoSplit
from domain.identity_status import Status
from domain.times import iso, micros
from domain.worklist import KINDS
from projections.identity_index.evidenced import Evidence
from projections.identity_index.queries import duplicates
from projections.identity_index.review import one_pair, review_list
from projections.identity_index.view import IdentityIndex
from projections.identity_index.waiting import Wanted
from tests.fakes.erasing import Erase
from tests.fakes.region import received, rules_in_force
from tests.fakes.views import Hospitals, pair
from tests.fakes.weighing import EVERYBODY, matricule
from tests.integration.view_reader import ViewReader
from tests.unit.test_rules_weighed import model

pytestmark = pytest.mark.live

TEST_OID = "1.2.250.1.213.1.4.10"
STRICT = {
    "family": "Fictive",
    "given": "Anne",
    "first_names": "Anne Marie",
    "birth_date": "1979-03-05",
    "sex": "F",
    "birth_place": "51215",
}
Read = Callable[[], Any]
Entry = dict[str, Any]


@pytest.fixture
def region() -> Hospitals:
    """Three hospitals without patients; any two are put to a human."""
    made = Hospitals()
    rules_in_force(made, **EVERYBODY)
    return made


@pytest.fixture
def read(region: Hospitals, database_url: str) -> Iterator[Read]:
    """A connection to the view as it is after all that was said so far."""
    with closing(ViewReader(database_url, IdentityIndex())) as reader:
        yield lambda: reader.read(region)


def propose(region: Hospitals, one: str, other: str, score: float = 0.5) -> None:
    """A rule finds a pair alike, and leaves it to a human."""
    rule: dict[str, Any] = {"rule": "review", "rule_version": 1, "score": score, "compared": ["family"]}
    region.ask(Propose(**pair(one, other), reason="alike", **rule))


def state(region: Hospitals, number: str, **stated: str) -> str:
    """One local identity of CHA, with these traits."""
    return str(region.ask(Register(assigner="CHA", local_id=number, stated=stated)).result["identity"])


def as_pair(one: str, other: str) -> Pair:
    """Two, as they wait."""
    return Pair(one=UUID(one), other=UUID(other))


def collide(region: Hospitals, number: str = "7") -> tuple[str, str]:
    """One number that an assigner gave to two people."""
    for study, (family, born) in enumerate((("Martin", "1950-01-01"), ("Durand", "1980-06-06"))):
        region.receive("CHA", number, f"2.25.{study}", family=family, birth_date=born)
    first, second = [e.aggregate_id for e in region.history() if e.type == "identity.registered"][-2:]
    return first, second


def told(entries: list[Entry]) -> list[tuple[str, str | None]]:
    """Kind and code of each, in order."""
    return [(entry["kind"], entry["code"]) for entry in entries]


def whose(entry: Entry) -> set[str]:
    """The identities of an entry."""
    return {side["identity"] for side in entry["identities"]}


def test_two_of_two_assigners_are_proposed_and_two_of_one_are_a_potential_duplicate(
    region: Hospitals, read: Read
) -> None:
    a, b, c = region.register("CHA", "1"), region.register("CHA", "2"), region.register("CHB", "3")
    propose(region, a, c)
    propose(region, a, b)
    assert told(review_list(read())) == [("proposal", None), ("duplicate", "DPOT")]


def test_a_duplicate_that_a_human_stated_and_a_bar_holds_back_is_proven(region: Hospitals, read: Read) -> None:
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHA", "3")
    region.ask(Merge(**pair(a, b), reason="papers seen"))
    region.ask(Merge(**pair(a, c), reason="papers seen"))
    region.ask(Bar(**pair(b, c), reason="twins"))
    (entry,) = review_list(read())
    assert (entry["kind"], entry["code"], entry["waits_as"]) == ("duplicate", "DOUA", "held back")


def test_whoever_came_in_under_a_number_in_use_stands_beside_who_had_it(region: Hospitals, read: Read) -> None:
    first, second = collide(region)
    (entry,) = review_list(read())
    assert (entry["kind"], entry["code"], entry["why"]) == ("collision", "COLV", ["collision"])
    assert whose(entry) == {first, second}
    assert {side["local_id"] for side in entry["identities"]} == {"7", "7#2"}
    assert entry["reason"] == "the number is in use for another person"


@pytest.mark.parametrize("statement", [Dismiss, Bar, Merge])
def test_a_collision_is_off_the_list_once_somebody_said_what_the_two_are(
    region: Hospitals, read: Read, statement: Any
) -> None:
    first, second = collide(region)
    more = {"even_though": ("birth_date",)} if statement is Merge else {}
    region.ask(statement(**pair(first, second), reason="papers seen", **more))
    assert review_list(read()) == []


def test_who_may_be_any_of_several_who_bear_a_number_stands_beside_each_until_one_is_taken(
    region: Hospitals, read: Read
) -> None:
    first, second = collide(region)
    region.ask(Dismiss(**pair(first, second), reason="papers seen"))
    region.ask(received("CHA", "2.25.9", local_id="7", stated={"sex": "F"}, instances=1))
    third = next(e.aggregate_id for e in reversed(region.history()) if e.type == "identity.registered")
    (entry,) = review_list(read())
    assert (whose(entry), entry["reason"]) == ({first, third}, OF_EITHER)
    region.ask(Dismiss(**pair(first, third), reason="the other one's"))
    (entry,) = review_list(read())
    assert whose(entry) == {second, third}
    until = region.clock() + timedelta(days=2)
    assert region.ask(Postpone(what=as_pair(second, third), until=until, reason="the desk is asked")).result["link"]
    region.ask(Merge(**pair(second, third), reason="papers seen"))
    assert review_list(read()) == []


def test_who_is_one_with_any_who_bore_the_number_is_off_the_list(region: Hospitals, read: Read) -> None:
    first, second = collide(region)
    region.ask(Dismiss(**pair(first, second), reason="papers seen"))
    region.ask(received("CHA", "2.25.9", local_id="7", stated={"sex": "F"}, instances=1))
    third = next(e.aggregate_id for e in reversed(region.history()) if e.type == "identity.registered")
    region.ask(Merge(**pair(second, third), reason="papers seen"))
    assert review_list(read()) == []


def test_nobody_stands_beside_an_identity_that_a_split_taken_back_emptied(region: Hospitals, read: Read) -> None:
    answer = region.receive("CHA", "7", "2.25.1", family="Martin", birth_date="1950-01-01").result
    first, study = answer["identity"], UUID(answer["study"])
    emptied = region.ask(Split(identity=UUID(first), studies=(study,), reason="two people")).result["other"]
    region.ask(UndoSplit(identity=UUID(emptied), reason="one after all"))
    third = region.receive("CHA", "7", "2.25.2", family="Durand", birth_date="1980-06-06").result["identity"]
    (entry,) = review_list(read())
    assert whose(entry) == {first, third}
    region.ask(Dismiss(**pair(first, third), reason="papers seen"))
    assert review_list(read()) == []


def test_a_collision_is_off_the_list_once_its_flag_is_cleared(region: Hospitals, read: Read) -> None:
    _, second = collide(region)
    region.ask(ClearFlag(identity=UUID(second), flag="collision", reason="the assigner gave a new number"))
    assert review_list(read()) == []


def test_a_collision_that_a_rule_proposes_too_is_on_the_list_once(region: Hospitals, read: Read) -> None:
    for number, born in enumerate(("1950-01-01", "1980-06-06")):
        region.receive("CHA", "7", f"2.25.{number}", birth_date=born)
    first, second = (e.aggregate_id for e in region.history() if e.type == "identity.registered")
    propose(region, first, second)
    assert told(review_list(read())) == [("collision", "COLV")]


def test_an_identity_that_may_hold_two_people_waits_alone(region: Hospitals, read: Read) -> None:
    for number, born in enumerate(("1950-01-01", "1950-01-02")):
        region.receive("CHA", "7", f"2.25.{number}", birth_date=born)
    (entry,) = review_list(read())
    assert (entry["kind"], entry["code"], entry["why"]) == ("collision", "COLP", ["traits_differ"])
    assert len(entry["identities"]) == 1


def test_a_matricule_that_contradicts_its_identity_is_a_doubtful_number(region: Hospitals, read: Read) -> None:
    identity = region.register("CHA", "1")
    region.ask(AttachIns(identity=UUID(identity), matricule="279035121518989", oid=TEST_OID))
    (entry,) = review_list(read())
    assert (entry["kind"], entry["code"], entry["why"]) == ("doubtful-number", None, ["ins_doubtful"])


@pytest.mark.parametrize("settle", [DetachIns, partial(ClearFlag, flag="ins_replaced")])
def test_a_matricule_that_took_the_place_of_another_stands_beside_it_until_that_is_settled(
    region: Hospitals, read: Read, settle: Any
) -> None:
    first, second = matricule("001"), matricule("002")
    identity = UUID(region.register("CHA", "1"))
    for number in (first, second):
        region.ask(AttachIns(identity=identity, matricule=number, oid=TEST_OID))
    (entry,) = review_list(read())
    assert (entry["kind"], entry["code"], entry["why"]) == ("doubtful-number", None, ["ins_replaced"])
    assert entry["reason"] == "the matricule took the place of another"
    (side,) = entry["identities"]
    assert (side["ins"], side["replaced"]) == (
        {"matricule": second, "oid": TEST_OID},
        [{"matricule": first, "oid": TEST_OID}],
    )
    region.ask(AttachIns(identity=identity, matricule=first, oid=TEST_OID))
    (back,) = review_list(read())
    assert [one["matricule"] for one in back["identities"][0]["replaced"]] == [second]
    assert back["position"] == entry["position"]
    region.ask(settle(identity=identity, reason="INSi knows it"))
    assert review_list(read()) == []


def test_the_evidence_says_that_a_number_took_the_place_of_another(region: Hospitals, database_url: str) -> None:
    one, other = region.register("CHA", "1"), region.register("CHB", "2")
    for identity, orders in ((one, ("002", "001")), (other, ("001",))):
        for order in orders:
            region.ask(AttachIns(identity=UUID(identity), matricule=matricule(order), oid=TEST_OID))
    with closing(ViewReader(database_url, IdentityIndex(model()))) as reader:
        connection = reader.read(region)
        found = Evidence(connection).of(one_pair(connection, one, other))
    assert found is not None
    (words,) = (told["words"] for told in found["traits"] if told["trait"] == "number")
    assert words == "same INS, in doubt: one took the place of another"


def test_a_number_that_was_kept_and_then_given_up_is_a_doubtful_number(region: Hospitals, read: Read) -> None:
    identity, other = region.register("CHA", "1"), region.register("CHA", "2")
    for kept, gone in (("1", "2"), ("2", "1")):
        region.ask(AnnounceMerge(site="CHA", pairs=((kept, gone),), content="x"))
    (entry,) = review_list(read())
    assert (entry["kind"], entry["why"], entry["identities"][0]["identity"]) == (
        "doubtful-number",
        ["number_swapped"],
        identity,
    )
    assert other != identity
    region.ask(ClearFlag(identity=UUID(identity), flag="number_swapped", reason="the ward says number 2 is in use"))
    assert review_list(read()) == []


def crowd(region: Hospitals) -> dict[str, frozenset[str]]:
    """One of each kind, the least pressing first; each by its name."""
    doubtful = region.register("CHC", "1")
    region.ask(AttachIns(identity=UUID(doubtful), matricule="279035121518989", oid=TEST_OID))
    found = {"number": frozenset({doubtful})}
    a, b = region.register("CHC", "2"), region.register("CHB", "3")
    propose(region, a, b, 0.6)
    found["small"] = frozenset({a, b})
    c, d, e = (region.register("CHC", number) for number in ("4", "5", "6"))
    region.ask(Merge(**pair(c, d), reason="papers seen"))
    propose(region, d, e, 0.5)
    found["large"] = frozenset({d, e})
    for number, born in enumerate(("1950-01-01", "1980-06-06")):
        region.receive("CHB", "9", f"2.25.{number}", birth_date=born)
    found["collision"] = frozenset(e.aggregate_id for e in region.history()[-4:] if e.type == "identity.registered")
    return found


def test_what_is_at_risk_comes_first_then_what_gains_most_then_the_oldest(region: Hospitals, read: Read) -> None:
    """A pair of which one is a person of two gains twice; whoever is mixed up with another is hurt."""
    named = {people: name for name, people in crowd(region).items()}
    connection = read()
    risk = [named.get(frozenset(whose(entry)), "collision") for entry in review_list(connection)]
    assert risk == ["collision", "large", "small", "number"]
    ages = [named.get(frozenset(whose(e)), "collision") for e in review_list(connection, wanted=Wanted(by_age=True))]
    assert ages == ["number", "small", "large", "collision"]


def test_worth_is_the_probability_times_the_pairs_of_records_that_are_joined(region: Hospitals, read: Read) -> None:
    crowd(region)
    worth = {entry["score"]: entry["worth"] for entry in review_list(read()) if entry["score"]}
    assert worth == {0.5: 1.0, 0.6: 0.6}


def test_pages_follow_each_other_and_say_how_many_there_are(region: Hospitals, read: Read) -> None:
    crowd(region)
    connection = read()
    pages = [review_list(connection, 3, wanted=Wanted(skip=skip)) for skip in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 1, 0]
    assert {entry["of"] for page in pages for entry in page} == {4}
    assert len({frozenset(whose(entry)) for page in pages for entry in page}) == 4


def test_a_list_is_narrowed_by_kind_assigner_and_age(region: Hospitals, read: Read) -> None:
    crowd(region)
    connection = read()
    counts = {kind: len(review_list(connection, wanted=Wanted(kinds=(kind,)))) for kind in KINDS}
    assert counts == {"proposal": 1, "duplicate": 1, "collision": 1, "doubtful-number": 1}
    assert len(review_list(connection, wanted=Wanted(kinds=("proposal", "collision")))) == 2
    assert len(review_list(connection, wanted=Wanted(assigner="CHB"))) == 2
    oldest = review_list(connection, wanted=Wanted(by_age=True))
    since = region.history()[-1].data["recorded_at"]
    older = [whose(entry) for entry in review_list(connection, wanted=Wanted(before=since, by_age=True))]
    assert older == [whose(entry) for entry in oldest[:-1]]  # the newest entry began with the last event
    assert review_list(connection, wanted=Wanted(before=1)) == []


def test_a_postponed_pair_is_off_the_list_until_its_day_and_waits_since_it_did(region: Hospitals, read: Read) -> None:
    a, b = region.register("CHA", "1"), region.register("CHB", "2")
    propose(region, a, b)
    (before,) = review_list(read())
    until = region.clock() + timedelta(days=7)
    region.ask(Postpone(what=as_pair(a, b), until=until, reason="papers awaited"))
    connection, day = read(), micros(until)
    assert review_list(connection, wanted=Wanted(awake_at=day - 1)) == []
    (after,) = review_list(connection, wanted=Wanted(awake_at=day))
    (entry,) = review_list(connection)
    assert after == entry == before | {"postponed_until": iso(day)}


def test_a_pair_that_is_given_to_a_clerk_is_found_by_them(region: Hospitals, read: Read) -> None:
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHC", "3")
    propose(region, a, b)
    propose(region, a, c)
    region.ask(Assign(what=as_pair(a, b), assigned_to="clerk:martin", reason="knows the ward"))
    connection = read()
    (mine,) = review_list(connection, wanted=Wanted(assigned_to="clerk:martin"))
    (nobodys,) = review_list(connection, wanted=Wanted(assigned_to=""))
    assert (whose(mine), mine["assigned_to"]) == ({a, b}, "clerk:martin")
    assert (whose(nobodys), nobodys["assigned_to"]) == ({a, c}, None)


def test_two_under_one_number_are_postponed_before_anybody_proposed_them(region: Hospitals, read: Read) -> None:
    first, second = collide(region)
    until = region.clock() + timedelta(days=7)
    region.ask(Postpone(what=as_pair(first, second), until=until, reason="the desk is asked"))
    (entry,) = review_list(read())
    assert (entry["kind"], entry["code"], entry["postponed_until"]) == ("collision", "COLV", iso(micros(until)))


ALONE = {"COLP": "names_differ", "doubtful": "number_swapped", "COLV": "collision"}


@pytest.mark.parametrize("flag", ALONE.values(), ids=ALONE)
def test_one_identity_that_waits_alone_is_postponed_and_given_to_a_clerk(
    region: Hospitals, read: Read, flag: str
) -> None:
    identity = UUID(region.register("CHA", "1"))
    region.ask(Flag(identity=identity, flag=flag, reason="seen at the desk"))
    (before,) = review_list(read())
    until = region.clock() + timedelta(days=7)
    region.ask(Postpone(what=Alone(identity=identity), until=until, reason="the desk is asked"))
    region.ask(Assign(what=Alone(identity=identity), assigned_to="clerk:martin", reason="knows the ward"))
    connection, day = read(), micros(until)
    assert review_list(connection, wanted=Wanted(awake_at=day - 1)) == []
    (after,) = review_list(connection, wanted=Wanted(awake_at=day, assigned_to="clerk:martin"))
    assert after == before | {"postponed_until": iso(day), "assigned_to": "clerk:martin"}
    assert review_list(connection, wanted=Wanted(assigned_to="")) == []


def test_of_two_things_that_wait_of_one_identity_one_is_postponed(region: Hospitals, read: Read) -> None:
    identity = UUID(region.register("CHA", "1"))
    for flag in ("names_differ", "ins_left_out"):
        region.ask(Flag(identity=identity, flag=flag, reason="seen at the desk"))
    until = region.clock() + timedelta(days=7)
    region.ask(Postpone(what=Alone(identity=identity, kind="collision"), until=until, reason="the desk is asked"))
    assert told(review_list(read(), wanted=Wanted(awake_at=micros(until) - 1))) == [("doubtful-number", None)]


def test_another_doubt_about_an_identity_ends_that_it_was_postponed(region: Hospitals, read: Read) -> None:
    identity = UUID(region.register("CHA", "1"))
    region.ask(Flag(identity=identity, flag="names_differ", reason="seen at the desk"))
    until = region.clock() + timedelta(days=7)
    region.ask(Postpone(what=Alone(identity=identity), until=until, reason="the desk is asked"))
    region.ask(Flag(identity=identity, flag="traits_differ", reason="another birth date"))
    (entry,) = review_list(read())
    assert (entry["postponed_until"], entry["why"]) == (None, ["names_differ", "traits_differ"])


def test_what_the_establishment_says_of_two_who_differ_is_proven_and_waits(region: Hospitals, read: Read) -> None:
    for number, born in (("1", "1950-01-01"), ("2", "1980-06-06")):
        state(region, number, family="Fictive", given="Anne", birth_date=born)
    region.ask(AnnounceLink(site="CHA", one="1", other="2", content="x"))
    assert told(review_list(read())) == [("duplicate", "DOUA")]


def test_two_numbers_that_are_qualified_under_one_matricule_are_proven(region: Hospitals, read: Read) -> None:
    one, other = (state(region, number, **STRICT) for number in ("1", "2"))
    propose(region, one, other)
    assert told(review_list(read())) == [("duplicate", "DPOT")]
    for identity in map(UUID, (one, other)):
        region.ask(AttachIns(identity=identity, matricule="279035121518989", oid=TEST_OID))
        region.ask(SetStatus(identity=identity, status=Status.QUAL, reason="papers seen"))
    assert told(review_list(read())) == [("duplicate", "DOUA")]
    region.ask(Dismiss(**pair(one, other), reason="twins under one number"))
    shown = one_pair(read(), one, other)
    assert (shown["code"], shown["said"], shown["waits_as"]) == (None, "dismissed", None)


def test_two_numbers_that_are_one_person_are_a_proven_duplicate_through_others_too(
    region: Hospitals, read: Read
) -> None:
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHA", "3")
    region.ask(Merge(**pair(a, b), reason="papers seen"))
    region.ask(Merge(**pair(b, c), reason="papers seen"))
    connection = read()
    shown = one_pair(connection, a, c)
    assert (shown["kind"], shown["code"], shown["waits_as"]) == ("duplicate", "DOUA", None)
    assert duplicates(connection, [a, b, c]) == [{"code": "DOUA", "assigner": "CHA", "local_ids": ["1", "3"]}]
    assert duplicates(connection, [a, b]) == duplicates(connection, [a, b, c], [c]) == []


def test_two_under_one_number_who_were_one_person_after_all_are_no_duplicate(region: Hospitals, read: Read) -> None:
    first, second = collide(region)
    region.ask(Merge(**pair(first, second), reason="papers seen", even_though=("birth_date",)))
    connection = read()
    assert (one_pair(connection, first, second)["code"], duplicates(connection, [first, second])) == (None, [])


def test_any_two_are_shown_side_by_side_also_where_nobody_spoke_of_them(region: Hospitals, read: Read) -> None:
    a, b = region.register("CHA", "1", family="Martin"), region.register("CHB", "2", family="Durand")
    shown = one_pair(read(), b, a)
    assert whose(shown) == {a, b}
    assert (shown["link"], shown["position"], shown["kind"]) == (None, None, "proposal")
    assert {side["traits"]["family"] for side in shown["identities"]} == {"Martin", "Durand"}


def test_evidence_tells_in_words_and_bits_what_the_weight_is_made_of(region: Hospitals, database_url: str) -> None:
    a, b = region.register("CHA", "1", family="Martin"), region.register("CHB", "2", family="Durand")
    with closing(ViewReader(database_url, IdentityIndex(model()))) as reader:
        connection = reader.read(region)
        found = Evidence(connection).of(one_pair(connection, a, b))
        alone = Evidence(connection).of({"identities": one_pair(connection, a, b)["identities"][:1]})
        gone = Evidence(connection).of(one_pair(connection, a, b, {a}))
    assert (alone, gone) == (None, None)
    assert found is not None
    assert found["weight"] == pytest.approx(
        found["prior"] + found["rare_names"] + sum(one["bits"] for one in found["traits"])
    )
    bits = {one["words"]: one["bits"] for one in found["traits"]}
    assert bits["same given name"] > 0 > bits["family names differ"]
    assert found["rule_version"] == 2


def test_without_a_model_there_is_no_evidence_in_bits(region: Hospitals, read: Read) -> None:
    a, b = region.register("CHA", "1"), region.register("CHB", "2")
    connection = read()
    assert Evidence(connection).of(one_pair(connection, a, b)) is None


def test_somebody_who_was_erased_waits_no_more(region: Hospitals, read: Read) -> None:
    """Nobody says any more who they are (I7)."""
    a, b = region.register("CHA", "1"), region.register("CHB", "2")
    propose(region, a, b)
    first, _ = collide(region, "77")
    for one in (a, first):
        region.ask(Erase(identity=UUID(one), reason="court order 12"))
    assert [len(entry["identities"]) for entry in review_list(read())] == [1]  # who came in under the number


def test_nothing_is_repeated_of_somebody_whose_key_is_destroyed(region: Hospitals, read: Read) -> None:
    a, b = region.register("CHA", "MARKED-1", family="Marked"), region.register("CHB", "2", "Marked")
    propose(region, a, b)
    connection = read()
    shown = json.dumps([review_list(connection, erased={a, b}), one_pair(connection, a, b, {a, b})])
    assert "arked" not in shown
    assert "MARKED" not in shown
