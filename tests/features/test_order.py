"""Steps of features/order.feature."""

from datetime import UTC, datetime

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.order import Order
from domain.commands.directory import RegisterProfessional, Suspend
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ResultOrder, ScheduleOrder
from tests.features.conftest import FEATURES, World

scenarios(str(FEATURES / "order.feature"))

ORDER = Order.create_id("CHB", "A-1")
NINE = datetime(2026, 2, 1, 9, tzinfo=UTC)


def place(world: World, rpps: str, number: str, urgency: str) -> None:
    """An order of CHB for Zoé."""
    world.ask(
        PlaceOrder(
            identity=world.identities["Zoé"],
            site="CHB",
            ordered_by=rpps,
            modality="CT",
            question="pulmonary embolism?",
            urgency=urgency,
            placer_number=number,
        ),
        f"rpps:{rpps}",
    )


@given(parsers.parse("the clinician {rpps} orders at CHB a CT for Zoé"))
def first_order(world: World, rpps: str) -> None:
    world.register("Zoé", "CHB", "1")
    world.ask(RegisterProfessional(rpps=rpps, name="Dr Clinicien", profession="physician"))
    place(world, rpps, "A-1", "ROUTINE")


@when(parsers.parse("the clinician {rpps} orders a CT that is wanted {urgency}"))
def another_order(world: World, rpps: str, urgency: str) -> None:
    place(world, rpps, "A-2", urgency)


@when("the same order is placed again")
def place_again(world: World) -> None:
    place(world, "10101201234", "A-1", "ROUTINE")


@given(parsers.parse("the clinician {rpps} is suspended"))
def suspended(world: World, rpps: str) -> None:
    world.ask(Suspend(rpps=rpps, reason="left the register"))


@given(parsers.parse("the order is presented at {code}"))
def present(world: World, code: str) -> None:
    world.ask(PresentOrder(order=ORDER, site=code))


@step(parsers.parse("{code} schedules it under the accession {accession}"))
def schedule(world: World, code: str, accession: str) -> None:
    world.ask(ScheduleOrder(order=ORDER, site=code, at=NINE, accession=accession))


@step(parsers.parse('the order is cancelled because "{reason}"'))
def cancel(world: World, reason: str) -> None:
    world.ask(CancelOrder(order=ORDER, reason=reason))


@given("the exam is made")
def perform(world: World) -> None:
    world.ask(PerformOrder(order=ORDER, study_uid="2.25.1"))


@when("the exam is reported")
def result(world: World) -> None:
    world.ask(ResultOrder(order=ORDER, report_uid="2.25.11"))


@then(parsers.parse("the order is scheduled at {code}"))
def scheduled_at(world: World, code: str) -> None:
    last = world.ledger.history()[-1]
    assert (last.type, last.aggregate_id, last.data["site"]) == ("order.scheduled", str(ORDER), code)


@then(parsers.parse("the order's history is {steps}"))
def history(world: World, steps: str) -> None:
    found = [e.type for e in world.ledger.history() if e.aggregate_id == str(ORDER)]
    assert found == [f"order.{step}" for step in steps.split(", ")]
