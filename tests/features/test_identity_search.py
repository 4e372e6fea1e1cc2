"""Steps of features/identity_search.feature."""

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "identity_search.feature"))


@pytest.fixture
def found() -> list[str]:
    """The numbers of whom the last search found."""
    return []


def seek(world: World, found: list[str], **criteria: str) -> None:
    """Of CHB's people alone: others keep a live ledger, too."""
    sought = {name: text for name, text in criteria.items() if text}
    identities = world.views.search({**sought, "assigner": world.code("CHB")})
    names = {str(identity): number for number, identity in world.identities.items()}
    found[:] = sorted(names[identity] for identity in identities)


@given("CHB knows these people:")
def known(world: World, datatable: list[list[str]]) -> None:
    for number, family, given_name, used_name in datatable[1:]:
        stated = {"family": family, "given": given_name, "used_name": used_name}
        world.register(number, "CHB", number, **{name: text for name, text in stated.items() if text})


@when(parsers.parse("a clerk seeks the family name {family}"))
def seek_family(world: World, found: list[str], family: str) -> None:
    seek(world, found, family=family)


@when(parsers.re(r"a clerk seeks what sounds like (?P<family>\w+)(?:, given name (?P<given_name>\w+))?"))
def seek_sound(world: World, found: list[str], family: str, given_name: str | None) -> None:
    seek(world, found, family_sound=family, given_sound=given_name or "")


@then(parsers.parse("these are found: {numbers}"))
def are_found(found: list[str], numbers: str) -> None:
    assert found == ([] if numbers == "nobody" else numbers.split())
