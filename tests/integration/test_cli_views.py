"""What operators do to views: rebuild under other rules, see what would change, promote, go back, drop, check."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from domain.commands.rules import PublishRules
from domain.rules.document import RuleId, document
from domain.work import Envelope
from krypton.views import check, lag, promote, rebuild
from projections.versions import versions
from streams.reading.replay import Unanswered
from tests.fakes.region import dose, exposure, received
from tests.integration.live_cli import CLINICIAN, Region, region
from tests.waiting import WITHIN_S, until

__all__ = ["region"]
pytestmark = pytest.mark.live
DOSES, RECORD = "cumulative_dose", "patient_record"


def publish(region: Region, dose_rp_mgy: float, in_force_from: str = "2020-01-01") -> RuleId:
    """Publish alert thresholds as the next version; returns their id."""
    known = region.krypton.ledger.rules().published
    version = 1 + max([1, *(one.version for one in known if one.kind == "dose-alerts")])
    body = {"dose_rp_mgy": dose_rp_mgy, "dap_mgycm2": 200_000}
    told = {"kind": "dose-alerts", "version": version, "in_force_from": in_force_from, "body": body}
    region.krypton.execute(PublishRules(document=document(told)), Envelope("system:test"))
    return RuleId("dose-alerts", version)


def expose(region: Region, dose_rp_mgy: float) -> str:
    """A study with one exposure; returns its id."""
    number = uuid4().int
    report = dose(f"2.25.{number}.1", exposure(f"2.25.{number}.2", dose_rp_mgy=dose_rp_mgy))
    command = received("CHB", f"2.25.{number}", local_id=f"D{number}", doses=(report,))
    return str(region.krypton.execute(command, Envelope("system:test")).result["study"])


def versions_of(region: Region, view: str) -> dict[int, dict[str, Any]]:
    return {one["version"]: one for one in region.ask("views", "status") if one["view"] == view}


def tidy(region: Region, view: str) -> None:
    """Drop every version that readers do not see."""
    for version, one in versions_of(region, view).items():
        if one["state"] != "live":
            region.ask("views", "drop", view, "--version", version)


@pytest.fixture
def doses(region: Region) -> Iterator[Region]:
    """A region in which no version of the doses waits, before and after."""
    tidy(region, DOSES)
    yield region
    tidy(region, DOSES)


@pytest.fixture(scope="module")
def hot(region: Region) -> str:
    """A study that is over a gray, and not over two."""
    study = expose(region, 1_200.0)
    region.settle()
    return study


@pytest.fixture(scope="module")
def stricter(region: Region) -> RuleId:
    """Thresholds of one gray."""
    return publish(region, 1_000)


def caught_up(region: Region, view: str, version: int) -> None:
    """Wait until a version's own worker has read all."""
    until(lambda: versions_of(region, view)[version]["lag"] == 0, f"{view} v{version} up to date")


def test_a_rebuild_under_other_rules_is_compared_promoted_and_taken_back(
    doses: Region, hot: str, stricter: RuleId
) -> None:
    """Each step's document; the alert is raised by the promotion alone, and stays when that is taken back."""
    (live,) = versions_of(doses, DOSES)
    built = doses.ask("views", "rebuild", DOSES, "--rules", stricter)
    new = built["version"]
    assert versions_of(doses, DOSES)[new]["rules"] == {
        "dose-alerts": stricter.version,
        "reference-levels": 0,
        "plausible-doses": 1,
    }

    said = doses.run("views", "diff", DOSES, "--json")
    summary = json.loads(said.out)
    assert (said.code, summary["equal"], summary["doses"]) == (1, False, {"newly_over": 1, "no_longer_over": 0})
    listed = json.loads(doses.run("views", "diff", DOSES, "--list", "--json").out)
    assert [(one["change"], one["study_id"], one["threshold"]) for one in listed] == [("newly_over", hot, 1_000.0)]
    assert alerts_of(doses, hot) == []

    promote = ("views", "promote", DOSES, "--command-id", uuid4())
    promoted = doses.ask(*promote)
    assert doses.ask(*promote) == promoted
    assert (promoted["what"], promoted["version"], promoted["former"]) == ("promoted", new, live)
    assert (promoted["decided"], promoted["actor"]) == ({"alerts": 1}, "operator:dev")
    doses.settle()
    assert alerts_of(doses, hot) == [("dose_rp_mgy", stricter.version)]

    back = doses.ask("views", "rollback", DOSES)
    assert (back["what"], back["version"], back["decided"]) == ("rolled_back", live, {})
    caught_up(doses, DOSES, live)
    assert alerts_of(doses, hot) == [("dose_rp_mgy", stricter.version)]
    dropped = doses.ask("views", "drop", DOSES, "--version", new)
    assert (dropped["what"], dropped["position"] > back["position"] > promoted["position"]) == ("dropped", True)
    assert list(versions_of(doses, DOSES)) == [live]


def alerts_of(region: Region, study: str) -> list[tuple[str, int]]:
    found = region.ask("dose", "alerts", "--as", f"rpps:{CLINICIAN}")
    return [(one["quantity"], one["rule_version"]) for one in found if one["study"] == study]


def test_a_promotion_that_was_killed_half_way_is_finished_by_the_supervisor(doses: Region) -> None:
    """Nobody runs another command: `krypton run` finds it."""
    ours = doses.krypton
    before = ours.ledger.recorder.max_notification_id() or 0
    version = doses.ask("views", "rebuild", DOSES)["version"]
    versions.promote(ours.addresses.database, DOSES, version, "system:test")
    until(lambda: (ours.ledger.recorder.max_notification_id() or 0) > before, "the promotion's event")
    promote.settle(ours)
    doses.settle()
    doses.ask("views", "rollback", DOSES)


def test_what_the_relay_has_not_copied_readers_lack(region: Region) -> None:
    head = region.head
    assert "the relay has not copied" in lag.lacks(region.krypton, DOSES, head + 1, 0)
    assert lag.lacks(region.krypton, DOSES, head, 20) == ""


def test_readers_lack_nothing_of_what_came_after_the_position_asked_about(doses: Region) -> None:
    """Else a policy that starts in an import would wait until that is over."""
    expose(doses, 1.0)
    doses.settle()
    upto = doses.head
    version = doses.ask("views", "rebuild", DOSES, "--until", upto)["version"]
    expose(doses, 1.0)
    doses.settle()
    assert lag.lacks(doses.krypton, DOSES, doses.head, WITHIN_S) == "", "the live version has it, and the relay says so"
    assert lag.lacks(doses.krypton, DOSES, upto, 0, version) == ""
    assert "is not up to date" in lag.lacks(doses.krypton, DOSES, doses.head, 0, version)


def test_a_version_built_until_a_position_stops_there_and_is_promoted_by_force_alone(region: Region) -> None:
    """From then on it is kept up to date."""
    tidy(region, RECORD)
    region.register()
    region.settle()
    (live,) = versions_of(region, RECORD)
    version = region.ask("views", "rebuild", RECORD, "--until", 2)["version"]
    assert versions_of(region, RECORD)[version]["until"] == 2
    said = region.complaint(1, "views", "promote", RECORD)
    assert said.startswith(f"refused: {RECORD} v{version} was built up to position 2, and readers would lose")
    assert region.ask("views", "promote", RECORD, "--force")["former"] == live
    expose(region, 1.0)
    region.settle()
    caught_up(region, RECORD, version)
    found = versions_of(region, RECORD)
    assert (found[live]["state"], found[version]["ours"]) == ("retired", True)
    caught_up(region, RECORD, live)  # the former version is kept up to date too, until it is dropped
    region.ask("views", "rollback", RECORD)
    tidy(region, RECORD)


def test_a_check_finds_what_is_live_equal_and_leaves_nothing(region: Region) -> None:
    region.register()
    region.settle()
    before = region.head
    for view in ("identity_index", DOSES):
        summary = region.ask("views", "check", view)
        assert (summary["view"], summary["equal"], summary["settled"]) == (view, True, True)
        assert len(versions_of(region, view)) == 1
    assert region.head == before


def test_a_rebuild_of_the_same_is_equal_and_reads_well(region: Region) -> None:
    tidy(region, RECORD)
    said = region.run("views", "rebuild", RECORD)
    version = max(versions_of(region, RECORD))
    assert said.out.startswith(f"{RECORD} v{version} is ready: ")
    assert said.told == f"next: krypton views diff {RECORD}, then promote or drop it"
    caught_up(region, RECORD, version)
    assert "are equal" in region.show("views", "diff", RECORD)
    said = region.run("views", "promote", RECORD)
    assert said.out.startswith(f"{RECORD} v{version} promoted, was v")
    region.settle()
    tidy(region, RECORD)


@pytest.mark.parametrize(("command", "goes_on"), [("rebuild access_history", True), ("check identity_index", False)])
def test_a_kafka_that_goes_away_meanwhile_is_a_sentence(
    region: Region, monkeypatch: pytest.MonkeyPatch, command: str, goes_on: bool
) -> None:
    def gone(*_: object) -> list[Any]:
        raise Unanswered("RequestTimedOutError")

    monkeypatch.setattr(rebuild, "_records", gone)
    region.register()
    region.settle()
    said = region.complaint(4, "views", *command.split())
    assert said.startswith("unavailable: kafka does not answer any more (RequestTimedOutError): run the same command")
    assert said.endswith("it goes on") is goes_on
    tidy(region, "access_history")


def test_a_kafka_that_goes_away_while_a_check_catches_up_is_a_sentence(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> int:
        raise Unanswered("KafkaConnectionError")

    monkeypatch.setattr(check, "_catch_up", gone)
    said = region.complaint(4, "views", "check", "access_history")
    assert said.startswith("unavailable: kafka does not answer at ")
    assert list(versions_of(region, "access_history")) == [1]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("rebuild everything", 3, "not found: no view everything: there are patient_record, "),
        ("rebuild cumulative_dose --rules dose-alerts", 1, "refused: not a rule id: write KIND@VERSION"),
        ("rebuild cumulative_dose --rules dose-alerts@77", 3, "not found: rules dose-alerts@77 were not published"),
        ("rebuild cumulative_dose --rules matching@1", 1, "refused: matching@1 does not apply to cumulative_dose: it "),
        (
            "rebuild patient_record --rules matching@1",
            1,
            "refused: matching@1 does not apply to patient_record: no rul",
        ),
        ("diff access_history", 3, "not found: no version of access_history is ready: run krypton views rebuild acc"),
        ("promote access_history", 3, "not found: no version of access_history is ready: run krypton views rebuild "),
        ("promote access_history --version 9", 3, "not found: no version 9 of access_history: see krypton views sta"),
        (
            "rollback access_history",
            1,
            "refused: no former version of access_history is kept: there is nothing to roll back to",
        ),
        ("drop access_history --version 1", 1, "refused: access_history v1 is the live version: promote another ver"),
        ("drop access_history --version 9", 3, "not found: no version 9 of access_history: see krypton views status"),
        ("check everything", 3, "not found: no view everything: there are patient_record, "),
    ],
)
def test_what_cannot_be_done_is_said(region: Region, command: str, code: int, said: str) -> None:
    assert region.complaint(code, "views", *command.split()).startswith(said)


def test_rules_are_not_promoted_before_their_day(doses: Region) -> None:
    rules = publish(doses, 500, in_force_from="2999-01-01")
    version = doses.ask("views", "rebuild", DOSES, "--rules", rules)["version"]
    said = doses.complaint(1, "views", "promote", DOSES)
    assert said == (f"refused: {rules} is in force from 2999-01-01: promote {DOSES} v{version} from that day on (V3)")


def test_a_listing_goes_page_by_page(doses: Region) -> None:
    """Rows of one table, by key."""
    doses.ask("views", "rebuild", DOSES, "--rules", publish(doses, 700))
    pages = [
        json.loads(doses.run("views", "diff", DOSES, "--rows", "level", "--offset", n, "--limit", 1, "--json").out)
        for n in range(3)
    ]
    assert [[one["key"]["quantity"] for one in page] for page in pages] == [["dap_mgycm2"], ["dose_rp_mgy"], []]


def test_a_diff_that_lists_nothing_ends_with_1_all_the_same_when_the_versions_differ(doses: Region) -> None:
    """A page past the end; differences of rows that mean nothing to anybody; and a table that is not there is said."""
    doses.ask("views", "rebuild", DOSES, "--rules", publish(doses, 99_000))
    past = doses.run("views", "diff", DOSES, "--rows", "level", "--offset", 9)
    assert (past.code, "nothing to list here, yet they differ" in past.err) == (1, True)
    assert doses.run("views", "diff", DOSES, "--list", "--offset", 999, "--json").code == 1
    said = doses.complaint(3, "views", "diff", DOSES, "--rows", "levle")
    assert said.startswith("not found: cumulative_dose has no table levle; its tables are alert, ")
