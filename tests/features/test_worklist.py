"""Steps of features/worklist.feature."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.announced_pairs import AnnounceMerge
from domain.commands.identities import ClearFlag, Flag
from domain.commands.links import Bar, Dismiss, Propose, Unbar
from domain.commands.reviews import Alone, Assign, Pair, Postpone
from tests.fakes.region import rules_in_force
from tests.fakes.weighing import EVERYBODY
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "worklist.feature"))

PAIR = r"(?:the pair is|the two are)"


def pair(world: World, reason: str) -> dict[str, Any]:
    """The two, and why something is said of them."""
    return {"one": world.identities["CHB"], "other": world.identities["CHP"], "reason": reason}


def the_pair(world: World) -> Pair:
    """The two, as they wait."""
    return Pair(one=world.identities["CHB"], other=world.identities["CHP"])


def alone(world: World, kind: str | None = None) -> Alone:
    """The identity that waits by itself."""
    return Alone(identity=world.identities["alone"], kind=kind)


def propose(world: World, reason: str) -> None:
    """The rule finds the two alike."""
    rule: dict[str, Any] = {"rule": "review", "rule_version": 1, "score": 0.5, "compared": ["family"]}
    world.ask(Propose(**pair(world, reason), **rule))


@given("CHB and CHP each know a Marie Fictive, and a rule proposes the two")
def proposed(world: World) -> None:
    for code in ("CHB", "CHP"):
        world.register(code, code, "1", family="Fictive", given="Marie")
    rules_in_force(world.ledger, **EVERYBODY)
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
    world.ask(Postpone(what=the_pair(world), until=until, reason=reason))


@when(parsers.parse('the pair is put back because "{reason}"'))
def put_back(world: World, reason: str) -> None:
    world.ask(Postpone(what=the_pair(world), until=None, reason=reason))


@step(parsers.parse('the pair is given to {whom} because "{reason}"'))
def give(world: World, whom: str, reason: str) -> None:
    world.ask(Assign(what=the_pair(world), assigned_to=None if whom == "nobody" else whom, reason=reason))


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


@given("CHB received two birth dates under one number")
def may_be_mixed(world: World) -> None:
    for study, born in enumerate(("1950-01-01", "1950-01-02")):
        stated = {"family": "Fictive", "given": "Alex", "birth_date": born, "sex": "M"}
        answer = world.receive("CHB", f"2.25.9{study}", local_id="78", stated=stated)
        assert answer is not None
        world.identities["alone"] = UUID(answer.result["identity"])


@given("CHB kept number 1 for number 2, and then number 2 for number 1")
def swapped(world: World) -> None:
    world.register("other", "CHB", "2", family="Fictive", given="Marie")
    for kept, gone in (("1", "2"), ("2", "1")):
        world.ask(AnnounceMerge(site=world.code("CHB"), pairs=((kept, gone),), content="x"))
    world.identities["alone"] = world.identities["CHB"]


@given(parsers.parse('it is flagged {flag} because "{reason}"'))
def doubted(world: World, flag: str, reason: str) -> None:
    world.ask(Flag(identity=world.identities["alone"], flag=flag, reason=reason))


@given(parsers.parse('its flag {flag} is cleared because "{reason}"'))
def settled(world: World, flag: str, reason: str) -> None:
    world.ask(ClearFlag(identity=world.identities["alone"], flag=flag, reason=reason))


@step(
    parsers.re(r'(?:that identity|its (?P<kind>[a-z-]+)) is postponed for (?P<days>\d+) days because "(?P<reason>.+)"')
)
def postpone_alone(world: World, kind: str | None, days: str, reason: str) -> None:
    until = world.ledger.clock() + timedelta(days=int(days))
    world.ask(Postpone(what=alone(world, kind), until=until, reason=reason))


@when(parsers.parse('that identity is put back because "{reason}"'))
def put_back_alone(world: World, reason: str) -> None:
    world.ask(Postpone(what=alone(world), until=None, reason=reason))


@step(parsers.parse('that identity is given to {whom} because "{reason}"'))
def give_alone(world: World, whom: str, reason: str) -> None:
    world.ask(Assign(what=alone(world), assigned_to=None if whom == "nobody" else whom, reason=reason))


@then("nobody is asked about that identity")
def not_asked_alone(world: World) -> None:
    assert {str(world.identities["alone"])} not in world.views.review()


@then("a clerk is asked about that identity")
def asked_alone(world: World) -> None:
    assert {str(world.identities["alone"])} in world.views.review()
