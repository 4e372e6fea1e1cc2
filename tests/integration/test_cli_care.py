"""Who may look, exams ordered and studies read: what is printed, key by key, how a denial differs from a refusal."""

import json
from typing import Any
from uuid import uuid4

import pytest

from domain.check_digit import check_digit
from domain.work import Envelope
from tests.fakes.dicom import new_uid
from tests.fakes.region import received
from tests.integration.live_cli import CLINICIAN, OUTSIDER, Region, region

__all__ = ["region"]
pytestmark = pytest.mark.live
AS_OUTSIDER = ("--as", f"rpps:{OUTSIDER}")
STATEMENT_KEYS = {"statement", "kind", "scope", "party", "state", "since", "expires_at", "reason", "identity"}
ACCESS_KEYS = {"position", "access", "rpps", "site", "decision", "ground", "rule", "reason", "opened_at", "closed_at"}


def new_id(kind: str, answer: dict[str, Any]) -> str:
    """The id that a command made."""
    return str(answer[kind])


class TestConsent:
    """The patient's side."""

    def test_what_was_said_is_shown_with_what_it_amounts_to(self, region: Region) -> None:
        ref = region.register()
        granted = region.ask(
            "consent", "grant", ref, "--to", f"rpps:{OUTSIDER}", "--until", "2030-06-01T12:00:00+02:00"
        )
        assert granted["party"] == f"rpps:{OUTSIDER}"
        region.settle()
        shown = region.ask("consent", "show", ref)
        assert shown["standing"] == {"feeding": "not_opposed", "consultation": "consented"}
        (one,) = shown["statements"]
        assert one.keys() >= STATEMENT_KEYS
        assert (one["kind"], one["state"], one["expires_at"]) == ("grant", "in_force", "2030-06-01T10:00:00Z")

    def test_a_consent_is_taken_back(self, region: Region) -> None:
        ref = region.register()
        region.ask("consent", "grant", ref, "--to", "site:CHP")
        region.ask("consent", "revoke", ref, "--to", "site:CHP", "--reason", "changed my mind")
        region.settle()
        (one,) = region.ask("consent", "show", ref)["statements"]
        assert (one["state"], one["end_reason"]) == ("revoked", "changed my mind")

    def test_an_opposition_holds_until_it_is_lifted(self, region: Region) -> None:
        ref = region.register()
        region.ask("consent", "oppose", ref, "--reason", "my own")
        region.settle()
        assert region.ask("consent", "show", ref)["standing"]["consultation"] == "opposed"
        region.ask("consent", "oppose", ref, "--lift")
        region.settle()
        assert region.ask("consent", "show", ref)["standing"]["consultation"] == "not_collected"

    def test_a_repeated_command_shows_the_same_code_again(self, region: Region) -> None:
        command = ("consent", "code", region.register(), "--command-id", uuid4())
        first = region.ask(*command)
        assert len(first["code"]) == 10
        assert region.ask(*command) == first
        assert f"{first['code'][:5]}-{first['code'][5:]}, for one use until" in region.show(*command)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("grant", "--to", "MARKED"), "(C1)"),
            (("revoke", "--to", "site:CHP"), "nothing to revoke (C2)"),
            (("oppose", "--scope", "feed"), "give one (CSP R1111-47) (C4)"),
            (("grant", "--to", "site:CHP", "--until", "2020-01-01"), "or none (C5)"),
        ],
    )
    def test_a_refused_statement_names_its_rule(self, region: Region, words: tuple[str, ...], said: str) -> None:
        command, *more = words
        refused = region.complaint(1, "consent", command, region.register(), *more)
        assert refused.startswith("refused: ")
        assert refused.endswith(said)
        assert "MARKED" not in refused


class TestAccess:
    """A professional's request."""

    def test_inside_the_care_team_it_is_granted(self, region: Region) -> None:
        answer = region.ask("access", "open", region.register(), "--as", f"rpps:{CLINICIAN}", "--reason", "follow-up")
        assert answer.keys() == {
            "positions",
            "access",
            "identity",
            "decision",
            "rule",
            "site",
            "ground",
            "expires_at",
        }
        assert (answer["decision"], answer["rule"], answer["ground"]) == ("granted", "X6", "care_team")

    def test_a_denial_exits_with_1_names_its_rule_and_is_on_record(self, region: Region) -> None:
        ref = region.register()
        command = ("access", "open", ref, *AS_OUTSIDER, "--reason", "second opinion")
        assert region.complaint(1, *command) == ("refused: outside the care team, and no consent was collected (X9)")
        region.settle()
        (one,) = region.ask("audit", "accesses", ref)
        assert one.keys() >= ACCESS_KEYS
        assert (one["rpps"], one["decision"], one["rule"]) == (OUTSIDER, "denied", "X9")
        assert one["reason"] == "second opinion"

    def test_a_denial_as_json_is_a_document_all_the_same(self, region: Region) -> None:
        said = region.run("access", "open", region.register(), *AS_OUTSIDER, "--reason", "x", "--json")
        assert said.code == 1
        assert '"decision": "denied"' in said.out

    def test_a_repeated_denial_answers_as_the_first_time(self, region: Region) -> None:
        command = (
            "access",
            "open",
            region.register(),
            *AS_OUTSIDER,
            "--reason",
            "x",
            "--command-id",
            uuid4(),
            "--json",
        )
        first, again = region.run(*command), region.run(*command)
        assert (again.code, again.err) == (first.code, first.err)
        assert json.loads(again.out) == json.loads(first.out)

    def test_a_code_opens_once(self, region: Region) -> None:
        ref = region.register()
        code = region.ask("consent", "code", ref)["code"]
        command = ("access", "open", ref, *AS_OUTSIDER, "--reason", "second opinion", "--code", code)
        assert region.ask(*command)["ground"] == "code"
        assert region.complaint(1, *command).endswith("the code is wrong, over or used (X8)")

    def test_an_opposition_wins_over_the_care_team(self, region: Region) -> None:
        ref = region.register()
        region.ask("consent", "oppose", ref)
        command = ("access", "open", ref, "--as", f"rpps:{CLINICIAN}", "--reason", "follow-up")
        assert region.complaint(1, *command) == "refused: the person opposes it (X5)"

    def test_an_emergency_is_open_until_it_is_closed(self, region: Region) -> None:
        ref = region.register()
        region.ask("consent", "oppose", ref)
        opened = region.ask("access", "open", ref, *AS_OUTSIDER, "--reason", "unconscious", "--emergency")
        assert (opened["decision"], opened["rule"]) == ("emergency", "X10")
        region.settle()
        (one,) = region.ask("audit", "accesses", ref, "--emergency")
        assert (one["open"], one["closed_at"]) == (True, None)
        region.ask("access", "close", opened["access"], *AS_OUTSIDER, "--note", "awake again")
        region.settle()
        (one,) = region.ask("audit", "accesses", ref, "--by", OUTSIDER)
        assert (one["open"], one["note"]) == (False, "awake again")
        said = region.complaint(1, "access", "close", opened["access"], *AS_OUTSIDER)
        assert said.endswith("is over already: nothing to close (X10)")

    def test_accesses_are_told_apart_by_who_where_and_when(self, region: Region) -> None:
        ref = region.register()
        region.ask("access", "open", ref, "--as", f"rpps:{CLINICIAN}", "--reason", "follow-up")
        region.settle()
        for filters, found in [
            (("--by", f"rpps:{CLINICIAN}"), 1),
            (("--by", OUTSIDER), 0),
            (("--site", "CHB"), 1),
            (("--site", "CHP"), 0),
            (("--since", "2020-01-01"), 1),
            (("--until", "2020-01-01"), 0),
            (("--no-emergency",), 1),
        ]:
            assert len(region.ask("audit", "accesses", ref, "--no-looks", *filters)) == found, filters

    def test_an_unregistered_professional_is_refused(self, region: Region) -> None:
        said = region.complaint(1, "access", "open", region.register(), "--as", "rpps:10101200003", "--reason", "x")
        assert said.endswith("krypton professional register RPPS --name … (X1)")


class TestOrder:
    """An exam, from the wish to the result."""

    @staticmethod
    def place(region: Region, ref: str) -> str:
        """A new order's id."""
        words = ("--site", "CHB", "--by", CLINICIAN, "--modality", "ct", "--question", "nodule?", "--urgency", "STAT")
        return new_id("order", region.ask("order", "place", ref, *words))

    def test_each_step_is_shown(self, region: Region) -> None:
        ref = region.register()
        order = self.place(region, ref)
        region.ask("order", "present", order, "--site", "CHP")
        at = ("--at", "2030-12-01T09:30:00", "--accession", "ACC-1")
        region.ask("order", "schedule", order, "--site", "CHP", *at)
        region.settle()
        shown = region.ask("order", "show", order)
        assert (shown["state"], shown["question"], shown["urgency"], shown["modality"]) == (
            "scheduled",
            "nodule?",
            "STAT",
            "CT",
        )
        assert (shown["scheduled_for"], shown["accession"]) == ("2030-12-01T09:30:00Z", "ACC-1")
        region.ask("order", "perform", order, "--study-uid", "1.2.3")
        region.ask("order", "result", order, "--report-uid", "1.2.4")
        region.settle()
        (in_record,) = region.ask("record", "show", ref)["orders"]
        assert (in_record["order"], in_record["state"]) == (order, "resulted")

    def test_a_cancelled_order_goes_no_further(self, region: Region) -> None:
        order = self.place(region, region.register())
        region.ask("order", "cancel", order, "--reason", "not needed")
        said = region.complaint(1, "order", "present", order, "--site", "CHP")
        assert said == f"refused: order {order} was cancelled: place a new one (O6)"
        region.settle()
        shown = region.ask("order", "show", order)
        assert (shown["state"], shown["cancel_reason"]) == ("cancelled", "not needed")

    def test_it_is_scheduled_only_where_it_was_presented(self, region: Region) -> None:
        order = self.place(region, region.register())
        at = ("--at", "2030-12-01", "--accession", "ACC-2")
        said = region.complaint(1, "order", "schedule", order, "--site", "CHP", *at)
        assert said.endswith("was not presented at CHP: present it there, then schedule it (O4)")

    def test_an_order_that_is_not_there_is_not_found(self, region: Region) -> None:
        nowhere = uuid4()
        assert region.complaint(3, "order", "show", nowhere).startswith(f"not found: no order {nowhere}")
        assert region.complaint(3, "order", "cancel", nowhere, "--reason", "x").startswith("not found: order ")


class TestReading:
    """One establishment asks another to read a study."""

    @pytest.fixture
    def reader(self, region: Region) -> str:
        """A radiologist of CHP."""
        ten = f"2{uuid4().int % 10**9:09}"
        rpps = ten + check_digit(ten)
        doctor = ("--name", "Dr Lecture", "--profession", "radiologist")
        region.ask("professional", "register", rpps, *doctor, "--site", "CHP")
        return rpps

    def test_a_reading_is_asked_for_accepted_and_reported(self, region: Region, reader: str) -> None:
        local_id = f"L-{uuid4().hex[:8]}"
        study = region.krypton.ledger.execute(received("CHB", new_uid(), local_id=local_id), Envelope()).result["study"]
        words = ("--from", "CHB", "--to", "CHP", "--question", "bleeding?")
        reading = new_id("reading", region.ask("reading", "request", study, *words))
        said = region.complaint(1, "reading", "accept", reading, "--by", CLINICIAN)
        assert said.endswith("does not work for CHP: affiliate them, or name a reader there (R4)")
        region.ask("reading", "accept", reading, "--by", reader)
        words = ("--by", f"rpps:{reader}", "--report-uid", "1.2.4", "--conclusion", "no bleeding")
        region.ask("reading", "report", reading, *words)
        region.settle()
        (shown,) = region.ask("record", "show", f"CHB|{local_id}")["studies"][0]["readings"]
        assert (shown["state"], shown["question"], shown["conclusion"], shown["read_by"]) == (
            "reported",
            "bleeding?",
            "no bleeding",
            reader,
        )

    def test_a_declined_reading_may_be_asked_for_again(self, region: Region) -> None:
        result = region.krypton.ledger.execute(received("CHB", new_uid(), local_id="L-2"), Envelope()).result
        asked = ("reading", "request", result["study"], "--from", "CHB", "--to", "CHP", "--question", "x")
        reading = new_id("reading", region.ask(*asked))
        assert region.complaint(1, *asked).endswith("wait for its answer (R3)")
        region.ask("reading", "decline", reading, "--reason", "no reader today")
        assert new_id("reading", region.ask(*asked)) != reading
