"""Findings and the mapping on PostgreSQL, by the rules that ship: DRL case 2, and what nobody mapped."""

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.commands.doses import ReceivedDose
from domain.commands.links import Merge
from domain.commands.rules import PublishRules
from domain.errors import NotFound, VersionTaken
from domain.rules.document import document
from krypton.queries.census import Asked, practice_of
from krypton.queries.findings import findings_of, mapping_of, suggested
from krypton.queries.rule_changes import changed_by
from tests.fakes.region import dose, exposure
from tests.fakes.views import pair
from tests.integration.ruled_world import RULES, RuledWorld

pytestmark = pytest.mark.live
SHIPPED = ("dose-acts-1", "reference-levels-2011", "reference-levels-2019")
PERIOD = ("2015-01-01", "2015-12-31")


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    for name in SHIPPED:
        made.ask(PublishRules(document=document(tomllib.loads((RULES / f"{name}.toml").read_text()))))
    yield made
    made.close()


def chest(
    number: int,
    dap: float,
    protocol: str = "Thorax PA",
    age_days: float | None = 15_000.0,
    at: str | None = "2015-06-01T09:00:00",
) -> ReceivedDose:
    shot = {**exposure(f"1.8.{number}", dap_mgycm2=dap), "modality": "DX", "protocol": protocol}
    told = dose(f"1.9.{number}", {**shot, "started_at": at})
    told.said["patient"] = {"age_days": age_days, "weight_kg": None, "size_cm": None, "pregnant": None}
    return told


def work(world: RuledWorld) -> None:
    for view in ("identity_index", "dose_practice"):
        world.work(view)


def test_a_device_is_no_finding_of_2011_and_one_of_2019(world: RuledWorld) -> None:
    """30 adults, mean 173.3 and median 210; with 29 there is no finding at all."""
    for number in range(29):
        world.receive(number, chest(number, 210.0 if number < 20 else 100.0))
    world.receive(40, chest(40, 900.0, age_days=None))
    work(world)
    few = findings_of(world.ours, "CHA", *PERIOD)["findings"]
    assert [(one["said"], one["value"]) for one in few] == [("group too small (29 of 30)", None)] * 2
    world.receive(30, chest(30, 100.0))
    work(world)
    found = findings_of(world.ours, None, *PERIOD)
    told = [(one["site"], one["side"], one["rule"], one["statistic"], one["over"]) for one in found["findings"]]
    assert told == [
        ("CHA", "at_exam", "reference-levels@2011", "mean", False),
        ("CHA", "now", "reference-levels@2019", "median", True),
    ]
    assert [(one["why"], one["exposures"]) for one in found["not_compared"]] == [("adult or child is not known", 1)]
    assert findings_of(world.ours, "CHB", *PERIOD)["findings"] == []
    of_year = findings_of(world.ours, None, None, PERIOD[1])  # the twelve months that end with that day
    assert (of_year["since"], of_year["findings"]) == ("2014-12-31", found["findings"])
    with pytest.raises(NotFound, match="no establishment CHX: krypton site list"):
        findings_of(world.ours, "CHX", *PERIOD)


def test_what_nobody_mapped_is_listed_and_proposed_and_counts_once_it_is_published(world: RuledWorld) -> None:
    for number, protocol in enumerate(["Rachis lomb. profil"] * 3 + ["Genou"] * 2 + ["Thorax PA"]):
        world.receive(number, chest(number, 3_950.0, protocol))
    work(world)
    told = mapping_of(world.ours, "CHA", *PERIOD)
    unmapped = [(one["protocol"], one["state"], one["exposures"]) for one in told["unmapped"]]
    assert unmapped == [("Rachis lomb. profil", "unmapped", 3), ("Genou", "unmapped", 2)]
    assert [(one["protocol"], one["act"]) for one in told["acts"]] == [("Thorax PA", "Chest PA")]
    content, found = suggested(world.ours, "CHA", *PERIOD)
    assert [(one.protocol, one.act) for one in found] == [
        ("Rachis lomb. profil", "Lumbar spine lateral"),
        ("Genou", None),
    ]
    assert len(mapping_of(world.ours, "CHA", *PERIOD)["unmapped"]) == 2
    entry = {"act": found[0].act, "modalities": ["DX"], "protocols": [found[0].name]}
    edited = content | {"body": {"entries": [*content["body"]["entries"], entry]}}
    world.ask(PublishRules(document=document(edited)))
    assert [one["protocol"] for one in mapping_of(world.ours, "CHA", *PERIOD)["unmapped"]] == ["Genou"]


def persons(world: RuledWorld) -> set[tuple[str, int]]:
    """The populations of the groups of the exams' day, each with how many persons."""
    found = findings_of(world.ours, "CHA", *PERIOD)["findings"]
    return {(one["population"], one["persons"]) for one in found if one["side"] == "at_exam"}


def left(world: RuledWorld) -> dict[str, int]:
    """What is in no group."""
    return {one["why"]: one["exposures"] for one in findings_of(world.ours, "CHA", *PERIOD)["not_compared"]}


def test_a_birth_date_of_the_ledger_makes_nobody_an_adult_who_was_a_child_and_loses_no_adult(world: RuledWorld) -> None:
    """It decides before the age that a report states, which counts where no birth date is known."""
    for number, birth_date in enumerate(("1970-01-02", "2010-01-02", "", "1997-06-01", "1997-06-02")):
        world.register(local_id=f"D{number}", birth_date=birth_date)
    for number, age_days in enumerate((None, 15_000.0, 15_000.0, None, None)):
        world.receive(number, chest(number, 300.0, age_days=age_days))
    work(world)
    assert persons(world) == {("adult", 3)}  # of 45, of 41 as stated, and of 18 years on the very day
    assert left(world) == {"the child's weight is not known": 2}


def test_another_identity_of_the_person_tells_the_birth_date_and_an_erasure_takes_it(world: RuledWorld) -> None:
    silent, other = world.register(local_id="D0", birth_date=""), world.register("CHB")
    world.receive(0, chest(0, 300.0, age_days=None))
    work(world)
    assert (persons(world), left(world)) == (set(), {"adult or child is not known": 1})
    world.ask(Merge(**pair(silent, other), reason="same person"))
    work(world)
    assert (persons(world), left(world)) == ({("adult", 1)}, {})
    world.ours.vault.destroy(other)
    assert (persons(world), left(world)) == (set(), {"adult or child is not known": 1})


def test_the_page_of_a_device_asks_the_birth_date_where_no_age_is_stated(world: RuledWorld) -> None:
    for number in range(6):
        world.register(local_id=f"D{number}", birth_date="1970-01-02" if number < 5 else "2010-01-02")
        world.receive(number, chest(number, 300.0, age_days=None))
    work(world)
    groups = practice_of(world.ours, Asked(site="CHA", since=PERIOD[0], until=PERIOD[1]))["groups"]
    assert [(one["population"], one["persons"]) for one in groups] == [("adult", 5), ("child", 1)]


def test_a_file_tells_what_it_would_change_before_it_is_published(world: RuledWorld) -> None:
    for number in range(30):
        world.receive(number, chest(number, 210.0, "Poumons debout" if number else "Thorax PA"))
    work(world)
    before, (content, _) = world.head(), suggested(world.ours, "CHA", *PERIOD)
    entry = {"act": "Chest PA", "modalities": ["DX"], "protocols": ["poumons debout"]}
    told = document(content | {"body": {"entries": [*content["body"]["entries"], entry]}})
    found = changed_by(world.ours, told, None, *PERIOD)
    assert [(one["site"], one["protocol"], one["was"], one["becomes"], one["exposures"]) for one in found["acts"]] == [
        ("CHA", "Poumons debout", "unmapped", "Chest PA", 29)
    ]
    becomes = {one["side"]: [text["said"] for text in one["becomes"]] for one in found["findings"]}
    assert becomes == {"at_exam": ["not over the level"], "now": ["over the level"]}
    assert (found["rules"], found["exposures"], world.head()) == ("dose-acts@2", 30, before)
    assert changed_by(world.ours, told, "CHB", *PERIOD)["acts"] == []
    world.ask(PublishRules(document=told))
    assert [one["said"] for one in findings_of(world.ours, "CHA", *PERIOD)["findings"]] == [
        *becomes["at_exam"],
        *becomes["now"],
    ]
    with pytest.raises(
        VersionTaken, match="dose-acts@2 was published with other content: give the new rules version 3"
    ):
        changed_by(world.ours, document(content), None, *PERIOD)


def test_what_has_no_day_is_of_no_period_and_is_counted(world: RuledWorld) -> None:
    world.receive(0, chest(0, 300.0, at=None))
    work(world)
    assert (persons(world), left(world)) == (set(), {"the day is not known": 1})


def test_the_mapping_is_told_of_whole_months_so_that_no_answer_tells_what_was_made_on_one_day(
    world: RuledWorld,
) -> None:
    for number, at in enumerate(("2015-06-01T09:00:00", "2015-06-30T09:00:00", "2015-07-01T09:00:00", None)):
        world.receive(number, chest(number, 210.0, at=at))
    work(world)
    for day in ("2015-06-01", "2015-06-15"):
        told = mapping_of(world.ours, "CHA", day, day)
        assert [one["exposures"] for one in told["acts"]] == [2]
        assert (told["since"], told["until"], told["undated"]) == ("2015-06-01", "2015-06-30", 1)
    asked_for_none = mapping_of(world.ours, "CHB", None, None)
    assert (asked_for_none["since"][8:], asked_for_none["undated"]) == ("01", 0)


def test_a_day_to_come_is_a_wrong_date_and_counts_in_no_period_that_ends_today(world: RuledWorld) -> None:
    today = world.ours.ledger.clock().date()
    world.receive(0, chest(0, 300.0, at=f"{today}T00:00:00"))
    world.receive(1, chest(1, 300.0, at=f"{today + timedelta(days=1)}T00:00:00"))
    work(world)
    found = findings_of(world.ours, None, None, None)
    assert found["until"] == today.isoformat()
    assert [one["persons"] for one in found["findings"]] == [1, 1]
    assert [one["exposures"] for one in mapping_of(world.ours, None, None, None)["acts"]] == [1]
