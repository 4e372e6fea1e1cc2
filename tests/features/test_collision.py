"""Steps of features/collision.feature."""

import pytest
from pytest_bdd import parsers, scenarios, step, then, when

from tests.fakes.region import received
from tests.features.conftest import FEATURES, World

scenarios(str(FEATURES / "collision.feature"))


@pytest.fixture
def found() -> list[str]:
    """The identity that each study came in under, in order."""
    return []


def send(world: World, found: list[str], code: str, number: str, **stated: str | None) -> None:
    """One study; each has a UID of its own."""
    answer = world.ask(received(code, f"2.25.{len(found) + 1}", local_id=number, stated=stated))
    assert answer is not None
    found.append(answer.result["identity"])


@when(parsers.parse("{code} sends studies under the number {number} of:"))
def sends_many(world: World, found: list[str], code: str, number: str, datatable: list[list[str]]) -> None:
    for family, given_name, birth_date in datatable[1:]:
        send(world, found, code, number, family=family, given=given_name, birth_date=birth_date)


@step(parsers.parse("{code} sends a study under the number {number} of {given_name} {family}"))
def sends_one(world: World, found: list[str], code: str, number: str, given_name: str, family: str) -> None:
    send(world, found, code, number, family=family, given=given_name)


@then(parsers.re(r"they are (?P<count>\d+) identit(?:y|ies)"))
def count_identities(found: list[str], count: str) -> None:
    assert len(set(found)) == int(count)


@then(parsers.parse("the last {count:d} of them are flagged {flag}"))
def last_flagged(world: World, found: list[str], count: int, flag: str) -> None:
    assert flags(world) == [(identity, flag) for identity in found[-count:]]


@then("none of them is flagged")
def none_flagged(world: World) -> None:
    assert flags(world) == []


@then(parsers.parse("it is flagged {flag}"))
def is_flagged(world: World, found: list[str], flag: str) -> None:
    assert flags(world) == [(found[0], flag)]


def flags(world: World) -> list[tuple[str, str]]:
    """Identity and flag, as the log has them."""
    return [(e.aggregate_id, e.data["flag"]) for e in world.ledger.history() if e.type == "identity.flagged"]
