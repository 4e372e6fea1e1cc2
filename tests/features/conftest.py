"""The world that features act in, and steps that all of them share.

A scenario tagged ``@live`` runs twice: in memory as all do, and, as a test marked ``live``, on a real Kafka and
PostgreSQL with the relay and the workers running.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, parsers, then

from domain.errors import RuleBroken
from krypton.devstack.stack import Stack
from tests.features.worlds.live import LiveRegion, live_region
from tests.features.worlds.memory import memory_world
from tests.features.worlds.world import World

FEATURES = Path(__file__).parents[2] / "features"
MEMORY, LIVE = "memory", "live"


def pytest_bdd_apply_tag(tag: str, function: Callable[..., Any]) -> bool | None:
    """``@live``: the same scenario in both worlds. Other tags are marks, as ever."""
    if tag != LIVE:
        return None
    pytest.mark.usefixtures("world")(function)
    pytest.mark.parametrize("world", [MEMORY, pytest.param(LIVE, marks=pytest.mark.live)], indirect=True)(function)
    return True


@pytest.fixture(scope="package")
def region(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegion]:
    """One running ledger for all live scenarios."""
    with live_region(stack, tmp_path_factory.mktemp("features")) as running:
        yield running


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A new world; the scenario fails on a refusal that no step looked at."""
    live = getattr(request, "param", MEMORY) == LIVE
    made: World = request.getfixturevalue("region").world() if live else memory_world()
    yield made
    assert made.refusal is None, f"nobody looked at the refusal: {made.refusal}"


@given(parsers.re(r"(?:the establishments? )(?P<codes>[A-Z0-9-]+(?:(?:, | and )[A-Z0-9-]+)*) (?:is|are) enrolled"))
def enrolled(world: World, codes: str) -> None:
    world.enroll(*codes.replace(" and ", ", ").split(", "))


@then(parsers.re(r'the ledger refuses with (?P<error>\w+), rule (?P<rule>\w+)(?:: "(?P<words>[^"]+)")?'))
def refused(world: World, error: str, rule: str, words: str | None) -> None:
    """``words``: of the message, which say what to do. No message holds a trait, or what somebody wrote."""
    refusal, world.refusal = world.refusal, None
    assert isinstance(refusal, RuleBroken), "nothing was refused"
    assert (type(refusal).__name__, refusal.rule) == (error, rule)
    assert (words or "") in str(refusal)
    assert not [text for text in world.personal if text in str(refusal)]
