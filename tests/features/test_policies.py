"""Steps of features/policies.feature: the policies run after each step that lets time pass."""

from datetime import timedelta
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.order import Order
from domain.commands.accesses import CloseEmergency, OpenAccess, ReviewEmergency
from domain.commands.orders import PerformOrder, PlaceOrder
from domain.commands.policies import DropEntry
from domain.consent_statements import Said
from tests.fakes.policies import MemoryEngine
from tests.features.conftest import FEATURES
from tests.features.sharing_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.sharing_steps import rpps
from tests.features.worlds.world import World

scenarios(str(FEATURES / "policies.feature"))
NOTED = {
    "a consent ran out": "consent.expired",
    "a code ran out": "consent.code_expired",
    "an order ran out": "order.expired",
    "an emergency was left open": "access.emergency_lapsed",
    "an entry was dropped": "policy.entry_dropped",
}


@pytest.fixture
def engine(world: World) -> MemoryEngine:
    return MemoryEngine(world.ledger)


@step(parsers.parse("{days:d} days go by"))
def days_go_by(world: World, engine: MemoryEngine, days: int) -> None:
    engine.run()
    world.let_pass(timedelta(days=days))
    engine.run()
    engine.run()


@given(parsers.parse("Dr Arnaud orders a CT for {name}"))
def orders(world: World, name: str) -> None:
    world.ask(
        PlaceOrder(
            identity=world.identities[name],
            site="CHP",
            ordered_by=rpps(world, "Dr Arnaud"),
            modality="CT",
            question="stones?",
            placer_number="1",
        )
    )


@given("the exam is made")
def performed(world: World) -> None:
    world.ask(PerformOrder(order=Order.create_id(world.ledger.ids, "CHP", "1"), study_uid="2.25.1"))


@given(parsers.parse("Dr Arnaud sees {name} in an emergency"), target_fixture="access")
def emergency(world: World, name: str) -> UUID:
    asked = OpenAccess(
        identity=world.identities[name], rpps=rpps(world, "Dr Arnaud"), reason="unconscious", emergency=True
    )
    answer = world.ask(asked)
    assert answer is not None
    return UUID(answer.result["access"])


@given("Dr Arnaud says that it is over")
def closed(world: World, access: UUID) -> None:
    world.ask(CloseEmergency(access=access, rpps=rpps(world, "Dr Arnaud")))


@when(parsers.re(r"(?P<who>auditor:\w+|Dr Arnaud) reviews it"))
def reviews(world: World, access: UUID, who: str) -> None:
    actor = f"rpps:{rpps(world, who)}" if who.startswith("Dr") else who
    world.ask(ReviewEmergency(access=access, by=actor, note="was unconscious indeed"), actor)


@when(parsers.parse('{who} drops an entry because "{reason}"'))
def drops(world: World, who: str, reason: str) -> None:
    world.ask(DropEntry(policy="expiry", entry=UUID(int=1), does="expire_order", by=who, reason=reason), who)


@then(parsers.re(r"the ledger has (?P<how>noted once|not noted) that (?P<what>.+)"))
def noted(world: World, how: str, what: str) -> None:
    found = [event for event in world.log() if event.type == NOTED[what]]
    assert len(found) == (1 if how == "noted once" else 0)


@then("somebody is told that an emergency awaits review")
def told(engine: MemoryEngine, access: UUID) -> None:
    assert [(due.does, due.body) for due in engine.notices] == [("emergency_awaits_review", {"access": str(access)})]


@then(parsers.parse('what Marie said of Dr Arnaud is "not collected"'))
def not_collected(world: World) -> None:
    statements = world.views.consents(world.identities["Marie"])
    assert statements["standing"]["consultation"] == Said.NOT_COLLECTED
