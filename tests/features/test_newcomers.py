"""Steps of features/newcomers.feature, on PostgreSQL: index, policy and sender take turns until all is done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then

from domain.commands.identities import Correct
from domain.commands.links import Bar, Merge, Unbar, Unmerge
from tests.fakes.views import pair
from tests.features.conftest import FEATURES
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
scenarios(str(FEATURES / "newcomers.feature"))


@pytest.fixture
def hospitals(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    yield (world := made(installed_url, tmp_path, monkeypatch))
    world.close()


@pytest.fixture
def two() -> list[str]:
    """The identities of the scenario, as they come."""
    return []


@given("matching rules are in force")
def in_force(hospitals: PolicyWorld) -> None:
    hospitals.in_force()


@step(parsers.re(r"(?P<site>CH[AB]) (?:knows|registers) Alex, born on (?P<day>[\d-]+)(?: in (?P<place>\d+))?"))
def registers(hospitals: PolicyWorld, two: list[str], site: str, day: str, place: str | None) -> None:
    two.append(hospitals.register(site, birth_date=day, birth_place=place or ""))
    hospitals.react()


@step(parsers.parse("CHB corrects the birth date to {day}"))
def corrects(hospitals: PolicyWorld, two: list[str], day: str) -> None:
    hospitals.ask(Correct(identity=UUID(two[1]), stated={"birth_date": day}, reason="typing error"))
    hospitals.react()


@given("a human merges, unmerges, bars and unbars the two")
def human(hospitals: PolicyWorld, two: list[str]) -> None:
    said: dict[str, Any] = {**pair(*two), "reason": "twins, says the midwife"}
    for command in (Merge(**said, even_though=("birth_date",)), Unmerge(**said), Bar(**said), Unbar(**said)):
        hospitals.ask(command)
    hospitals.react()


@then(parsers.parse("the two are one person, by rule {rule} of version {version:d}"))
def one_person(hospitals: PolicyWorld, two: list[str], rule: str, version: int) -> None:
    assert len(set(hospitals.persons(*two))) == 1
    assert last(hospitals, "link.merged") == (rule, version, "system:policy-matching")


@then(parsers.parse("the two wait for a human, by rule {rule} of version {version:d}"))
def waits(hospitals: PolicyWorld, two: list[str], rule: str, version: int) -> None:
    assert len(set(hospitals.persons(*two))) == 2
    assert last(hospitals, "link.review_requested") == (rule, version, "system:policy-matching")


@then(parsers.re(r"the two are 2 persons(?P<quiet>, and nobody is asked)?"))
def two_persons(hospitals: PolicyWorld, two: list[str], quiet: str | None) -> None:
    assert len(set(hospitals.persons(*two))) == 2
    if quiet:
        assert "link.review_requested" not in hospitals.types(0)


def last(hospitals: PolicyWorld, kind: str) -> tuple[str, int, str]:
    """Rule, version and actor of the last event of a type."""
    data = [event.data for event in hospitals.history() if event.type == kind][-1]
    return data["rule"], data["rule_version"], data["actor"]
