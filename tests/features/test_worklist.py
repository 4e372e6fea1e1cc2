"""Steps of features/worklist.feature."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.links import Bar, Dismiss, Propose, Unbar
from domain.commands.reviews import Assign, Postpone
from tests.fakes.region import rules_in_force
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "worklist.feature"))

PAIR = r"(?:the pair is|the two are)"


def pair(world: World, reason: str) -> dict[str, Any]:
    """The two, and why something is said of them."""
    return {"one": world.identities["CHB"], "other": world.identities["CHP"], "reason": reason}


def propose(world: World, reason: str) -> None:
    """The rule finds the two alike."""
    rule: dict[str, Any] = {"rule": "names", "rule_version": 1, "score": 0.5, "compared": ["family"]}
    world.ask(Propose(**pair(world, reason), **rule))


@given("CHB and CHP each know a Marie Fictive, and a rule proposes the two")
def proposed(world: World) -> None:
    for code in ("CHB", "CHP"):
        world.register(code, code, "1", family="Fictive", given="Marie")
    rules_in_force(world.ledger, asks=("names",))
    propose(world, "the same name")


@given("CHB gave one number to two people")
def collide(world: World) -> None:
    for number, born in enumerate(("1950-01-01", "1980-06-06")):
        stated = {"family": "Fictive", "given": "Alex", "birth_date": born}
        answer = world.receive("CHB", f"2.25.8{number}", local_id="77", stated=stated)
        assert answer is not None
        world.identities["CHB" if number else "CHP"] = UUID(answer.result["identity"])


@step(parsers.re(PAIR + r' postponed for (?P<days>-?\d+) days because "(?P<reason>.+)"'))
def postpone(world: World, days: str, reason: str) -> None:
    until = world.ledger.clock() + timedelta(days=int(days))
    world.ask(Postpone(**pair(world, reason), until=until))


@when(parsers.parse('the pair is put back because "{reason}"'))
def put_back(world: World, reason: str) -> None:
    world.ask(Postpone(**pair(world, reason), until=None))


@step(parsers.parse('the pair is given to {whom} because "{reason}"'))
def give(world: World, whom: str, reason: str) -> None:
    world.ask(Assign(**pair(world, reason), assigned_to=None if whom == "nobody" else whom))


@given(parsers.parse('the pair is dismissed because "{reason}"'))
def dismiss(world: World, reason: str) -> None:
    world.ask(Dismiss(**pair(world, reason)))


@when(parsers.parse("{days:d} days pass"))
def days_pass(world: World, days: int) -> None:
    world.let_pass(timedelta(days=days))


@given("the pair is barred, the bar is lifted, and the rule proposes it again")
def decided(world: World) -> None:
    for statement in (Bar, Unbar):
        world.ask(statement(**pair(world, "papers seen")))
    propose(world, "the same name")


@then(parsers.re(r"nobody is asked about the (?:pair|two)"))
def not_asked(world: World) -> None:
    assert {*map(str, (world.identities["CHB"], world.identities["CHP"]))} not in world.views.review()


@then("a clerk is asked about the pair")
def asked(world: World) -> None:
    assert {*map(str, (world.identities["CHB"], world.identities["CHP"]))} in world.views.review()
