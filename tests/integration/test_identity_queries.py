"""What the identity index answers, on PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.aggregates.link import Link
from domain.commands.identities import AttachIns, Correct, Flag, Register
from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.errors import NotFound, RuleBroken
from domain.work import Work
from projections.identity_index import queries
from projections.identity_index.review import review_list, waiting_with
from projections.identity_index.said import links
from projections.identity_index.search import search
from projections.identity_index.view import IdentityIndex
from projections.identity_index.waiting import Wanted
from tests.fakes.asked import krypton_over
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import rules_in_force
from tests.fakes.views import Hospitals, pair
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live

TEST_OID = "1.2.250.1.213.1.4.10"
NUMBER = "2550699999001"  # nobody's: born abroad, in a country that has no such code
MATRICULE = f"{NUMBER}{97 - int(NUMBER) % 97:02d}"
Read = Callable[[], Any]


@pytest.fixture
def region() -> Hospitals:
    """Three hospitals without patients."""
    return Hospitals()


@pytest.fixture
def read(region: Hospitals, database_url: str) -> Iterator[Read]:
    """A connection to the view as it is after all that was said so far."""
    with closing(ViewReader(database_url, IdentityIndex())) as reader:
        yield lambda: reader.read(region)


class Propose:
    """A matching rule found a pair alike, and leaves it to a human."""

    def __init__(self, one: str, other: str) -> None:
        self.sides = pair(one, other)

    def decide(self, work: Work) -> None:
        one, other = self.sides["one"], self.sides["other"]
        work.add(Link.propose(work.ids, (one, work.registered(one)), (other, work.registered(other))))


def last(region: Hospitals) -> int:
    """Ledger position of the last event."""
    return region.history()[-1].position


# resolve; what needs no view is in tests/unit/test_resolve.py


def resolved(region: Hospitals, connection: Any, ref: str) -> str:
    """What a REF names, as every command asks."""
    return str(krypton_over(region, connection).resolve(ref))


@pytest.mark.parametrize("spell", ["CHA|A/1", "{id}", "INS|" + MATRICULE, f"INS|{NUMBER} {MATRICULE[13:]}"])
def test_an_identity_is_found_by_each_kind_of_reference(region: Hospitals, read: Read, spell: str) -> None:
    """Assigner and local id, its uuid, and its matricule, with or without spaces."""
    identity = region.register("CHA", "A/1")
    region.ask(AttachIns(identity=UUID(identity), matricule=MATRICULE, oid=TEST_OID))
    assert resolved(region, read(), spell.format(id=identity)) == identity


def test_a_matricule_that_nobody_carries_is_refused_without_repeating_it(region: Hospitals, read: Read) -> None:
    """The message goes to logs too; it says what to do."""
    with pytest.raises(NotFound, match="check it, or write ASSIGNER") as refusal:
        resolved(region, read(), "INS|SECRET")
    assert "SECRET" not in str(refusal.value)


def test_a_matricule_of_two_persons_names_nobody(region: Hospitals, read: Read) -> None:
    """It would be a guess."""
    for number in ("1", "2"):
        identity = UUID(region.register("CHA", number))
        region.ask(AttachIns(identity=identity, matricule=MATRICULE, oid=TEST_OID))
    with pytest.raises(NotFound, match="2 persons carry that matricule"):
        resolved(region, read(), f"INS|{MATRICULE}")


# members, person


def test_members_come_in_order_of_registration_and_the_first_names_the_person(region: Hospitals, read: Read) -> None:
    """Merged in any direction."""
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHC", "3")
    region.ask(Merge(**pair(c, b), reason="same person"))
    region.ask(Merge(**pair(b, a), reason="same person"))
    assert queries.members(read(), c) == [
        {"identity": a, "assigner": "CHA", "local_id": "1"},
        {"identity": b, "assigner": "CHB", "local_id": "2"},
        {"identity": c, "assigner": "CHC", "local_id": "3"},
    ]


def test_an_identity_that_nobody_spoke_of_is_a_person_of_its_own(region: Hospitals, read: Read) -> None:
    """Without a row of membership."""
    identity = region.register("CHA", "1")
    connection = read()
    assert queries.person(connection, identity) == identity
    assert [m["identity"] for m in queries.members(connection, identity)] == [identity]


def test_who_was_this_as_known_then(region: Hospitals, read: Read) -> None:
    """Before the merge, while merged, and after the unmerge: all three are still known."""
    a, b = region.register("CHA", "1"), region.register("CHB", "2")
    before = last(region)
    region.ask(Merge(**pair(a, b), reason="same person"))
    merged = last(region)
    region.ask(Unmerge(**pair(a, b), reason="twins"))
    connection = read()
    asked = (before, merged, None)
    assert [queries.person(connection, b, at) for at in asked] == [b, a, b]
    assert [[m["identity"] for m in queries.members(connection, a, at)] for at in asked] == [[a], [a, b], [a]]


def test_unmerging_in_any_order_leaves_each_identity_with_its_own_person(region: Hospitals, read: Read) -> None:
    """Identity case 15: chained merges 1, 2, 3; 2 is reversed, then 3, then 1."""
    people = [region.register("CHA", str(n)) for n in range(4)]
    links = list(pairwise(people))
    for one, other in links:
        region.ask(Merge(**pair(one, other), reason="same person"))
    seen = []
    for n in (1, 2, 0):
        region.ask(Unmerge(**pair(*links[n]), reason="an error"))
        connection = read()
        seen.append([people.index(queries.person(connection, identity)) for identity in people])
    assert seen == [[0, 0, 2, 2], [0, 0, 2, 3], [0, 1, 2, 3]]


# show


def test_show_is_the_document_that_other_programs_rely_on(region: Hospitals, read: Read) -> None:
    """Interface: identity show."""
    a, b = region.register("CHA", "1", family="Exemple"), region.register("CHB", "2")
    region.ask(Merge(**pair(a, b), reason="same person"))
    region.ask(Flag(identity=UUID(b), flag="HOMA", reason="a namesake"))
    shown = queries.show(read(), b)
    assert (shown["identity"], shown["person"], shown["assigner"], shown["local_id"]) == (b, a, "CHB", "2")
    assert (shown["status"], shown["flags"], shown["traits"]["family"]) == ("PROV", ["HOMA"], "Fictif")
    assert [m["identity"] for m in shown["members"]] == [a, b]


def test_after_an_unmerge_each_shows_only_its_own_traits(region: Hospitals, read: Read) -> None:
    """Identity case 4: nothing of the other is left."""
    a, b = region.register("CHA", "1", family="Exemple"), region.register("CHB", "2", family="Zoulou")
    region.ask(Merge(**pair(a, b), reason="same person"))
    region.ask(Unmerge(**pair(a, b), reason="an error"))
    connection = read()
    assert [queries.show(connection, i)["traits"]["family"] for i in (a, b)] == ["Exemple", "Zoulou"]


def test_a_destroyed_key_is_seen_at_once(region: Hospitals, read: Read) -> None:
    """Though the rows still hold what was read before: traits, number, reasons and the member's number."""
    a, b = region.register("CHA", "MARKED-1", family="Marked"), region.register("CHB", "2")
    region.ask(AttachIns(identity=UUID(a), matricule=MATRICULE, oid=TEST_OID))
    region.ask(Flag(identity=UUID(a), flag="HOMA", reason="Marked too"))
    low, high = sorted((a, b))
    region.ask(Merge(**pair(low, high), reason="Marked as well"))
    connection = read()
    erased = {a, low}
    members = queries.members(connection, b, erased=erased)
    told = queries.show(connection, a, erased), members, queries.history(connection, members, erased)
    text = json.dumps(told)
    assert "Marked" not in text
    assert "MARKED" not in text
    assert MATRICULE not in text


def test_the_ground_of_an_erasure_stays_readable(region: Hospitals, read: Read) -> None:
    """It names nobody, and an auditor asks for it."""
    identity = region.register("CHA", "1")
    region.ask(Erase(identity=UUID(identity), reason="court order 12"))
    region.memory_vault.destroy(identity)
    connection = read()
    told = queries.history(connection, queries.members(connection, identity), {identity})
    assert (told[-1]["type"], told[-1]["reason"]) == ("identity.erased", "court order 12")


# history


def test_history_tells_every_event_in_ledger_order_with_its_rule(region: Hospitals, read: Read) -> None:
    """Interface: identity history; identity case 18."""
    a, b = region.register("CHA", "1"), region.register("CHB", "2")
    rules_in_force(region, version=3)
    region.ask(Merge(**pair(a, b), reason="alike", rule="strict", rule_version=3, score=0.97, compared=["family"]))
    region.ask(Unmerge(**pair(a, b), reason="twins"), actor="rpps:10000000001")
    connection = read()
    told = queries.history(connection, queries.members(connection, a))
    assert [e["type"] for e in told] == ["identity.registered", "link.proposed", "link.merged", "link.unmerged"]
    merged, unmerged = told[2:]
    assert (merged["rule"], merged["rule_version"], merged["score"], merged["compared"]) == (
        "strict",
        3,
        0.97,
        ["family"],
    )
    assert (unmerged["actor"], unmerged["reason"], unmerged["rule"]) == ("rpps:10000000001", "twins", "human")
    assert [e["position"] for e in told] == sorted(e["position"] for e in told)


def test_times_are_iso_8601_in_utc(region: Hospitals, read: Read) -> None:
    """With Z, as the interface says."""
    identity = region.register("CHA", "1")
    connection = read()
    (registered,) = queries.history(connection, queries.members(connection, identity))
    assert registered["recorded_at"].startswith("2026-01-05T08:00:")
    assert registered["recorded_at"].endswith("Z")


# links


def test_links_tell_what_was_last_said_of_each_pair_and_which_hold_the_person(region: Hospitals, read: Read) -> None:
    a, b, c, d = (region.register("CHA", str(number)) for number in range(4))
    region.ask(Merge(**pair(a, b), reason="papers seen"))
    region.ask(Merge(**pair(b, c), reason="same number"))
    region.ask(Unmerge(**pair(b, c), reason="twins"))
    region.ask(Bar(**pair(a, d), reason="never"))
    told = links(read(), [a, b], [], within=False)
    said = {frozenset(one["identities"]): (one["state"], one["holds"], one["reason"]) for one in told}
    assert said == {
        frozenset((a, b)): ("merged", True, "papers seen"),
        frozenset((b, c)): ("unmerged", False, "twins"),
        frozenset((a, d)): ("barred", False, "never"),
    }
    assert {*told[0]["numbers"]} == {"CHA|0", "CHA|1"}
    assert all(None in one["numbers"] for one in told[1:])  # whose number it is stands in their own document


def test_links_within_a_person_say_nothing_of_anybody_else(region: Hospitals, read: Read) -> None:
    a, b, c = (region.register("CHA", str(number)) for number in range(3))
    region.ask(Merge(**pair(a, b), reason="papers seen"))
    region.ask(Bar(**pair(a, c), reason="never"))
    (told,) = links(read(), [a, b], [], within=True)
    assert {*told["identities"]} == {a, b}


def test_links_repeat_no_word_about_somebody_whose_key_is_destroyed(region: Hospitals, read: Read) -> None:
    a, b = region.register("CHA", "MARKED-1"), region.register("CHB", "2")
    region.ask(Merge(**pair(a, b), reason="Marked too"))
    told = json.dumps(links(read(), [a, b], {a}, within=False))
    assert "[erased]" in told
    assert "marked" not in told.lower()


# review


def test_a_proposal_waits_until_it_is_answered(region: Hospitals, read: Read) -> None:
    """Merged or dismissed, it is gone."""
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHC", "3")
    for other in (b, c):
        region.ask(Propose(a, other))
    waiting = [len(review_list(read()))]
    region.ask(Merge(**pair(a, b), reason="same person"))
    waiting.append(len(review_list(read())))
    region.ask(Dismiss(**pair(a, c), reason="another person"))
    waiting.append(len(review_list(read())))
    assert waiting == [2, 1, 0]


def test_a_proposal_between_two_that_became_one_person_waits_no_more(region: Hospitals, read: Read) -> None:
    """Identity case 5: no leftover possible duplicate."""
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHC", "3")
    region.ask(Propose(a, c))
    region.ask(Merge(**pair(a, b), reason="same person"))
    region.ask(Merge(**pair(b, c), reason="same person"))
    assert review_list(read()) == []


def test_a_pair_that_waits_is_found_from_either_person(region: Hospitals, read: Read) -> None:
    """Whichever of their identities it names; once it is decided it is found no more."""
    a, b, c, d, e = (region.register("CHA", str(number)) for number in range(5))
    for one, other in ((a, b), (c, d)):
        region.ask(Merge(**pair(one, other), reason="same person"))
    for one, other in ((b, c), (a, e)):
        region.ask(Propose(one, other))
    connection, link = read(), str(Link.create_id(IDS, *sorted((UUID(b), UUID(c)))))
    assert waiting_with(connection, [a, b], [d, b]) == {d: link}
    assert waiting_with(connection, [c, d], [a, e]) == {a: link}
    assert [one["link"] for one in review_list(connection, wanted=Wanted(link=link))] == [link]
    region.ask(Dismiss(**pair(b, c), reason="twins"))
    assert waiting_with(read(), [a, b], [d]) == {}


def test_a_merge_across_a_bar_waits_and_names_the_bar(region: Hospitals, read: Read) -> None:
    """Identity case 8: C is never rejoined through D; the worklist says what stands between."""
    a, c, d = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHC", "3")
    region.ask(Bar(**pair(a, c), reason="never"))
    region.ask(Merge(**pair(a, d), reason="same person"))
    region.ask(Merge(**pair(c, d), reason="same person"))
    (waiting,) = review_list(read())
    assert {m["identity"] for m in waiting["identities"]} == {c, d}
    assert (waiting["waits_as"], waiting["barred_by"]) == ("held back", [sorted((a, c))])


def test_a_bar_said_after_the_merges_holds_the_later_one_back(region: Hospitals, read: Read) -> None:
    """The merge is not lost: it waits for a human."""
    a, b, c = region.register("CHA", "1"), region.register("CHB", "2"), region.register("CHC", "3")
    region.ask(Merge(**pair(a, b), reason="same person"))
    region.ask(Merge(**pair(b, c), reason="same person"))
    region.ask(Bar(**pair(a, c), reason="twins"))
    connection = read()
    (waiting,) = review_list(connection)
    assert (waiting["waits_as"], {m["identity"] for m in waiting["identities"]}) == ("held back", {b, c})
    assert queries.person(connection, c) == c


def test_a_rules_merge_that_gave_way_waits_and_names_the_bar(region: Hospitals, read: Read) -> None:
    """A rule's, so a suspicion: it is no proven duplicate as a human's would be."""
    rules_in_force(region)
    a, b, c = region.register("CHA", "1"), region.register("CHA", "2"), region.register("CHC", "3")
    region.ask(Merge(**pair(a, b), reason="alike", rule="strict", rule_version=1, score=0.9))
    region.ask(Bar(**pair(a, c), reason="twins"))
    assert review_list(read()) == []
    region.ask(Merge(**pair(b, c), reason="papers seen"))
    connection = read()
    (waiting,) = review_list(connection)
    assert {m["identity"] for m in waiting["identities"]} == {a, b}
    assert (waiting["kind"], waiting["code"], waiting["waits_as"]) == ("duplicate", "DPOT", "held back")
    assert waiting["barred_by"] == [sorted((a, c))]
    assert [queries.person(connection, one) for one in (a, b, c)] == [a, b, b]
    region.ask(Merge(**pair(a, b), reason="papers seen"))
    (waiting,) = review_list(read())
    assert (waiting["code"], waiting["reason"]) == ("DOUA", "papers seen")
    region.ask(Unbar(**pair(a, c), reason="no twins"))
    assert (review_list(read()), queries.person(read(), c)) == ([], a)


# rows


@pytest.mark.parametrize("batch", [1, 7, 1_000])
def test_live_rows_equal_rows_folded_in_memory(database_url: str, batch: int) -> None:
    """However the events are cut into batches: merges by humans and rules, bars, unmerges and dismissals at random."""
    region, chance = Hospitals(), Random(batch)
    rules_in_force(region)
    people = [region.register("CHA", str(n)) for n in range(8)]
    by_rule = partial(Merge, rule="strict", rule_version=1, score=0.9)
    for _ in range(120):
        command = chance.choice((Merge, Merge, by_rule, by_rule, Unmerge, Bar, Unbar, Dismiss))
        with suppress(RuleBroken):
            region.ask(command(**pair(*chance.sample(people, 2)), reason="at random"))
    with closing(ViewReader(database_url, IdentityIndex())) as reader:
        connection = reader.read(region, batch)
        assert reader.tables() == reader.expected(region)
        held = {one: {m["identity"] for m in queries.members(connection, one)} for one in people}
    assert held == {one: region.membership().person_of(one) for one in people}


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"family": "lefevre"}, ["1"]),
        ({"family": "LEFÈVRE-DUP"}, ["1"]),
        ({"family": "lefevre dupont", "given": "helene"}, ["1"]),
        ({"family": "evre"}, []),  # names are looked for by how they begin
        ({"family": "martin"}, ["1"]),  # the used name
        ({"given": "marie", "birth_date": "1980-01-02"}, ["1"]),  # one of the first names
        ({"birth_date": "1980-01-02"}, ["2", "1"]),
        ({"birth_date": "1980-01-02", "sex": "M"}, ["2"]),
        ({"number": "1"}, ["1"]),
        ({"number": "1", "assigner": "CHC"}, []),
        ({"family": "oeuvre"}, ["2"]),
        ({"family": "dupont"}, ["1"]),  # a later word of the name
        ({"family": "L\u02bcEssai"}, ["3"]),
        ({"family": "essai"}, ["3"]),
        ({"given": "pierre", "family": "essai"}, ["3"]),
        ({"given": "louis", "family": "essai"}, ["3"]),
        ({"family_is": "lefevre-dupont"}, ["1"]),
        ({"family_is": "dupont"}, []),  # not all of it
        ({"family_is": "l essai", "given_is": "jean pierre"}, ["3"]),
        ({"family_is": "l essai", "given_is": "pierre"}, []),
        ({"family_sound": "DUPOND"}, ["1"]),
        ({"family_sound": "Lefaivre Dupon"}, ["1"]),
        ({"family_sound": "MARTYN"}, ["1"]),
        ({"family_sound": "DURAND"}, []),
        ({"family_sound": "lessay", "given_sound": "Pière"}, ["3"]),
        ({"family_sound": "lessay", "given_sound": "Paul"}, []),
        ({"family": "Иванов"}, ["4"]),
        ({"family": "ИВАН", "given": "анна"}, ["4"]),
        ({"family": "王"}, ["5"]),
        ({"family": "李"}, []),
        ({"family": "st exemple"}, ["6"]),
        ({"family": "Saint-Ex"}, ["6"]),
        ({"family": "%"}, []),  # nothing but signs is nobody's name; the command line refuses it
        ({"family_is": "--", "birth_date": "1980-01-02"}, []),
        ({"family_sound": "%"}, []),
        ({"given": "%", "birth_date": "1980-01-02"}, []),
    ],
)
def test_somebody_is_found_by_any_trait_without_accents_or_case(
    region: Hospitals, read: Read, criteria: dict[str, str], found: list[str]
) -> None:
    one = {"family": "Lefèvre-Dupont", "given": "Hélène", "used_name": "Martin", "first_names": "Hélène Marie"}
    state(region, "1", **one, birth_date="1980-01-02", sex="F")
    state(region, "2", family="Œuvré", given="Jean", birth_date="1980-01-02", sex="M")
    state(region, "3", family="L’Essai", given="Jean-Pierre", first_names="Jean-Pierre, Louis")
    state(region, "4", family="ИВАНОВ", given="Анна")
    state(region, "5", family="王", given="芳")
    state(region, "6", family="SAINT EXEMPLE", given="Ève")
    answered = sorted(search(read(), criteria, 10), key=lambda row: -int(row["local_id"]))
    assert [row["local_id"] for row in answered] == found


@pytest.mark.parametrize(
    ("sought", "found"), [("75056", "12"), ("75113", "12"), ("2A004", "34"), ("92050", "56"), ("94056", "")]
)
def test_a_birth_place_is_found_under_its_other_codes(region: Hospitals, read: Read, sought: str, found: str) -> None:
    for number, place in enumerate(("75113", "75056", "20004", "2A004", "75050", "92050"), 1):
        state(region, str(number), family="Fictive", birth_place=place)
    rows = search(read(), {"family": "fictive", "birth_place": sought}, 10)
    assert "".join(sorted(row["local_id"] for row in rows)) == found


def test_a_name_that_was_corrected_is_found_no_more_and_its_new_one_is(region: Hospitals, read: Read) -> None:
    state(region, "1", family="Dupont-Fictive", used_name="Exemple", given="Anne")
    (found,) = search(read(), {"family": "fictive"}, 10)
    region.ask(Correct(identity=UUID(found["identity"]), stated={"family": "Durand-Exemple"}, reason="papers seen"))
    connection = read()
    assert [len(search(connection, {"family": name}, 10)) for name in ("dupont", "fictive", "durand", "exemple")] == [
        *(0, 0, 1, 1),
    ]


def test_whoever_fits_twice_is_found_once_and_pages_follow_each_other(region: Hospitals, read: Read) -> None:
    """A used name that begins as the birth name does; and who sounds alike stands beside each other."""
    names = ("Dupont", "Dupond", "Dupont-Exemple", "Duport")
    for number, name in enumerate(names):
        state(region, str(number), family=name, used_name=f"{name} Fictive", given="Anne")
    connection = read()
    pages = [search(connection, {"family": "dupo"}, 3, skip=skip) for skip in (0, 3, 6)]
    found = [[row["traits"]["family"] for row in page] for page in pages]
    assert found == [["Dupond", "Dupont", "Dupont-Exemple"], ["Duport"], []]
    alike = [row["traits"]["family"] for row in search(connection, {"family_sound": "dupont"}, 10)]
    assert alike == ["Dupond", "Dupont", "Dupont-Exemple"]


def test_who_was_erased_is_not_found_and_a_search_is_bounded(region: Hospitals, read: Read) -> None:
    for number in range(4):
        state(region, str(number), family="Fictive", given="Anne", birth_date="1980-01-02", sex="F")
    rows = search(read(), {"family": "fictive"}, 2)
    assert len(rows) == 2
    gone = rows[0]["identity"]
    assert gone not in [row["identity"] for row in search(read(), {"family": "fictive"}, 10, [gone])]


def state(region: Hospitals, number: str, **stated: str | None) -> None:
    """One local identity, with these traits."""
    region.ask(Register(assigner="CHB", local_id=number, stated=stated))
