"""Health and metrics over HTTP: what is wrong is said and fails, and alerts ask for metrics that there are."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from krypton.services.decisions import Decision
from krypton.services.health import Health, Lag
from krypton.services.health_page import Measured, app, gauges
from krypton.views.looking import Problem

DOCS = Path(__file__).parents[2] / "docs"
RULES = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"][0]["rules"]
UNWELL = Health(
    problems=[Problem("relay", "stands still"), Problem("krypton.links", "was cut")],
    position=12,
    relay_backlog=3,
    relay_waits_s=70.0,
    checkpoint_age_s=4.0,
    lags=[Lag("identity_index", 2, "live", 7, 65.0)],
    letters=[{"view": "identity_index", "version": 2, "forged": True, "n": 5}],
    foreign={"krypton.links": 6},
    policies={"matching": {"parked": 2}},
    erasures_late=1,
    decisions={Decision("gate", "viewed", "professional", "X12"): 8},
    connections={"krypton relay": 2},
    connections_most=100,
    spooled=9,
)
NAMES = {sample.name for metric in gauges(UNWELL) for sample in metric.samples}
"""What Prometheus knows: of a counter, its name with ``_total``."""


def asked(found: Health, path: str) -> Any:
    with TestClient(app(lambda: found)) as client:
        return client.get(path)


def metrics(found: Health) -> dict[tuple[str, ...], float]:
    """The name of each sample with its labels' values, in the order of their names, and its value."""
    families = text_string_to_metric_families(asked(found, "/metrics").text)
    every = [sample for family in families for sample in family.samples]
    return {(one.name, *(value for _, value in sorted(one.labels.items()))): one.value for one in every}


def test_health_answers_200_where_nothing_is_wrong() -> None:
    answer = asked(Health(), "/health")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


def test_health_fails_and_names_each_part_and_cause() -> None:
    answer = asked(UNWELL, "/health")
    assert answer.status_code == 503
    assert answer.json()["problems"][0] == {"part": "relay", "what": "stands still"}


def test_each_measurement_is_a_metric() -> None:
    found = metrics(UNWELL)
    assert found[("krypton_healthy",)] == 0
    assert found["krypton_problems", "krypton.links"] == 1
    assert found["krypton_policy_entries", "matching", "parked"] == 2
    assert found["krypton_foreign_records", "krypton.links"] == 6
    assert found["krypton_foreign_records", "krypton.doses"] == 0
    assert found["krypton_decisions_total", "gate", "viewed", "professional", "X12"] == 8
    assert set(found.values()) >= {12, 3, 70, 4, 7, 65, 5, 9, 100}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(re.findall(r"krypton_\w+", rule["expr"])) <= NAMES
    assert rule["annotations"]["summary"].endswith((".", "?"))


def test_each_metric_is_in_the_operators_page() -> None:
    page = (DOCS / "operations.md").read_text()
    assert [name for name in sorted(NAMES) if f"`{name}`" not in page] == []


def test_many_who_ask_at_once_are_told_the_same_measurement() -> None:
    count = iter(range(100))
    measured = Measured(lambda: Health(position=next(count)))
    assert {measured.now().position for _ in range(20)} == {0}


def test_nothing_measured_is_left_out_of_the_example() -> None:
    assert [one.name for one in fields(Health) if not getattr(UNWELL, one.name)] == []
