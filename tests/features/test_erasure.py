"""Steps of features/erasure.feature: the policies run after each step that lets time pass."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.erasure import Erasure
from domain.commands.erasures import (
    ApproveErasure,
    CancelErasure,
    CarryOutErasure,
    HoldErasure,
    ReleaseHold,
    RequestErasure,
)
from domain.commands.identities import Correct
from tests.fakes.policies import MemoryEngine
from tests.fakes.region import received
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "erasure.feature"))


@pytest.fixture
def engine(world: World) -> MemoryEngine:
    return MemoryEngine(world.ledger)


@given("CHB knows Zoé Fictive, born 1979-03-05")
def knows(world: World) -> None:
    world.register("she", "CHB", "1", family="Fictive", given="Zoé", birth_date="1979-03-05")


@given(parsers.parse("her last exam at CHB was on {day}"))
def examined(world: World, day: str) -> None:
    stated: dict[str, str | None] = {"family": "Fictive", "given": "Zoé", "birth_date": "1979-03-05"}
    came = received("CHB", f"2.25.{day.replace('-', '')}", stated=stated)
    world.ask(replace(came, started_at=f"{day}T08:00:00"))


@given(parsers.parse("more images of her exam of {day} come in"))
def more_images(world: World, day: str) -> None:
    examined(world, day)


@given(parsers.parse("her birth date is corrected to {day}"))
def corrected(world: World, day: str) -> None:
    world.ask(Correct(identity=world.identities["she"], stated={"birth_date": day}, reason="her papers"))


@step(parsers.parse('{who} requests her erasure on the ground "{ground}", reference "{reference}"'))
def requests(world: World, who: str, ground: str, reference: str) -> None:
    world.ask(RequestErasure(identity=world.identities["she"], ground=ground, reference=reference), who)


@when(parsers.parse('{who} requests her erasure, who died on {day}, reference "{reference}"'))
def requests_after_death(world: World, who: str, day: str, reference: str) -> None:
    asked = RequestErasure(identity=world.identities["she"], ground="end_of_retention", reference=reference, died=day)
    world.ask(asked, who)


@step(parsers.parse("{who} approves her erasure"))
def approves(world: World, who: str) -> None:
    world.ask(ApproveErasure(identity=world.identities["she"]), who)


@pytest.fixture
def shown() -> dict[str, int]:
    """The ledger position as of which somebody was shown what there is."""
    return {}


@given(parsers.parse("{who} is shown what there is of her"))
def is_shown(world: World, shown: dict[str, int], who: str) -> None:
    shown[who] = world.ledger.work([]).head


@when(parsers.parse("{who} approves what was shown"))
def approves_as_shown(world: World, shown: dict[str, int], who: str) -> None:
    world.ask(ApproveErasure(identity=world.identities["she"], seen=shown[who]), who)


@given(parsers.parse("{who} cancels her erasure"))
def cancels(world: World, who: str) -> None:
    world.ask(CancelErasure(identity=world.identities["she"], reason="another file was meant"), who)


@given(parsers.parse('{who} places a legal hold, reference "{reference}"'))
def holds(world: World, who: str, reference: str) -> None:
    world.ask(HoldErasure(identity=world.identities["she"], reference=reference), who)


@when(parsers.parse('{who} releases the legal hold "{reference}"'))
def releases(world: World, who: str, reference: str) -> None:
    world.ask(ReleaseHold(identity=world.identities["she"], reference=reference), who)


@when("her erasure is carried out at once")
def carried_out(world: World) -> None:
    request = erasure(world).request
    assert request is not None
    world.ask(CarryOutErasure(identity=world.identities["she"], request=request.id))


@step(parsers.parse("{days:d} days go by"))
def days_go_by(world: World, engine: MemoryEngine, days: int) -> None:
    engine.run()
    world.let_pass(timedelta(days=days))
    engine.run()


@then("her erasure is requested")
def is_requested(world: World) -> None:
    assert erasure(world).request is not None


@then(parsers.parse('she is erased, on the ground "{ground}"'))
def is_erased(world: World, ground: str) -> None:
    assert [event.data["reason"] for event in world.log() if event.type == "identity.erased"] == [ground]


@then(parsers.parse("her erasure is stopped, by rule {rule}"))
def is_stopped(world: World, rule: str) -> None:
    is_not_erased(world)
    assert [event.data["rule"] for event in world.log() if event.type == "erasure.stopped"] == [rule]
    assert erasure(world).state == "stopped"


@step("she is not erased")
def is_not_erased(world: World) -> None:
    assert not [event for event in world.log() if event.type == "identity.erased"]


def erasure(world: World) -> Erasure:
    """Hers, as the ledger has it."""
    found = world.ledger.find(Erasure, Erasure.create_id(world.ledger.ids, world.identities["she"]))
    assert found is not None
    return found
