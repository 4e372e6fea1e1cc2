"""Steps of features/identity_merge.feature."""

from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.link import Link
from domain.commands.links import Bar, Merge, Unbar, Unmerge
from tests.fakes.region import received
from tests.features.conftest import FEATURES, World

scenarios(str(FEATURES / "identity_merge.feature"))

SAID = {"merged": Merge, "unmerged": Unmerge, "barred": Bar, "unbarred": Unbar}


@given("CHB, CHP and CHA each know a Marie Fictive")
def each_knows(world: World) -> None:
    for code in ("CHB", "CHP", "CHA"):
        world.register(code, code, "1", family="Fictive", given="Marie")


@step(parsers.re(r'(?P<one>CH\w) and (?P<other>CH\w) are (?P<said>\w+) because "(?P<reason>.+)"'))
def say(world: World, one: str, other: str, said: str, reason: str) -> None:
    world.ask(SAID[said](one=world.identities[one], other=world.identities[other], reason=reason))


@when(parsers.parse("the rule {rule} merges {one} and {other}"))
def rule_merges(world: World, rule: str, one: str, other: str) -> None:
    world.ask(
        Merge(
            one=world.identities[one],
            other=world.identities[other],
            reason="found again",
            rule=rule,
            rule_version=1,
            score=0.98,
        )
    )


@given(parsers.parse("{code} sends a study for her"))
def sends(world: World, code: str) -> None:
    world.ask(received(code, stated={"family": "Fictive", "given": "Marie"}))


@then(parsers.parse("the study is of {code}'s identity"))
def study_is_of(world: World, code: str) -> None:
    arrived = next(e for e in world.ledger.history() if e.type == "study.arrived")
    assert arrived.data["identity_id"] == str(world.identities[code])


@then(parsers.parse("they are {count:d} persons"))
def count_persons(world: World, count: int) -> None:
    assert len({frozenset(person(world, code)) for code in world.identities}) == count


@then(parsers.re(r"(?P<one>CH\w) and (?P<other>CH\w) are one person"))
def one_person(world: World, one: str, other: str) -> None:
    assert world.identities[other] in person(world, one)


@then(parsers.parse("{code} is a person apart"))
def apart(world: World, code: str) -> None:
    assert person(world, code) == {world.identities[code]}


@then("it waits in review")
def waits(world: World) -> None:
    assert world.answer is not None
    assert world.answer.result["outcome"] == "review"


@then("the history of the pair is:")
def history(world: World, datatable: list[list[str]]) -> None:
    link = str(Link.create_id(*sorted((world.identities["CHB"], world.identities["CHP"]))))
    said = [e for e in world.ledger.history() if e.aggregate_id == link and e.type != "link.proposed"]
    assert [[e.type, e.data["reason"], e.data["rule"]] for e in said] == datatable[1:]
    assert all(e.data["actor"] == "system:test" and e.data["recorded_at"] for e in said)


def person(world: World, code: str) -> set[UUID]:
    """Everybody whom the ledger holds to be the same person."""
    return {UUID(member) for member in world.ledger.membership().person_of(str(world.identities[code]))}
