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
    assert f"At most {MOST_PROCESSES} processes unless" in PLAIN
    assert f"at most {Limits().items:,} instances in each of {Limits().open_batches} open batches" in PLAIN


BUDGET_OF = {f"krypton {words}": name for words, name in {
    "run": "run", "relay": "relay", "dicom serve": "dicom", "serve notary": "notary", "policies run": "policies",
    "worker": "worker", "serve health": "health",
}.items()}  # fmt: skip


def test_the_budget_of_connections_is_the_one_that_is_kept() -> None:
    told = dict(re.findall(r"^\| `(krypton [a-z ]+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {BUDGET_OF[command]: int(most) for command, most in told.items()} == {
        name: budget.most for name, budget in BUDGETS.items()
    }
    settings = Settings(Path())
    assert f"| commands and others | {settings.other_connections} |" in PAGE
    assert f"the others come to {needed(settings, len(VIEWS) + COMING)};" in PLAIN
