"""Steps of features/identity_merge.feature."""

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.identities import Correct
from domain.commands.links import Bar, Merge, Unbar, Unmerge
from domain.errors import JoinedByOthers
from tests.fakes.region import rules_in_force
from tests.fakes.weighing import ALIKE
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "identity_merge.feature"))

SAID = {"merged": Merge, "unmerged": Unmerge, "barred": Bar, "unbarred": Unbar}


@given("CHB, CHP and CHA each know a Marie Fictive")
def each_knows(world: World) -> None:
    for code in ("CHB", "CHP", "CHA"):
        world.register(code, code, "1", family="Fictive", given="Marie")


@given("CHX knows a Marie Fictive of another birth date than CHB")
def knows_another(world: World) -> None:
    """Only the two of them are spoken of."""
    world.register("CHX", "CHX", "1", family="Fictive", given="Marie", birth_date="1980-01-02")
    stated: dict[str, str | None] = {"birth_date": "1975-12-24"}
    world.ask(Correct(identity=world.identities["CHB"], stated=stated, reason="as she said"))


@when(parsers.re(r"(?P<one>CH\w) and (?P<other>CH\w) are merged though their (?P<trait>.+) differs"))
def merged_though(world: World, one: str, other: str, trait: str) -> None:
    known = (trait.replace(" ", "_"),)
    merge = Merge(one=world.identities[one], other=world.identities[other], reason="papers seen", even_though=known)
    world.ask(merge)


@then(parsers.parse("the history says of the merge that their {trait} differed"))
def differed(world: World, trait: str) -> None:
    (merged,) = [event for event in world.log() if event.type == "link.merged"]
    assert merged.data["differing"] == [trait]


@given("the rule strict merges who are alike in all strict traits")
def in_force(world: World) -> None:
    """As the three are once this is known of each."""
    stated: dict[str, str | None] = {name: ALIKE[name] for name in ("birth_date", "sex", "birth_place")}
    for code in ("CHB", "CHP", "CHA"):
        world.ask(Correct(identity=world.identities[code], stated=stated, reason="papers seen"))
    rules_in_force(world.ledger)


@step(parsers.re(r'(?P<one>CH\w) and (?P<other>CH\w) are (?P<said>\w+) because "(?P<reason>.+)"'))
def say(world: World, one: str, other: str, said: str, reason: str) -> None:
    world.ask(SAID[said](one=world.identities[one], other=world.identities[other], reason=reason))


@step(parsers.re(r"the rule (?P<rule>\w+) merges (?P<one>CH\w) and (?P<other>CH\w)"))
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


@step(parsers.parse("{code} sends a study for her"))
def sends(world: World, code: str) -> None:
    world.receive(code, stated={"family": "Fictive", "given": "Marie"})


@then(parsers.parse("the study is in the record of {codes}"))
def in_record(world: World, codes: str) -> None:
    """In these records alone, and wherever it is shown, it is of the identity that it came in under."""
    holders = [code for code in world.identities if world.views.record(world.identities[code])["studies"]]
    assert holders == codes.split(" and ")
    for code in holders:
        (study,) = world.views.record(world.identities[code])["studies"]
        assert study["identity"] == str(world.identities["CHB"])


@then(parsers.parse("the refusal names {one} and {other} as the pair to cut"))
def to_cut(world: World, one: str, other: str) -> None:
    refusal, world.refusal = world.refusal, None
    assert isinstance(refusal, JoinedByOthers)
    assert [{*pair} for pair in refusal.cut] == [{str(world.identities[one]), str(world.identities[other])}]


@then(parsers.parse("the answer names {one} and {other} as the pair that joins them still"))
def still_joined(world: World, one: str, other: str) -> None:
    assert world.answer is not None
    (pair,) = world.answer.result["still_joined_by"]
    assert {*pair} == {str(world.identities[one]), str(world.identities[other])}


@then(parsers.parse("the answer names {one} and {other} as the pair that gives way"))
def gives_way(world: World, one: str, other: str) -> None:
    assert world.answer is not None
    (pair,) = world.answer.result["gives_way"]
    assert {*pair} == {str(world.identities[one]), str(world.identities[other])}


@then(parsers.re(r"they are (?P<count>\d+) persons?"), converters={"count": int})
def count_persons(world: World, count: int) -> None:
    assert len({world.person(code) for code in world.identities}) == count


@then(parsers.re(r"(?P<one>CH\w) and (?P<other>CH\w) are one person"))
def one_person(world: World, one: str, other: str) -> None:
    assert world.person(one) == world.person(other) >= {world.identities[one], world.identities[other]}


@then(parsers.parse("{code} is a person apart"))
def apart(world: World, code: str) -> None:
    assert world.person(code) == {world.identities[code]}


@then(parsers.re(r"(?P<one>CH\w) and (?P<other>CH\w) wait in review"))
def waits(world: World, one: str, other: str) -> None:
    assert {str(world.identities[one]), str(world.identities[other])} in world.views.review()


@then("the history of the pair is:")
def history(world: World, datatable: list[list[str]]) -> None:
    pair = {str(world.identities["CHB"]), str(world.identities["CHP"])}
    told = [said for said in world.views.history(world.identities["CHB"]) if {*said["identities"]} == pair]
    said = [one for one in told if one["type"] != "link.proposed"]
    assert [[one["type"], one["reason"], one["rule"]] for one in said] == datatable[1:]
    assert all(one["actor"] == "system:test" and one["recorded_at"] for one in said)
