"""Steps of features/order.feature."""

from datetime import UTC, datetime
from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.order import Order
from domain.commands.directory import RegisterProfessional, Suspend
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ResultOrder, ScheduleOrder
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "order.feature"))

NINE = datetime(2026, 2, 1, 9, tzinfo=UTC)


def first(world: World) -> UUID:
    """The order that most scenarios are about."""
    return Order.create_id(world.ledger.ids, world.code("CHB"), "A-1")


def place(world: World, rpps: str, number: str, urgency: str) -> None:
    """An order of CHB for Zoé."""
    world.ask(
        PlaceOrder(
            identity=world.identities["Zoé"],
            site=world.code("CHB"),
            ordered_by=world.rpps(rpps),
            modality="CT",
            question="pulmonary embolism?",
            urgency=urgency,
            placer_number=number,
        ),
        f"rpps:{world.rpps(rpps)}",
    )


@given(parsers.parse("the clinician {rpps} orders at CHB a CT for Zoé"))
def first_order(world: World, rpps: str) -> None:
    world.register("Zoé", "CHB", "1")
    world.ask(RegisterProfessional(rpps=world.rpps(rpps), name="Dr Clinicien", profession="physician"))
    place(world, rpps, "A-1", "ROUTINE")


@when(parsers.parse("the clinician {rpps} orders a CT that is wanted {urgency}"))
def another_order(world: World, rpps: str, urgency: str) -> None:
    place(world, rpps, "A-2", urgency)


@when("the same order is placed again")
def place_again(world: World) -> None:
    place(world, "10101201233", "A-1", "ROUTINE")


@given(parsers.parse("the clinician {rpps} is suspended"))
def suspended(world: World, rpps: str) -> None:
    world.ask(Suspend(rpps=world.rpps(rpps), reason="left the register"))


@given(parsers.parse("the order is presented at {code}"))
def present(world: World, code: str) -> None:
    world.ask(PresentOrder(order=first(world), site=world.code(code)))


@step(parsers.parse("{code} schedules it under the accession {accession}"))
def schedule(world: World, code: str, accession: str) -> None:
    world.ask(ScheduleOrder(order=first(world), site=world.code(code), at=NINE, accession=accession))


@step(parsers.parse('the order is cancelled because "{reason}"'))
def cancel(world: World, reason: str) -> None:
    world.ask(CancelOrder(order=first(world), reason=reason))


@given("the exam is made")
def perform(world: World) -> None:
    world.ask(PerformOrder(order=first(world), study_uid="2.25.1"))


@when("the exam is reported")
def result(world: World) -> None:
    world.ask(ResultOrder(order=first(world), report_uid="2.25.11"))


@then(parsers.parse("the order is scheduled at {code} under the accession {accession}"))
def scheduled_at(world: World, code: str, accession: str) -> None:
    shown = world.views.order(first(world))
    assert (shown["state"], shown["scheduled_at"], shown["accession"]) == ("scheduled", world.code(code), accession)


@then(parsers.re(r"the order is (?P<state>placed|presented|performed|cancelled)"))
def is_in_state(world: World, state: str) -> None:
    assert world.views.order(first(world))["state"] == state


@then("the order shows its exam and its report, and no appointment")
def shows_all(world: World) -> None:
    shown = world.views.order(first(world))
    assert (shown["state"], shown["study_uid"], shown["report_uid"]) == ("resulted", "2.25.1", "2.25.11")
    assert shown["scheduled_at"] is None
