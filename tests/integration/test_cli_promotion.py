"""What operators see of a version before they promote it: what would differ, and what the promotion would do."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from krypton.views import lag
from projections.versions import versions
from tests.fakes.region import dose, exposure
from tests.fakes.weighing import NOBODY
from tests.integration.live_cli import CommandLine
from tests.integration.ruled_world import RuledWorld, regions_decided

pytestmark = pytest.mark.live
IDENTITIES, DOSES, RECORD = "identity_index", "cumulative_dose", "patient_record"


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    monkeypatch.setattr(lag, "lacks", made.lacks)
    yield made
    made.close()


@pytest.fixture
def line(world: RuledWorld, tmp_path: Path) -> CommandLine:
    """The command line of that ledger; nobody answers for Kafka."""
    given = {
        "KRYPTON_DATABASE": world.url,
        "KRYPTON_KAFKA": "127.0.0.1:1",
        "KRYPTON_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "KRYPTON_TEST_INSTALLATION": "1",
    }
    return CommandLine(tmp_path, tuple(given.items()))


@pytest.fixture
def matched(world: RuledWorld) -> RuledWorld:
    world.three_pairs()
    return world


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return regions_decided(monkeypatch)


@pytest.mark.usefixtures("matched")
def test_a_listing_decides_a_region_once_though_it_lists_nothing(line: CommandLine, decided: list[str]) -> None:
    """A page past the end; that the versions differ is told by their rows."""
    past = line.run("views", "diff", IDENTITIES, "--list", "--offset", 99, "--json")
    assert (past.code, json.loads(past.out), decided) == (1, [], [f"{IDENTITIES}_v2"])
    assert "nothing to list here, yet they differ" in past.err
    decided.clear()
    rows = line.run("views", "diff", IDENTITIES, "--rows", "statement", "--json")
    assert (rows.code, json.loads(rows.out), decided) == (1, [], [])


def stored(world: RuledWorld) -> dict[str, Any]:
    """A digest of every table."""
    named = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'"
    rows = "SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM"
    return {table: world.query(f"{rows} {table} AS row") for (table,) in world.query(named)}


def counted(told: dict[str, Any]) -> dict[str, int]:
    return {one["decision"]: one["count"] for one in told["decisions"]}


def test_a_dry_run_tells_what_the_promotion_then_does_and_writes_nothing(
    line: CommandLine, matched: RuledWorld, decided: list[str]
) -> None:
    before = stored(matched)
    told = line.ask("views", "promote", IDENTITIES, "--dry-run")
    assert stored(matched) == before
    assert (told["written"], told["live"], told["candidate"], told["unfinished"]) == (False, 1, 2, 0)
    assert (told["former_rules"], told["rules"]) == ({"matching": 0}, {"matching": 1})
    assert told["persons"] == {"joined": 3, "split": 0, "unchanged": 1, "proposed": 1}
    assert told["decisions"] == [
        {"decision": "merged", "rule": "strict", "rule_version": 1, "count": 3},
        {"decision": "proposed", "rule": "review", "rule_version": 1, "count": 1},
    ]
    assert decided == [f"{IDENTITIES}_v2"]
    done = line.ask("views", "promote", IDENTITIES)
    assert (done["version"], done["decided"]) == (2, counted(told))


def test_merges_that_would_be_taken_back_name_the_rule_that_made_them(line: CommandLine, matched: RuledWorld) -> None:
    line.ask("views", "promote", IDENTITIES)
    matched.work(IDENTITIES)
    matched.matching(2, **NOBODY)
    matched.build(IDENTITIES, matching=2)
    told = line.ask("views", "promote", IDENTITIES, "--dry-run")
    assert told["persons"] == {"joined": 0, "split": 3, "unchanged": 1, "proposed": 0}
    assert told["decisions"] == [{"decision": "unmerged", "rule": "strict", "rule_version": 1, "count": 3}]
    assert line.ask("views", "promote", IDENTITIES)["decided"] == {"unmerged": 3}


@pytest.mark.usefixtures("matched")
def test_people_read_in_one_and_the_same_words_what_is_foreseen_and_what_was_done(line: CommandLine) -> None:
    """A clerk does not know what "proposed" is: a pair is put on the worklist."""
    shown = line.show("views", "promote", IDENTITIES, "--dry-run")
    assert shown.startswith("nothing was written; identity_index v2 would take the place of v1\n")
    assert "3  persons joined: several persons of today are one" in shown
    assert "1  persons unchanged: as they are today" in shown
    assert "1  pairs put on the worklist: a human decides whether they are one person" in shown
    assert re.search(r"3  pairs merged by a rule +the strict traits agree, nothing contradicts \(strict, match", shown)
    assert re.search(r"1  pairs put on the worklist: a human decides +probably one person", shown)
    assert shown.endswith("who that is: krypton views diff identity_index --version 2 --list\n")
    different = line.run("views", "diff", IDENTITIES).out
    assert "1  pairs put on the worklist: a human decides whether they are one person" in different
    listed = line.run("views", "diff", IDENTITIES, "--list").out
    assert re.search(r"^put on the worklist .+probably one person, .+ \(review, matching@1\)$", listed, re.MULTILINE)
    done = line.show("views", "promote", IDENTITIES)
    assert "  3 pairs merged by a rule\n" in done
    assert "  1 pairs put on the worklist: a human decides\n" in done
    assert "proposed" not in shown + different + listed + done


def test_alerts_are_foreseen_and_of_whom_doses_are_judged_together(line: CommandLine, world: RuledWorld) -> None:
    for number in (1, 2):
        world.receive(number, dose(f"1.9.{number}", exposure(f"1.8.{number}", dose_rp_mgy=1_200.0)))
    skin = {"name": "one", "kind": "exposure", "quantity": "dose_rp_mgy", "threshold": 1_100}
    world.publish("dose-alerts", 2, {"dose_rp_mgy": 1_000, "dap_mgycm2": 100_000})
    world.publish("dose-alerts", 3, {"alerts": [skin]})
    world.work(DOSES)
    second, third = (world.build(DOSES, dose_alerts=version) for version in (2, 3))
    before = stored(world)
    told = line.ask("views", "promote", DOSES, "--version", third, "--dry-run")
    assert told["decisions"] == [{"decision": "judged", "rule": "dose-alerts", "rule_version": 3, "count": 2}]
    told = line.ask("views", "promote", DOSES, "--version", second, "--dry-run")
    assert stored(world) == before
    assert told["doses"] == {"newly_over": 2, "no_longer_over": 0}
    assert told["decisions"] == [{"decision": "alerts", "rule": "dose-alerts", "rule_version": 2, "count": 2}]
    assert "2  doses newly over a level" in line.show("views", "promote", DOSES, "--version", second, "--dry-run")
    assert line.ask("views", "promote", DOSES, "--version", second)["decided"] == {"alerts": 2}


def test_a_version_of_the_same_rules_would_decide_nothing(line: CommandLine, matched: RuledWorld) -> None:
    """Though the rules call for something that nobody has decided yet: the promotion raises it neither."""
    line.ask("views", "promote", IDENTITIES)
    for site in ("CHA", "CHB"):
        matched.register(site, "7", family="AUTRE")
    matched.work(IDENTITIES)
    matched.build(IDENTITIES, matching=1)
    assert line.ask("views", "promote", IDENTITIES, "--dry-run")["decisions"] == []
    shown = line.show("views", "promote", IDENTITIES, "--dry-run")
    assert shown.endswith("v3 has the rules of v2: nothing is decided\n")
    assert line.ask("views", "promote", IDENTITIES)["decided"] == {}


def test_of_a_view_that_decides_nothing_the_rows_are_told(line: CommandLine, world: RuledWorld) -> None:
    world.receive(1)
    world.work(RECORD)
    version = world.build(RECORD)
    world.query(f"UPDATE {RECORD}_v{version}.study SET site = 'CHZ'")
    told = line.ask("views", "promote", RECORD, "--dry-run")
    assert (told["equal"], told["decisions"], "persons" in told) == (False, [], False)
    assert re.search(r"^study +0 +0 +1\b", line.show("views", "promote", RECORD, "--dry-run"), re.MULTILINE)


def test_what_a_promotion_is_refused_for_its_dry_run_is_refused_for(line: CommandLine, world: RuledWorld) -> None:
    world.publish("dose-alerts", 2, {"dose_rp_mgy": 1_000, "dap_mgycm2": 100_000}, in_force_from="2999-01-01")
    world.build(DOSES, dose_alerts=2)
    said = line.complaint(1, "views", "promote", DOSES, "--dry-run")
    assert said == line.complaint(1, "views", "promote", DOSES)
    assert said.startswith("refused: dose-alerts@2 is in force from 2999-01-01")
    said = line.complaint(3, "views", "promote", RECORD, "--dry-run")
    assert said == line.complaint(3, "views", "promote", RECORD)
    assert line.complaint(3, "views", "promote", "nothing", "--dry-run").startswith("not found: no view nothing")


def test_a_dry_run_says_what_was_cut_short_and_leaves_it_so(line: CommandLine, matched: RuledWorld) -> None:
    versions.promote(matched.url, IDENTITIES, 2, "system:test")
    matched.build(IDENTITIES)
    before = stored(matched)
    assert line.ask("views", "promote", IDENTITIES, "--dry-run")["unfinished"] == 1
    said = line.run("views", "promote", IDENTITIES, "--dry-run")
    assert "was cut short, and some of this may follow from it" in said.err
    assert stored(matched) == before
