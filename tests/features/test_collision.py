"""Steps of features/collision.feature."""

from uuid import UUID

import pytest
from pytest_bdd import parsers, scenarios, step, then, when

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
