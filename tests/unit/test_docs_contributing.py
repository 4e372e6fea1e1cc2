"""CONTRIBUTING's recipes name places that are there, five at most, and what they say of them is so."""

import re
from pathlib import Path

import pytest

from policies.all import POLICIES
from policies.policy import Policy
from projections.declared import VIEWS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^### (.+?)\n(.*?)(?=^###? |\Z)", PAGE, re.MULTILINE | re.DOTALL))
WANTED = {
    "A new event",
    "A new view",
    "A new kind of rules",
    "A new policy",
    "A new face",
    "A new DICOM template, or another attribute",
}
MOST = 5


def test_each_recipe_is_there() -> None:
    assert RECIPES.keys() == WANTED


@pytest.mark.parametrize("recipe", sorted(WANTED))
def test_a_recipe_has_at_most_five_places(recipe: str) -> None:
    numbers = re.findall(r"^(\d+)\. `", RECIPES[recipe], re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert 1 <= len(numbers) <= MOST


@pytest.mark.parametrize("recipe", sorted(WANTED))
def test_the_places_of_a_recipe_are_there(recipe: str) -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", RECIPES[recipe])
    assert named
    assert [place for place in named if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_what_its_recipe_says(name: str) -> None:
    """A class of its own module, with a name, a version, topics and ``react``."""
    policy = POLICIES[name]
    assert type(policy).__module__.startswith("policies.")
    assert all(hasattr(policy, part) for part in ("name", "version", "topics", "react"))
    assert set(Policy.__annotations__) <= {"name", "version", "topics"}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_what_its_recipe_says(name: str) -> None:
    folder = ROOT / "projections" / name
    assert all((folder / file).exists() for file in ("__init__.py", "view.py", "tables.py", "queries.py"))
    assert f'"worker", "{name}"' in (ROOT / "docker/compose.yaml").read_text()
