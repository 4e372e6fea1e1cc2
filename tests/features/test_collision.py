"""Steps of features/collision.feature."""

from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.links import Merge
from domain.commands.splits import Split
from tests.features.conftest import FEATURES
from tests.features.worlds.views import Document
from tests.features.worlds.world import World

scenarios(str(FEATURES / "collision.feature"))


@pytest.fixture
def found() -> list[str]:
    """The identity that each study came in under, in order."""
    return []


def send(world: World, found: list[str], code: str, number: str, **stated: str | None) -> None:
    """One study; each has a UID of its own."""
    answer = world.receive(code, f"2.25.{len(found) + 1}", local_id=number, stated=stated)
    assert answer is not None
    found.append(answer.result["identity"])


def shown(world: World, found: list[str]) -> list[Document]:
    """Each identity once, as the index shows it."""
    return [world.views.identity(UUID(identity)) for identity in dict.fromkeys(found)]


@when(parsers.parse("{code} sends studies under the number {number} of:"))
def sends_many(world: World, found: list[str], code: str, number: str, datatable: list[list[str]]) -> None:
    for family, given_name, birth_date in datatable[1:]:
        send(world, found, code, number, family=family, given=given_name, birth_date=birth_date)


@step(parsers.parse("{code} sends a study under the number {number} of {given_name} {family}"))
def sends_one(world: World, found: list[str], code: str, number: str, given_name: str, family: str) -> None:
    send(world, found, code, number, family=family, given=given_name)


@then(parsers.re(r"they are (?P<count>\d+) identit(?:y|ies)"))
def count_identities(world: World, found: list[str], count: str) -> None:
    assert len({(each["assigner"], each["local_id"]) for each in shown(world, found)}) == int(count)


@then(parsers.re(r"each has (?P<count>\d+) stud(?:y|ies) of its own"))
def own_studies(world: World, found: list[str], count: str) -> None:
    for identity in set(found):
        studies = world.views.record(UUID(identity))["studies"]
        assert [study["identity"] for study in studies] == [identity] * int(count)


@then(parsers.parse("the last {count:d} of them are flagged {flag}"))
def last_flagged(world: World, found: list[str], count: int, flag: str) -> None:
    flags = [each["flags"] for each in shown(world, found)]
    assert flags == [[]] * (len(flags) - count) + [[flag]] * count


@then("none of them is flagged")
def none_flagged(world: World, found: list[str]) -> None:
    assert not any(each["flags"] for each in shown(world, found))


@then(parsers.parse("it is flagged {flag}"))
def is_flagged(world: World, found: list[str], flag: str) -> None:
    assert [each["flags"] for each in shown(world, found)] == [[flag]]


# Two people in one identity

FIRST = {"family": "FICTIVE", "given": "Marie", "birth_date": "1950-03-04"}
SLIP = {**FIRST, "birth_date": "1950-03-05"}


def two(world: World) -> tuple[UUID, UUID]:
    """The identity that was mixed, and the new one."""
    return world.identities["mixed"], world.identities["other"]


def split(world: World, studies: list[str], reason: str = "essai", **stated: str | None) -> None:
    """Ask for it; the new identity is known to later steps."""
    asked = Split(identity=world.identities["mixed"], studies=tuple(map(UUID, studies)), stated=stated, reason=reason)
    if answer := world.ask(asked):
        world.identities["other"] = UUID(answer.result["other"])


@given("CHB sent 3 studies of two people under one number, and they are one identity", target_fixture="sent")
def sent_mixed(world: World) -> list[str]:
    """A slip in the date looks like the same person's."""
    studies = []
    for number, stated in enumerate((FIRST, FIRST, SLIP)):
        answer = world.receive("CHB", f"2.25.99{number}", local_id="55", stated=stated)
        assert answer is not None
        studies.append(answer.result["study"])
        world.identities["mixed"] = UUID(answer.result["identity"])
    assert world.shown("mixed")["flags"] == ["traits_differ"]
    return studies


@step(parsers.parse('the third study is split off because "{reason}"'))
def split_off(world: World, sent: list[str], reason: str) -> None:
    split(world, sent[2:], reason)


@given(parsers.parse("the third study is split off as {given_name}, born on {birth_date}"))
def split_off_as(world: World, sent: list[str], given_name: str, birth_date: str) -> None:
    split(world, sent[2:], family="FICTIVE", given=given_name, birth_date=birth_date)


@when("the third study is split off as the first one is known")
def split_off_as_the_same(world: World, sent: list[str]) -> None:
    split(world, sent[2:], **SLIP)


@when("a study of another identity is split off")
def split_off_anothers(world: World) -> None:
    answer = world.receive("CHB", "2.25.998", local_id="56", stated=FIRST)
    assert answer is not None
    split(world, [answer.result["study"]])


@when(parsers.parse("CHB sends another study of {given_name}, born on {birth_date}"))
def sends_another(world: World, given_name: str, birth_date: str) -> None:
    stated = {"family": "FICTIVE", "given": given_name, "birth_date": birth_date}
    world.receive("CHB", "2.25.999", local_id="55", stated=stated)


@when(parsers.parse('the two are merged because "{reason}"'))
def merged(world: World, reason: str) -> None:
    mixed, other = two(world)
    world.ask(Merge(one=mixed, other=other, reason=reason))


@then(parsers.parse("they are two, the first with {mine:d} studies and the other with {theirs:d}"))
def are_two(world: World, mine: int, theirs: int) -> None:
    assert world.person("mixed") == {world.identities["mixed"]}
    assert [len(world.views.record(one)["studies"]) for one in two(world)] == [mine, theirs]


@then("the other is flagged collision, and the first no more")
def flags(world: World) -> None:
    assert (world.shown("mixed")["flags"], world.shown("other")["flags"]) == ([], ["collision"])
    assert world.shown("other")["local_id"] == "55#2"


@then(parsers.parse("the record of either shows {count:d} studies"))
def shows(world: World, count: int) -> None:
    assert [len(world.views.record(one)["studies"]) for one in two(world)] == [count, count]
