"""Practice beside the region: figures equal what pandas computes; who is told them, and when they are made."""

import base64
import os
import re
import signal
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pandas as pd
import pytest

from domain.commands.links import Merge
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.queries.census import Asked, practice_of
from krypton.services import region, region_health
from krypton.services.budget import BUDGETS
from krypton.settings import Settings
from postgres.session import held, keep_within
from projections.dose_practice.region import figures
from tests.fakes.region import exposure
from tests.fakes.views import pair
from tests.forked import SERVER
from tests.integration.live_cli import CommandLine
from tests.integration.region_world import ACTS, DAY, PLACES, RegionWorld
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live
LEVELS = {
    "levels": [
        {"act": "Chest PA", "modality": "DX", "population": population, "quantity": "dap_mgycm2", "value": value}
        | {"unit": "mGy.cm2", **of}
        for population, value, of in (
            ("adult", 200.0, {}),
            ("child", 50.0, {"weight_kg": 20}),
            ("child", 70.0, {"weight_kg": 30}),
        )
    ]
}
CHILD = {"age_days": 2_500.0}
FIGURES = ("exposures", "persons", "sites", "q1", "median", "q3")
KINDS: list[dict[str, Any]] = [
    {},
    {},
    {"age_days": 20_000.0},
    CHILD | {"weight_kg": 21.0},
    CHILD | {"weight_kg": 29.0},
    {"age_days": None, "stated": {"birth_date": "1960-05-05"}},
    {"age_days": None, "stated": {"birth_date": "2019-05-05"}, "weight_kg": 19.0},
    {"age_days": None},
    {"stated": {"birth_date": "2019-05-05"}, "weight_kg": 19.0},
    CHILD | {"stated": {"birth_date": "1960-05-05"}, "weight_kg": 70.0},
]


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RegionWorld]:
    made = RegionWorld(installed_url, tmp_path)
    yield made
    made.close()


def of_whom(born: str | None, age: float | None, weight_kg: float | None) -> tuple[str, str]:
    """Population and weight, by the birth date, else by the words of the exam: empty where neither is known."""
    if age is None and born is None:
        return "", ""
    if born == "1960-05-05" or (born is None and (age or 0) >= 6_575):
        return "adult", ""
    return "child", "" if weight_kg is None else "20 kg" if weight_kg < 25 else "30 kg"


def exams(world: RegionWorld, chance: Random) -> pd.DataFrame:
    """Exams at establishments of very different sizes; a row for each exposure."""
    told = []
    for number in range(200):
        site = chance.choice([*PLACES, *PLACES[:3], PLACES[0]])
        who = chance.randrange(len(KINDS) * 4)
        kind, day = KINDS[who % len(KINDS)], chance.choice(["2025-06-10", "2025-01-02", "2024-06-01", "2024-05-31"])
        values = [round(chance.lognormvariate(5, 0.5), 2) for _ in range(chance.randint(1, 2))]
        protocol = chance.choice(["Thorax PA", "THORAX PA", "inconnu"])
        identity = world.give(site, f"P{who}", *values, day=day, protocol=protocol, **kind)
        whom = (kind.get("stated", {}).get("birth_date"), kind.get("age_days", 15_000.0), kind.get("weight_kg"))
        told += [(site, identity, whom, day, protocol, value, number) for value in values]
    columns = ["site", "identity", "whom", "day", "protocol", "value", "exam"]
    return pd.DataFrame(told, columns=columns)


def computed(frame: pd.DataFrame, same: dict[str, str]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By population and weight: exposures, persons, sites, and quartiles where they are told."""
    frame = frame.assign(person=frame["identity"].map(lambda identity: same.get(identity, identity)))
    born = {person: whom[0] for person, whom in zip(frame["person"], frame["whom"], strict=True) if whom[0]}
    whose = [
        of_whom(whom[0] or born.get(person), *whom[1:])
        for person, whom in zip(frame["person"], frame["whom"], strict=True)
    ]
    frame = frame.assign(population=[population for population, _ in whose], weight=[weight for _, weight in whose])
    frame = frame[(frame["day"] >= "2024-06-01") & (frame["protocol"] != "inconnu")]
    found = {}
    for (population, weight), group in frame.groupby(["population", "weight"]):
        people, sites, values = group["person"].nunique(), group["site"].nunique(), group["value"]
        left = min(group[group["site"] != site]["person"].nunique() for site in group["site"].unique())
        is_told = left >= 5 and sites >= 3 and group["site"].value_counts(normalize=True).max() <= 0.85
        quartiles = values.quantile([0.25, 0.5, 0.75]).tolist() if is_told else [None] * 3
        found[str(population), str(weight)] = (len(values), people, sites, *quartiles)
    return found


def alike(frame: pd.DataFrame) -> tuple[str, str]:
    """Two identities whose birth dates do not differ: others are merged only by who says so (L6)."""
    born = {one: whom[0] for one, whom in zip(frame["identity"], frame["whom"], strict=True)}
    pairs = combinations(sorted(born), 2)
    return next((one, other) for one, other in pairs if None in (born[one], born[other]) or born[one] == born[other])


def about(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_figures_of_the_region_equal_what_pandas_computes_from_the_exams(world: RegionWorld, seed: int) -> None:
    world.publish("reference-levels", 1, LEVELS)
    frame = exams(world, Random(seed))
    one, other = alike(frame)
    world.ask(Merge(**pair(one, other), reason="one person"))
    made = world.compare()
    ((first, as_whom),) = [(kept, gone) for kept, gone in ((one, other), (other, one)) if world.persons(gone) == [kept]]
    expected = computed(frame, {as_whom: first})
    with world.ours.snapshot() as connection:
        found = {
            (population or "", weight or ""): tuple(told[name] for name in FIGURES)
            for (_, _, population, weight, _, _), told in figures(connection).items()
        }
    assert found.keys() == expected.keys() >= {("adult", ""), ("child", "20 kg"), ("child", "30 kg"), ("", "")}
    assert found == {key: tuple(map(about, values)) for key, values in expected.items()}
    assert (made["since"], made["until"], made["sites"]) == ("2024-06-01", "2025-06-10", 5)
    assert made["told"] == sum(values[3] is not None for values in expected.values()) >= 2


def test_an_irradiation_event_that_two_studies_tell_of_counts_once(world: RegionWorld) -> None:
    shot = exposure("2.25.81", dap_mgycm2=100.0) | {
        "modality": "DX",
        "protocol": "Thorax PA",
        "started_at": f"{DAY}T09:00:00",
    }
    for site in ("CHA", "CHA", "CHB"):
        world.give_shots(site, "1", [shot])
    assert world.compare()["exposures"] == 1


def test_what_states_no_day_is_in_no_group_and_is_told(world: RegionWorld, tmp_path: Path) -> None:
    """A page without it would look as if nothing had been given."""
    world.give_shots("CHA", "1", [exposure("2.25.81", dap_mgycm2=100.0) | {"modality": "DX", "protocol": "Thorax PA"}])
    world.fold()
    found = world.page("CHA")
    assert (found["exposures"], found["groups"], found["undated"]) == (0, [], 1)
    assert practice_of(world.ours, Asked(site="CHA", device="Room 1"))["undated"] == 1
    line = commands(world, tmp_path / "home")
    assert "exposures without a day, in no period: 1" in line.show("dose", "device", "CHA")
    assert "without a day" not in line.show("dose", "device", "CHB")


def test_an_implausible_value_is_in_no_figure(world: RegionWorld) -> None:
    for number in range(10):
        world.give(PLACES[number % 5], f"P{number}", 100.0, 9e9)
    world.compare()
    assert (world.beside("CHA")["exposures"], world.beside("CHA")["q3"]) == (10, 100.0)


def test_figures_of_two_establishments_are_told_to_nobody_and_of_three_to_all(world: RegionWorld) -> None:
    for person in range(6):
        world.give("CHA", f"A{person}", 100.0 + person)
        world.give("CHB", f"B{person}", 200.0 + person)
    world.compare()
    few = world.beside("CHA")
    unknown = dict.fromkeys(("exposures", "persons", "q1", "median", "q3", "lies"))
    assert few == {"sites": 2, "too_small": True, **unknown}
    world.give("CHC", "C1", 150.0)
    world.compare()
    told = world.beside("CHA")
    assert (told["sites"], told["too_small"], told["median"], told["lies"]) == (3, False, 150.0, "below")
    assert world.beside("CHB")["lies"] == "above"


def test_figures_of_which_one_establishment_gave_nearly_all_are_its_own_and_told_to_nobody(world: RegionWorld) -> None:
    for person in range(18):
        world.give("CHA", f"A{person}", 100.0 + person)
    for site in ("CHB", "CHC"):
        world.give(site, "1", 500.0)
    world.compare()
    assert world.beside("CHA")["too_small"]


def test_an_establishment_that_knows_its_own_values_works_out_nobody_elses(world: RegionWorld) -> None:
    """Of four low values and two higher ones the third quartile tells the first of these two to the digit."""
    for person in range(4):
        world.give("CHA", f"A{person}", 100.0 + person)
    for site in ("CHB", "CHC"):
        world.give(site, "1", 150.0)
    world.compare()
    assert (world.beside("CHA")["sites"], world.beside("CHA")["too_small"]) == (3, True)
    for number in range(3):
        world.give("CHB", f"more{number}", 160.0)
    world.compare()
    assert not world.beside("CHA")["too_small"]


def test_who_came_to_two_establishments_is_left_without_either(world: RegionWorld) -> None:
    people = [world.give("CHA", f"A{person}", 100.0) for person in range(5)]
    elsewhere = [world.give("CHB", f"B{person}", 100.0) for person in range(5)]
    world.give("CHC", "1", 100.0)
    for one, other in zip(people, elsewhere, strict=True):
        world.ask(Merge(**pair(one, other), reason="one person"))
    world.compare()
    assert (world.beside("CHA")["persons"], world.beside("CHA")["too_small"]) == (6, False)


def of_all(world: RegionWorld, *values: float, protocol: str = "Thorax PA") -> None:
    for site in PLACES:
        for person, value in enumerate(values or (100.0, 200.0)):
            world.give(site, f"{site}{person}", value, protocol=protocol)


def test_without_a_comparison_the_page_says_so_and_shows_the_rest(world: RegionWorld) -> None:
    of_all(world)
    world.fold()
    found = world.page("CHA")
    assert (found["region"]["state"], [group["region"] for group in found["groups"]]) == ("absent", [None])


def test_it_is_made_when_it_is_due_and_not_before(world: RegionWorld) -> None:
    of_all(world)
    world.fold()
    assert [region.look(world.ours), region.look(world.ours)] == [True, False]
    assert world.page("CHA")["region"]["state"] == "current"
    world.query("UPDATE dose_region.made SET made_at = now() - interval '13 hours' RETURNING 1")
    found = world.page("CHA")
    assert (found["region"]["state"], found["groups"][0]["region"]["median"]) == ("old", 150.0)
    assert region.look(world.ours)
    assert world.page("CHA")["region"]["state"] == "current"


def test_what_a_clock_that_was_ahead_made_is_made_again(world: RegionWorld) -> None:
    of_all(world)
    world.fold()
    assert region.look(world.ours)
    world.query("UPDATE dose_region.made SET made_at = now() + interval '400 days' RETURNING 1")
    assert [region.look(world.ours), region.look(world.ours)] == [True, False]


def test_health_says_that_it_was_never_made_or_is_late_and_what_to_do(world: RegionWorld) -> None:
    def said(late_s: float = region_health.late_after(21_600.0)) -> list[str]:
        with world.ours.snapshot() as connection:
            return [f"{one.part}: {one.what}" for one in region_health.problems_of(connection, late_s)]

    assert said(0.0) == []  # there is nothing to compare
    of_all(world)
    world.fold()
    (never,) = said(0.0)
    assert never.startswith("region: practice was never compared with the region; ")
    assert never.endswith("krypton dose region makes it now")
    assert said() == []  # not yet
    assert region.look(world.ours)
    assert said() == []
    world.query("UPDATE dose_region.made SET made_at = now() - interval '13 hours' RETURNING 1")
    (late,) = said()
    assert "practice was compared with the region 13 hours ago" in late
    world.query("DROP SCHEMA dose_region CASCADE; SELECT 1")
    assert said() == ["region: practice is compared with no region: its tables are not there: run krypton init"]


@pytest.fixture
def others() -> int:
    """Sessions that are open before the world is made: those of other tests of this process."""
    return held()


def test_a_worker_makes_it_within_the_sessions_that_it_may_hold(others: int, world: RegionWorld) -> None:
    of_all(world)
    world.give("CHA", "no age", 100.0, age_days=None)
    world.fold()
    world.stores.pop(("identity_index", 1)).close()
    keep_within("worker", others + BUDGETS["worker"].most)
    try:
        assert region.look(world.ours)
    finally:
        keep_within("", None)


def test_a_worker_looks_again_by_itself_also_after_a_look_that_failed(
    world: RegionWorld, caplog: pytest.LogCaptureFixture
) -> None:
    of_all(world)
    world.fold()
    world.query("ALTER SCHEMA dose_region RENAME TO away; SELECT 1")
    stop = Event()
    thread = region.keep_current(world.ours, stop, every_s=0.05)
    try:
        until(
            lambda: "practice is not compared with the region just now: UndefinedTable" in caplog.text,
            "a look that failed",
        )
        world.query("ALTER SCHEMA away RENAME TO dose_region; SELECT 1")
        until(lambda: world.query("SELECT count(*) FROM dose_region.figure") == [(1,)], "figures")
    finally:
        stop.set()
        thread.join()


def test_while_it_is_being_made_nobody_else_begins(world: RegionWorld) -> None:
    of_all(world)
    world.fold()
    with world.ours.snapshot() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext('krypton dose region'))")
        assert not region.look(world.ours)
        cursor.execute("SELECT pg_advisory_unlock(hashtext('krypton dose region'))")
    assert region.look(world.ours)


def test_another_mapping_takes_its_figures_away_until_they_are_made_by_it(world: RegionWorld) -> None:
    of_all(world)
    of_all(world, 10.0, 10.0, protocol="Bassin")
    world.compare()
    entries = [*ACTS["entries"], {"act": "Pelvis AP", "protocols": ["bassin"], "modalities": ["DX"]}]
    world.publish("dose-acts", 2, {"entries": entries})
    found = world.page("CHA")
    assert (found["region"]["state"], {repr(group["region"]) for group in found["groups"]}) == ("other_rules", {"None"})
    assert region.look(world.ours)
    assert world.page("CHA")["region"]["acts"] == 2
    assert world.beside("CHA", "Pelvis AP")["median"] == 10.0


def test_another_text_of_levels_makes_it_due(world: RegionWorld) -> None:
    of_all(world)
    world.compare()
    world.publish("reference-levels", 1, LEVELS)
    assert world.page("CHA")["region"]["state"] == "other_rules"
    assert region.look(world.ours)
    assert world.beside("CHA")["median"] == 150.0


def test_a_promotion_makes_it_due_and_erased_people_leave_it(world: RegionWorld) -> None:
    of_all(world)
    gone = world.give("CHA", "gone", 1_000.0)
    world.compare()
    before = world.beside("CHA")
    world.ours.vault.destroy(gone)
    world.erased.append(gone)
    world.promote("dose_practice", world.build("dose_practice"))
    assert world.beside("CHA") == before
    assert region.look(world.ours)
    after = world.beside("CHA")
    assert (before["persons"] - after["persons"], before["exposures"] - after["exposures"]) == (1, 1)


def killed(settings: Settings, url: str, at: int) -> None:
    """In a process of its own: a comparison that is killed after so many steps."""

    def step(done: int) -> None:
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)

    region.make(Krypton(settings, Addresses("127.0.0.1:1", url)), step)


@pytest.mark.fault
@pytest.mark.parametrize("at", [1, region.STEPS - 1])
def test_a_comparison_that_is_killed_leaves_the_former_one_and_holds_up_no_other(world: RegionWorld, at: int) -> None:
    of_all(world)
    world.compare()
    of_all(world, 500.0, 500.0, 500.0)
    before = world.beside("CHA")
    process = SERVER.Process(target=killed, args=(world.ours.settings, world.url, at))
    process.start()
    process.join(WITHIN_S)
    assert process.exitcode == -signal.SIGKILL
    assert world.beside("CHA") == before
    world.compare()
    assert (before["median"], world.beside("CHA")["median"]) == (150.0, 500.0)


@pytest.mark.parametrize("view", ["dose_practice", "identity_index"])
def test_a_promotion_while_it_is_being_made_waits_for_it_no_longer_than_for_a_statement(
    world: RegionWorld, view: str
) -> None:
    of_all(world)
    world.fold()
    found: list[int] = []

    def step(done: int) -> None:
        if done == 1:
            found.append(world.build(view))
            world.promote(view, found[0])

    region.make(world.ours, step)
    assert (world.beside("CHA")["median"], world.page("CHA")["region"]["state"]) == (150.0, "current")
    assert region.look(world.ours) is (view == "dose_practice"), "what was made of the former version is due"


def commands(world: RegionWorld, home: Path) -> CommandLine:
    key = base64.b64encode(bytes(32)).decode()
    given = {"KRYPTON_DATABASE": world.url, "KRYPTON_KAFKA": "127.0.0.1:1", "KRYPTON_MASTER_KEY": key, "COLUMNS": "80"}
    return CommandLine(home, tuple(given.items()))


def test_an_operator_makes_it_now_and_the_page_shows_it_at_80_columns(world: RegionWorld, tmp_path: Path) -> None:
    of_all(world)
    for person in range(6):
        world.give("CHA", f"more{person}", 500.0)
    world.fold()
    line = commands(world, tmp_path / "home")
    assert "no comparison with the region was made yet" in line.show("dose", "device", "CHA")
    made = line.ask("dose", "region")
    assert (made["exposures"], made["sites"], made["groups"], made["told"]) == (16, 5, 1, 1)
    shown = line.show("dose", "device", "CHA")
    assert "Beside the region, from 2024-06-01 to 2025-06-10: 5 establishments" in shown
    assert re.search(r"^Chest PA +adult +DAP mGy·cm² +500 +100, 500 +between them +5$", shown, re.MULTILINE)
    assert "another period" not in shown  # both are of the year before the last day, in whole months
    other = line.show("dose", "device", "CHA", "--since", "2025-06-01")
    assert "the device's medians are of another period: from 2025-06-01" in other
    assert max(map(len, shown.splitlines())) <= 80


def test_before_the_tables_are_there_it_says_what_to_do(world: RegionWorld, tmp_path: Path) -> None:
    world.query("DROP SCHEMA dose_region CASCADE; SELECT 1")
    said = commands(world, tmp_path / "home").complaint(4, "dose", "region")
    assert said.endswith("run krypton init")
