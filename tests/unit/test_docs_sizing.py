"""The sizing page: its rates are the targets that are checked, its computed figures follow from its measured ones."""

import re
from pathlib import Path

import pytest

from adapters.inbox.batches import Limits
from bench.targets import TARGETS
from krypton.services.budget import BUDGETS, COMING, needed
from krypton.settings import Settings
from krypton.views.rebuild import MOST_PROCESSES
from projections.declared import VIEWS
from streams.broker.topics import PARTITIONS

PAGE = Path(__file__).parents[2].joinpath("docs/sizing.md").read_text()
PLAIN = " ".join(PAGE.split())
PLAN = PAGE.partition("## Past one machine")[2]
HUNDRED_MILLION = 100_000_000
RATES = [
    ("commands", "studies one by one, commands/s", "at least 450 a second"),
    ("commands", "studies in bulk, events/s", "at least 4,000 events a second"),
    ("relay", "relay, events/s from event store to Kafka", "at least 6,000 events a second"),
    ("worker", "patient_record worker, events/s on a backlog", "at least 3,500 events a second"),
    ("rebuild", "patient_record: events/s", "rebuild of patient_record | at least 40,000 events a second"),
    ("rebuild identity_index", "events/s", "rebuild of identity_index | at least 20,000 events a second"),
    ("rebuild cumulative_dose", "exposure rows/s", "at least 40,000 exposure rows a second"),
    ("proofs", "verify, events/s", "at least 60,000 events a second"),
    ("dicom", "store_per_s_1", "at least 60; 100 instances"),
]


@pytest.mark.parametrize(("bench", "figure", "told"), RATES, ids=lambda value: value)
def test_a_rate_is_the_target_of_its_bench(bench: str, figure: str, told: str) -> None:
    (target,) = (one for one in TARGETS[bench] if one.figure == figure)
    assert told in PLAIN
    assert f"{target.at_least:,g}" in told


def test_the_latency_is_the_target_of_its_bench() -> None:
    p50, p99 = (target.at_most for target in TARGETS["latency"])
    assert f"p50 {p50:g} ms, p99 {p99:g} ms at most" in PLAIN


@pytest.mark.parametrize(
    "place", ["event store, with its indexes", "Kafka, one copy", "patient_record", "cumulative_dose"]
)
def test_what_100_million_events_take_follows_from_one(place: str) -> None:
    found = re.search(rf"^\| {place} \| (\d+) bytes.*? \| (\d+) GB", PAGE, re.MULTILINE)
    assert found
    assert int(found[2]) == round(int(found[1]) * HUNDRED_MILLION / 1e9)


def test_limits_are_as_told() -> None:
    assert f"There are {sum(PARTITIONS.values())} partitions." in PLAIN
    assert f"{sum(PARTITIONS.values())} partitions: {PARTITIONS['krypton.studies']} of studies" in PLAN
    assert f"At most {MOST_PROCESSES} processes unless" in PLAIN
    assert f"at most {Limits().items:,} instances in each of {Limits().open_batches} open batches" in PLAIN


BUDGET_OF = {f"krypton {words}": name for words, name in {
    "run": "run", "relay": "relay", "dicom serve": "dicom", "serve hl7": "hl7", "serve web": "web",
    "serve notary": "notary",
    "policies run": "policies", "worker": "worker", "serve health": "health",
}.items()}  # fmt: skip


def test_the_budget_of_connections_is_the_one_that_is_kept() -> None:
    told = dict(re.findall(r"^\| `(krypton [a-z0-9 ]+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {BUDGET_OF[command]: int(most) for command, most in told.items()} == {
        name: budget.most for name, budget in BUDGETS.items()
    }
    settings = Settings(Path())
    assert f"| commands and others | {settings.other_connections} |" in PAGE
    assert f"the others come to {needed(settings, len(VIEWS) + COMING)};" in PLAIN


EXAMS, EVENTS_OF_ONE, QUESTIONS, YEARS, REGIONS = 18_000_000, 4.2, 100_000, 20, 10
EVENTS_A_YEAR = EXAMS * EVENTS_OF_ONE + 365 * QUESTIONS
BUSIEST_HOURS = 250 * 10  # in a year, if all were as busy
UNITS = {"": 1, "million": 1e6, "billion": 1e9, "GB": 1e9, "TB": 1e12, "PB": 1e15}
VIEW_PLACES = ("patient_record", "identity_index", "cumulative_dose", "access_history")


def measured(place: str) -> int:
    """Bytes per event, as the first table has it."""
    found = re.search(rf"^\| {re.escape(place)} \| (\d+) bytes", PAGE, re.MULTILINE)
    assert found, place
    return int(found[1])


def told(row: str, columns: int) -> list[float]:
    """The first numbers of a row, without their units."""
    found = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", PLAN, re.MULTILINE)
    assert found, row
    cells = [cell.partition(" ") for cell in found[1].split(" | ")[:columns]]
    return [float(number.replace(",", "")) * UNITS[unit] for number, _, unit in cells]


GROWING = {
    "events": 1.0,
    "event store": measured("event store, with its indexes"),
    "records of commands, at most": measured("records of commands"),
    "the four views": sum(map(measured, VIEW_PLACES)),
    "tiles of the signed tree": measured("tiles of the signed tree"),
    "Kafka, three copies": 3 * measured("Kafka, one copy"),
    "instances, one copy": 60e6 * EXAMS / EVENTS_A_YEAR,
}
"""Row to what an event takes."""


@pytest.mark.parametrize(("row", "each"), GROWING.items(), ids=GROWING)
def test_the_plan_follows_from_what_was_measured(row: str, each: float) -> None:
    year = EVENTS_A_YEAR * each
    assert told(row, 3) == pytest.approx([year, YEARS * year, REGIONS * YEARS * year], rel=0.05)


HOURLY = {
    "exams a second": EXAMS,
    "events a second": EVENTS_A_YEAR,
    "commands a second, of one event each at most": EVENTS_A_YEAR,
    "instances a second": 150 * EXAMS,
}


@pytest.mark.parametrize(("row", "yearly"), HOURLY.items(), ids=HOURLY)
def test_the_busiest_hour_follows_from_the_year(row: str, yearly: float) -> None:
    second = yearly / BUSIEST_HOURS / 3600
    assert told(row, 2) == pytest.approx([second, REGIONS * second], rel=0.12)


def test_the_price_follows_from_the_machines() -> None:
    machines = re.findall(r"^\| .*? \| (\d) ?[^|]* \| (\d+) cores, (\d+) GB(?:, (\d+) TB)? \|", PLAN, re.MULTILINE)
    price = sum(
        int(n) * (15 * int(cores) + 2 * int(memory) + 60 * int(disk or 0)) for n, cores, memory, disk in machines
    )
    assert f"cost {price:,} € a month" in PLAIN
    assert f"cost {60e6 * EXAMS / 1e12 * 2 * 15:,.0f} € a month in two copies" in PLAIN
