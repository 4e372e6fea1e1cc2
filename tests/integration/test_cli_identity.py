"""Identities on the command line: what is printed, key by key; how they are named; and what is said of pairs."""

import json
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from domain.actors import Caller
from domain.errors import NotFound
from krypton.queries import person
from krypton.services.supervisor import krypton_command
from tests.integration.live_cli import CLINICIAN, Region, region
from tests.waiting import until

__all__ = ["region"]
pytestmark = pytest.mark.live
TEST_OID = "1.2.250.1.213.1.4.10"


def pair(region: Region) -> tuple[str, str]:
    """Two new identities."""
    return region.register(), region.register()


def persons(region: Region, *refs: str) -> int:
    """How many persons these identities are."""
    region.settle()
    return len({region.ask("identity", "show", ref)["person"] for ref in refs})


def waits_to_record(cursor: Any) -> bool:
    """Whether a process waits to record its command; its events are inserted before that."""
    cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'ledger.command'::regclass AND NOT granted)")
    return bool(cursor.fetchone()[0])


class TestRegister:
    """One identity."""

    def test_answers_with_its_positions_and_its_id(self, region: Region) -> None:
        traits = ("--family", "FICTIVE", "--given", "Zoé", "--birth-date", "1980-02-29", "--sex", "I")
        answer = region.ask("identity", "register", "--assigner", "CHB", "--id", "R-1", *traits)
        assert answer.keys() == {"positions", "identity"}
        assert answer["positions"] == [region.head]
        assert UUID(answer["identity"])

    def test_repeated_with_its_command_id_answers_as_the_first_time_and_writes_nothing(self, region: Region) -> None:
        words = "identity register --assigner CHB --id R-2 --family F --given G --birth-date 1980-01-01 --sex M"
        command = (*words.split(), "--command-id", uuid4())
        first, before = region.ask(*command), region.head
        assert region.ask(*command) == first
        assert region.head == before

    def test_a_second_time_is_refused_by_the_rule_without_the_local_id(self, region: Region) -> None:
        words = "identity register --assigner CHB --id R-3-MARKED --family F --given G --birth-date 1980-01-01 --sex M"
        first = region.ask(*words.split())
        said = region.complaint(1, *words.split())
        assert (
            said == f"refused: CHB registered that id already, as identity {first['identity']}: correct it instead (I2)"
        )

    def test_without_json_a_sentence_tells_what_was_written(self, region: Region) -> None:
        words = "identity register --assigner CHB --id R-4 --family F --given G --birth-date 1980-01-01 --sex M"
        said = region.show(*words.split())
        assert said.startswith(f"written at {region.head}: identity ")


class TestShow:
    """One identity, as its assigner and as the region know it."""

    def test_the_document_has_the_keys_that_programs_rely_on(self, region: Region) -> None:
        ref = region.register("S-1", ins="279035121518989", **{"birth-date": "1979-03-05", "birth-place": "33063"})
        region.settle()
        shown = region.ask("identity", "show", ref)
        assert (shown["assigner"], shown["local_id"], shown["status"], shown["flags"]) == ("CHB", "S-1", "PROV", [])
        assert shown["traits"] | {"family": "FICTIVE", "birth_date": "1979-03-05", "sex": "F"} == shown["traits"]
        assert shown["traits"]["birth_place"] == "33063"
        assert shown["ins"] == {"matricule": "279035121518989", "oid": TEST_OID}
        assert shown["person"] == shown["identity"]
        assert shown["members"] == [{"identity": shown["identity"], "assigner": "CHB", "local_id": "S-1"}]

    @pytest.mark.parametrize(
        "form", ["CHB|S-1", "{identity}", "{capitals}", "INS|279035121518989", "INS|2 79 03 51 215 189 89"]
    )
    def test_every_form_of_ref_names_it(self, region: Region, form: str) -> None:
        identity = region.ask("identity", "show", "CHB|S-1")["identity"]
        ref = form.format(identity=identity, capitals=identity.upper())
        assert region.ask("identity", "show", ref)["identity"] == identity

    @pytest.mark.parametrize(
        "ref",
        [
            "CHB|MARKED-NOBODY",
            "MARKED NAME",
            "0b6f0e0a-0000-4000-8000-000000000001",
            "INS|160017503500057",
            "NOWHERE|1",
        ],
    )
    def test_a_ref_that_names_nobody_is_not_found_and_not_repeated(self, region: Region, ref: str) -> None:
        said = region.complaint(3, "identity", "show", ref)
        assert said.startswith("not found: no ")
        assert "ASSIGNER|LOCAL_ID" in said
        assert "MARKED" not in said
        assert "160017503500057" not in said

    def test_an_order_is_no_identity(self, region: Region) -> None:
        """The id of something else names nobody."""
        site = region.ask("site", "enroll", f"X-{uuid4().hex[:6].upper()}", "--name", "Essai")["establishment"]
        assert region.complaint(3, "identity", "show", site).startswith("not found: ")

    def test_a_table_is_shown_without_json(self, region: Region) -> None:
        shown = region.show("identity", "show", "CHB|S-1")
        assert "FICTIVE" in shown
        assert "One person with" in shown


class TestPairs:
    """Merge, unmerge, bar, unbar, and the worklist."""

    def test_a_merge_makes_one_person_named_by_its_earliest_member(self, region: Region) -> None:
        one, other = pair(region)
        answer = region.ask("identity", "merge", other, one, "--reason", "same papers")
        assert answer.keys() == {"positions", "link", "outcome"}
        assert answer["outcome"] == "merged"
        assert persons(region, one, other) == 1
        shown = region.ask("identity", "show", other)
        assert shown["person"] == region.ask("identity", "show", one)["identity"]
        assert [m["local_id"] for m in shown["members"]] == [one[4:], other[4:]]

    def test_a_persons_uuid_names_the_person(self, region: Region) -> None:
        one, other = pair(region)
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.settle()
        person = region.ask("identity", "show", other)["person"]
        assert len(region.ask("record", "show", person)["members"]) == 2

    def test_an_unmerge_takes_it_back(self, region: Region) -> None:
        one, other = pair(region)
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "unmerge", one, other, "--reason", "twins")
        assert persons(region, one, other) == 2

    def test_the_links_of_a_person_tell_who_merged_what_and_why(self, region: Region) -> None:
        one, other = pair(region)
        answer = region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.settle()
        (held,) = region.ask("identity", "show", one, "--links")["links"]
        assert (held["link"], held["state"], held["holds"]) == (answer["link"], "merged", True)
        assert (held["rule"], held["reason"], held["actor"]) == ("human", "same papers", "clerk:dev")
        assert {*held["numbers"]} == {one, other}
        assert "Held one person by" in region.show("identity", "show", one, "--links")
        assert "links" not in region.ask("identity", "show", one)

    def test_a_patient_sees_no_pair_with_somebody_else(self, region: Region) -> None:
        one, other = pair(region)
        region.ask("identity", "bar", one, other, "--reason", "twins")
        region.settle()
        identity = region.ask("identity", "show", one)["identity"]
        assert len(region.ask("identity", "show", one, "--links", "--as", "clerk")["links"]) == 1
        assert region.ask("identity", "show", one, "--links", "--as", f"patient:{identity}")["links"] == []

    def test_a_professional_sees_the_pairs_and_no_reason(self, region: Region) -> None:
        one, other = pair(region)
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.receive(one)
        region.settle()
        region.ask("access", "open", one, "--as", f"rpps:{CLINICIAN}", "--reason", "care")
        region.settle()
        (held,) = region.ask("identity", "show", one, "--links", "--as", f"rpps:{CLINICIAN}")["links"]
        assert (held["holds"], held["reason"]) == (True, None)

    def test_two_whom_a_third_joins_are_parted_by_the_pair_that_the_refusal_names(self, region: Region) -> None:
        one, other, third = region.register(), region.register(), region.register()
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "merge", other, third, "--reason", "same papers")
        said = region.complaint(1, "identity", "unmerge", one, third, "--reason", "twins")
        low, high = said.partition("to part them unmerge ")[2].removesuffix(" (L9)").split()
        region.ask("identity", "unmerge", low, high, "--reason", "twins")
        assert persons(region, one, third) == 2

    def test_history_tells_position_time_type_who_why_and_which_rule(self, region: Region) -> None:
        one, other = pair(region)
        merged = region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.settle()
        history = region.ask("identity", "history", one)
        assert [row["type"] for row in history] == [
            "identity.registered",
            "identity.registered",
            "link.proposed",
            "link.merged",
        ]
        last = history[-1]
        assert last["position"] == merged["positions"][-1]
        assert (last["actor"], last["reason"], last["rule"], last["rule_version"]) == (
            "clerk:dev",
            "same papers",
            "human",
            0,
        )
        assert last["recorded_at"].endswith("Z")
        audited = region.ask("audit", "history", one)
        assert [{name: row[name] for name in told} for row, told in zip(audited, history, strict=True)] == history

    def test_a_barred_pair_is_refused_until_the_bar_is_lifted(self, region: Region) -> None:
        one, other = pair(region)
        region.ask("identity", "bar", one, other, "--reason", "twins")
        said = region.complaint(1, "identity", "merge", one, other, "--reason", "same papers")
        assert said.startswith("refused: link ")
        assert said.endswith(" is barred: lift the bar first, if it was a mistake (L3)")
        region.ask("identity", "unbar", one, other, "--reason", "no twins")
        assert region.ask("identity", "merge", one, other, "--reason", "same papers")["outcome"] == "merged"

    def test_a_bar_with_a_third_record_holds_the_merge_back(self, region: Region) -> None:
        one, other, third = region.register(), region.register(), region.register()
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "bar", other, third, "--reason", "twins")
        answer = region.ask("identity", "merge", one, third, "--reason", "same papers")
        assert answer["outcome"] == "held_back"
        region.settle()
        waiting = next(w for w in region.ask("identity", "review", "list") if w["link"] == answer["link"])
        assert {side["local_id"] for side in waiting["identities"]} == {one[4:], third[4:]}
        assert (waiting["waits_as"], waiting["reason"]) == ("held back", "same papers")
        assert len(waiting["barred_by"]) == 1
        region.ask("identity", "review", "dismiss", one, third, "--reason", "twins")
        region.settle()
        assert answer["link"] not in [w["link"] for w in region.ask("identity", "review", "list")]

    def test_a_merge_that_is_held_back_counts_once_the_bar_is_lifted(self, region: Region) -> None:
        one, other, third = region.register(), region.register(), region.register()
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "bar", other, third, "--reason", "twins")
        region.ask("identity", "merge", one, third, "--reason", "same papers")
        region.ask("identity", "unbar", other, third, "--reason", "no twins")
        assert persons(region, one, other, third) == 1

    def test_a_pair_in_review_is_postponed_given_to_a_clerk_and_dismissed_by_its_link(self, region: Region) -> None:
        one, other, third = region.register(), region.register(), region.register()
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "bar", other, third, "--reason", "twins")
        link = region.ask("identity", "merge", one, third, "--reason", "same papers")["link"]
        region.ask("identity", "review", "assign", link, "--reason", "knows the ward")
        region.settle()
        here = ("identity", "review", "list", "--limit", 1000)
        (mine,) = [w for w in region.ask(*here, "--assigned-to", "clerk:dev") if w["link"] == link]
        assert mine["assigned_to"] == "clerk:dev"
        day = (datetime.now(UTC) + timedelta(days=30)).date()
        region.ask("identity", "review", "postpone", one, third, "--until", day, "--reason", "papers awaited")
        region.settle()
        assert link not in [w["link"] for w in region.ask(*here)]
        assert link in [w["link"] for w in region.ask(*here, "--postponed")]
        shown = region.ask("identity", "review", "show", link)
        assert shown["postponed_until"] == f"{day}T00:00:00Z"
        region.ask("identity", "review", "dismiss", link, "--reason", "twins")
        said = region.complaint(1, "identity", "review", "postpone", link, "--back", "--reason", "x")
        assert said.endswith("(L10)")

    def test_one_identity_that_waits_alone_is_postponed_and_assigned_as_the_list_shows_it(self, region: Region) -> None:
        one = region.register()
        identity = region.ask("identity", "flag", one, "number_swapped", "--reason", "two numbers")["identity"]
        region.ask("identity", "review", "assign", one, "--reason", "knows the ward")
        region.settle()
        here = ("identity", "review", "list", "--limit", 1000, "--kind", "doubtful-number")
        (mine,) = [w for w in region.ask(*here, "--assigned-to", "clerk:dev") if w["persons"][0] == identity]
        assert [side["local_id"] for side in mine["identities"]] == [one[4:]]
        day = (datetime.now(UTC) + timedelta(days=30)).date()
        until = ("--until", day, "--reason", "the ward is asked")
        said = region.complaint(1, "identity", "review", "postpone", identity, "--kind", "collision", *until)
        assert said.startswith("refused: nothing of kind collision waits of identity ")
        region.ask("identity", "review", "postpone", identity, "--kind", "doubtful-number", *until)
        region.settle()
        assert identity not in [w["persons"][0] for w in region.ask(*here)]
        region.ask("identity", "review", "postpone", one, "--back", "--reason", "the ward answered")
        region.settle()
        assert identity in [w["persons"][0] for w in region.ask(*here)]
        said = region.complaint(2, "identity", "review", "dismiss", one, "--reason", "x")
        assert "that is one identity, and no pair" in said
        nobody = uuid4()
        said = region.complaint(3, "identity", "review", "assign", nobody, "--reason", "x")
        assert said.startswith("not found: no link and no identity has that uuid")
        link = (
            "identity",
            "review",
            "postpone",
            one,
            region.register(),
            "--kind",
            "collision",
            "--back",
            "--reason",
            "x",
        )
        assert "--kind is of one identity that waits alone" in region.complaint(2, *link)

    def test_one_identity_is_no_pair(self, region: Region) -> None:
        one = region.register()
        assert region.complaint(1, "identity", "merge", one, one, "--reason", "x").endswith("name two identities (L1)")


def holdings(persons: list[dict[str, Any]]) -> list[tuple[list[str], int]]:
    """Of each person of a preview, whose numbers it has and how many studies."""
    return [([one["local_id"] for one in who["identities"]], who["total"]["studies"]) for who in persons]


class TestSearch:
    """Who may be meant."""

    def test_a_name_is_found_by_its_sound_page_by_page(self, region: Region) -> None:
        refs = {region.register(family=name) for name in ("FONDUPIN", "FONDUPINS", "FONDUPYN")}
        region.settle()
        asked = ("identity", "search", "--family", "FONDUPIN")
        assert len(region.ask(*asked)) == 2
        first = region.ask(*asked, "--sound", "--limit", 2)
        second = region.ask(*asked, "--sound", "--limit", 2, "--page", 2)
        found = [f"{row['assigner']}|{row['local_id']}" for row in first + second]
        assert (len(first), {*found}, len(found)) == (2, refs, 3)

    def test_a_name_of_another_script_is_found_and_what_is_no_name_is_refused(self, region: Region) -> None:
        ref = region.register(family="ФИКТИВНА", given="Анна")
        region.settle()
        (found,) = region.ask("identity", "search", "--family", "Фиктив", "--given", "анна")
        assert found["local_id"] == ref[4:]
        assert region.ask("identity", "search", "--family", "Вымышленна") == []
        assert "--family has no letter" in region.complaint(2, "identity", "search", "--family", "12")

    def test_a_part_of_a_compound_name_is_found_by_its_sound(self, region: Region) -> None:
        ref = region.register(family="GONDOLARD-FICTIVE")
        region.settle()
        (found,) = region.ask("identity", "search", "--family", "gondolar", "--sound")
        assert found["local_id"] == ref[4:]

    def test_an_assigner_that_is_none_is_told_so_and_a_number_with_its_assigner_too(self, region: Region) -> None:
        ref = region.register()
        for words in (("search", "--family", "FICTIVE"), ("review", "list")):
            said = region.complaint(3, "identity", *words, "--assigner", "chb")
            assert said.startswith("not found: the assigner is no establishment here")
        assert "--number is the number alone" in region.run("identity", "search", "--number", ref).err


class TestPreview:
    """What a merge or an unmerge would change, before anything is written."""

    def test_a_merge_is_shown_with_what_each_person_has_and_would_have(self, region: Region) -> None:
        one, other = pair(region)
        for ref, studies in ((one, 2), (other, 1)):
            for _ in range(studies):
                region.receive(ref)
        region.settle()
        shown = region.ask("identity", "merge", one, other, "--reason", "same papers", "--dry-run")
        assert (shown["written"], shown["result"]["outcome"], shown["differing"]) == (False, "merged", [])
        assert holdings(shown["now"]) == [([one[4:]], 2), ([other[4:]], 1)]
        assert holdings(shown["then"]) == [([one[4:], other[4:]], 3)]
        assert persons(region, one, other) == 2

    def test_an_unmerge_is_shown_and_whom_it_leaves_together(self, region: Region) -> None:
        one, other, third = region.register(), region.register(), region.register()
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "merge", other, third, "--reason", "same papers")
        region.settle()
        shown = region.ask("identity", "unmerge", one, other, "--reason", "twins", "--dry-run")
        assert shown["result"]["outcome"] == "unmerged"
        assert holdings(shown["now"]) == [([one[4:], other[4:], third[4:]], 0)]
        assert holdings(shown["then"]) == [([one[4:]], 0), ([other[4:], third[4:]], 0)]
        assert persons(region, one, other, third) == 1

    def test_a_merge_that_a_bar_held_back_is_shown_to_come_into_force(self, region: Region) -> None:
        one, other, third = region.register(), region.register(), region.register()
        region.ask("identity", "merge", one, other, "--reason", "same papers")
        region.ask("identity", "merge", other, third, "--reason", "same papers")
        region.ask("identity", "bar", one, third, "--reason", "twins")
        region.settle()
        shown = region.ask("identity", "unmerge", one, other, "--reason", "another person", "--dry-run")
        assert holdings(shown["now"]) == [([one[4:], other[4:]], 0), ([third[4:]], 0)]
        assert holdings(shown["then"]) == [([one[4:]], 0), ([other[4:], third[4:]], 0)]

    def test_who_differs_is_shown_with_what_differs(self, region: Region) -> None:
        one, other = region.register(), region.register(sex="M")
        region.settle()
        shown = region.ask("identity", "merge", one, other, "--reason", "same papers", "--dry-run")
        assert shown["differing"] == ["sex"]
        said = region.show("identity", "merge", one, other, "--reason", "same papers", "--dry-run")
        assert "the two differ in sex" in said
        assert "Then: 1 person" in said

    def test_a_preview_is_refused_as_the_statement_would_be(self, region: Region) -> None:
        one, other = pair(region)
        region.ask("identity", "bar", one, other, "--reason", "twins")
        assert region.complaint(1, "identity", "merge", one, other, "--reason", "x", "--dry-run").endswith("(L3)")
        assert region.complaint(1, "identity", "unmerge", one, other, "--reason", "x", "--dry-run").endswith("(L2)")

    def test_a_look_at_a_preview_is_on_record(self, region: Region) -> None:
        one, other = pair(region)
        region.settle()
        region.ask("identity", "merge", one, other, "--reason", "to look first", "--dry-run")
        region.settle()
        assert "to look first" in json.dumps(region.ask("audit", "accesses", one))


class TestSplit:
    """An identity that holds two people."""

    def mixed(self, region: Region) -> tuple[str, list[str]]:
        """A number under which a study came in of somebody with a slip in the birth date."""
        ref = region.register(**{"birth-date": "1970-01-02"})
        studies = [region.receive(ref, birth_date=born) for born in ("1970-01-02", "1970-01-03")]
        region.settle()
        return ref, studies

    def test_without_a_study_it_lists_them_and_which_said_otherwise(self, region: Region) -> None:
        ref, studies = self.mixed(region)
        listed = region.ask("identity", "split", ref, "--reason", "two people")["studies"]
        assert {row["study"]: row["said"] for row in listed} == {studies[0]: [], studies[1]: ["traits_differ"]}
        assert studies[1] in region.show("identity", "split", ref, "--reason", "two people").split()

    def test_a_preview_writes_nothing_and_the_split_does_what_it_showed(self, region: Region) -> None:
        ref, studies = self.mixed(region)
        words = ("identity", "split", ref, "--study", studies[1], "--reason", "two people")
        shown = region.ask(*words, "--dry-run")
        assert [who["total"]["studies"] for who in (*shown["now"], *shown["then"])] == [2, 1, 1]
        assert "Then: 2 persons" in region.show(*words, "--dry-run")
        answer = region.ask(*words)
        assert answer["other"] == shown["result"]["other"]
        region.settle()
        assert region.ask("identity", "show", f"{ref}#2")["flags"] == ["collision"]
        waiting = region.ask("identity", "review", "list", "--kind", "collision", "--limit", 1000)
        (entry,) = [one for one in waiting if answer["other"] in [side["identity"] for side in one["identities"]]]
        assert (entry["code"], len(entry["identities"])) == ("COLV", 2)
        region.ask("identity", "merge", ref, f"{ref}#2", "--reason", "one person after all")
        assert persons(region, ref, f"{ref}#2") == 1

    def test_a_preview_says_what_protects_both_and_each_is_shown_with_it(self, region: Region) -> None:
        ref, studies = self.mixed(region)
        region.ask("consent", "oppose", ref)
        words = ("identity", "split", ref, "--study", studies[1], "--reason", "two people")
        assert region.ask(*words, "--dry-run")["result"]["for_both"] == ["opposition:consult:everyone"]
        assert "opposition:consult:everyone" in region.show(*words, "--dry-run")
        region.ask(*words)
        region.settle()
        for one in (ref, f"{ref}#2"):
            assert "statements_of_two" in region.ask("identity", "show", one)["flags"]
        shown = region.ask("consent", "show", f"{ref}#2", "--reason", "to see")
        assert "carried over as the identity was split" in json.dumps(shown)
        assert self.asked_of(region, ref) == self.asked_of(region, f"{ref}#2") == 1
        region.ask("consent", "oppose", f"{ref}#2", "--lift")
        for one in (ref, f"{ref}#2"):
            region.ask("identity", "flag", one, "statements_of_two", "--clear", "--reason", "the first one said so")
        region.settle()
        assert self.asked_of(region, ref) == self.asked_of(region, f"{ref}#2") == 0

    def asked_of(self, region: Region, ref: str) -> int:
        """How often the worklist asks whose the statements are that an identity has."""
        identity = region.ask("identity", "show", ref)["identity"]
        waiting = region.ask("identity", "review", "list", "--kind", "collision", "--limit", 1000)
        alone = [one for one in waiting if [side["identity"] for side in one["identities"]] == [identity]]
        return sum("statements_of_two" in one["why"] for one in alone)

    def ordered(self, region: Region, ref: str) -> str:
        """An order for who bears the number."""
        words = ("--site", "CHB", "--modality", "CT", "--question", "nodule?", "--by", CLINICIAN)
        placed: str = region.ask("order", "place", ref, *words)["order"]
        region.settle()
        return placed

    def test_orders_are_listed_too_and_go_along(self, region: Region) -> None:
        ref, studies = self.mixed(region)
        order = self.ordered(region, ref)
        listed = region.ask("identity", "split", ref, "--reason", "two people")["orders"]
        assert [(row["order"], row["state"], row["study"]) for row in listed] == [(order, "placed", None)]
        assert order in region.show("identity", "split", ref, "--reason", "two people").split()
        words = ("identity", "split", ref, "--study", studies[1], "--order", order, "--reason", "two people")
        shown = region.ask(*words, "--dry-run")
        assert [who["total"]["orders"] for who in (*shown["now"], *shown["then"])] == [1, 0, 1]
        assert region.ask(*words)["orders"] == [order]
        region.settle()
        theirs = region.ask("identity", "split", f"{ref}#2", "--reason", "look")["orders"]
        assert [row["order"] for row in theirs] == [order]

    def test_who_was_asked_about_before_an_order_moved_is_not_shown_it(
        self, region: Region, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The gate decided about the one, and the order is the other's by then."""
        ref, _ = self.mixed(region)
        order = self.ordered(region, ref)
        mixed = region.ask("identity", "show", ref)["identity"]
        region.ask("identity", "split", ref, "--order", order, "--reason", "two people")
        region.settle()
        monkeypatch.setattr(person, "placed_for", lambda *_: mixed)
        with pytest.raises(NotFound, match=f"no order {order}"):
            person.order_of(region.krypton, Caller(f"patient:{mixed}", "to look"), UUID(order))

    def test_it_is_taken_back_whole_as_the_preview_showed_and_once(self, region: Region) -> None:
        ref, studies = self.mixed(region)
        order = self.ordered(region, ref)
        region.ask("identity", "split", ref, "--study", studies[1], "--order", order, "--reason", "two people")
        region.settle()
        words = ("identity", "split", f"{ref}#2", "--undo", "--reason", "a mistake")
        shown = region.ask(*words, "--dry-run")
        found = [(who["total"]["studies"], who["total"]["orders"]) for who in (*shown["now"], *shown["then"])]
        assert found == [(1, 0), (1, 1), (2, 1)]
        assert "Then: 1 person" in region.show(*words, "--dry-run")
        answer = region.ask(*words)
        told = [answer[name] for name in ("studies", "orders", "moved_on", "keeps")]
        assert told == [[studies[1]], [order], [], []]
        region.settle()
        held = region.ask("identity", "split", ref, "--reason", "look")
        assert ({row["study"] for row in held["studies"]}, len(held["orders"])) == ({*studies}, 1)
        assert [region.ask("identity", "show", one)["flags"] for one in (ref, f"{ref}#2")] == [["traits_differ"], []]
        assert region.complaint(1, *words).endswith("was taken back already: nothing to do (I16)")
        assert "leave out studies" in region.complaint(2, *words, "--study", studies[0])

    def test_killed_in_the_middle_it_moved_nothing_and_a_repeat_moves_all(self, region: Region) -> None:
        """Its events are in its transaction by then, and wait for the record of the command."""
        ref, studies = self.mixed(region)
        words = ("identity", "split", ref, "--study", studies[1], "--reason", "two people", "--command-id", uuid4())
        with closing(psycopg2.connect(region.krypton.addresses.database)) as barrier, barrier.cursor() as held:
            held.execute("LOCK TABLE ledger.command IN EXCLUSIVE MODE")
            command = subprocess.Popen(krypton_command(*map(str, words)), env=region.env, stdout=subprocess.DEVNULL)
            try:
                until(lambda: waits_to_record(held), "the split is about to be recorded")
            finally:
                command.kill()
                command.wait()
        region.settle()
        assert len(region.ask("identity", "split", ref, "--reason", "look")["studies"]) == 2
        answer = region.ask(*words)
        assert region.ask(*words) == answer
        region.settle()
        for one, study in ((ref, studies[0]), (f"{ref}#2", studies[1])):
            theirs = region.ask("identity", "split", one, "--reason", "look")["studies"]
            assert [row["study"] for row in theirs] == [study]


class TestStatements:
    """What an assigner says of one identity later on."""

    def test_a_correction_is_shown_and_lists_in_the_history_what_changed(self, region: Region) -> None:
        ref = region.register()
        region.ask("identity", "correct", ref, "--reason", "misspelt", "--given", "Alexandra")
        region.settle()
        assert region.ask("identity", "show", ref)["traits"]["given"] == "Alexandra"
        last = region.ask("identity", "history", ref)[-1]
        assert (last["type"], last["reason"], last["changed"]) == ("identity.traits_corrected", "misspelt", ["given"])

    def test_with_an_ins_it_may_be_qualified_and_loses_that_with_it(self, region: Region) -> None:
        ref = region.register(**{"birth-date": "1979-03-05", "birth-place": "51215"})
        region.ask("identity", "attach-ins", ref, "--matricule", "279035121518989")
        region.ask("identity", "status", ref, "--to", "QUAL", "--reason", "papers seen")
        region.settle()
        assert region.ask("identity", "show", ref)["status"] == "QUAL"
        region.ask("identity", "detach-ins", ref, "--reason", "not hers")
        region.settle()
        shown = region.ask("identity", "show", ref)
        assert (shown["status"], shown["ins"]) == ("VALI", None)

    def test_a_flag_is_set_and_cleared(self, region: Region) -> None:
        ref = region.register()
        region.ask("identity", "flag", ref, "HOMA", "--reason", "namesake")
        region.settle()
        assert region.ask("identity", "show", ref)["flags"] == ["HOMA"]
        region.ask("identity", "flag", ref, "HOMA", "--reason", "gone", "--clear")
        region.settle()
        assert region.ask("identity", "show", ref)["flags"] == []

    @pytest.mark.parametrize(
        ("words", "rule"),
        [
            (("correct", "--given", "Alex"), "I3"),
            (("status", "--to", "QUAL"), "I4"),
            (("detach-ins",), "I4"),
            (("flag", "RARE"), "I6"),
            (("correct", "--birth-date", "yesterday"), "I1"),
        ],
    )
    def test_a_refused_statement_names_its_rule(self, region: Region, words: tuple[str, ...], rule: str) -> None:
        ref = region.register()
        command, *more = words
        said = region.complaint(1, "identity", command, ref, *more, "--reason", "essai")
        assert said.startswith("refused: ")
        assert said.endswith(f" ({rule})")

    def test_a_matricule_with_a_wrong_key_is_refused_and_not_repeated(self, region: Region) -> None:
        said = region.complaint(1, "identity", "attach-ins", region.register(), "--matricule", "279035121518900")
        assert said.endswith("(I5)")
        assert "2790351215189" not in said
