"""Steps of features/dose.feature."""

import re
from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.doses import AcknowledgeAlert, ReceivedDose
from tests.fakes.region import dose, exposure, received
from tests.features.conftest import FEATURES, World

scenarios(str(FEATURES / "dose.feature"))


def send(world: World, *reports: ReceivedDose) -> None:
    """A batch of the study with these dose reports."""
    world.ask(received(doses=reports))


@given("CHB has sent a study")
def has_sent(world: World) -> None:
    world.enroll("CHB")
    send(world)


@step(parsers.re(r"the dose report (?P<name>[A-Z]) with the exposures? (?P<numbers>[\d, and]+?)(?: comes in)?$"))
def report(world: World, name: str, numbers: str) -> None:
    exposures = [exposure(f"2.25.9{number}") for number in re.findall(r"\d", numbers)]
    send(world, dose(uid(name), *exposures))


@when(parsers.parse("the dose report {name} without an exposure comes in"))
def empty_report(world: World, name: str) -> None:
    send(world, dose(uid(name)))


@step(parsers.re(r"a report of (?P<mgy>[\d.]+) mGy at the reference point(?P<phantom> of a phantom)? comes in"))
def fluoroscopy(world: World, mgy: str, phantom: str | None) -> None:
    number = sum(e.type == "dose.reported" for e in world.ledger.history()) + 1
    content = exposure(f"2.25.8{number}", dose_rp_mgy=float(mgy))
    send(world, dose(f"2.25.{number}", content, qa=phantom is not None))


@when(
    parsers.parse(
        "a report comes in whose forecast is {forecast:g} mGy.cm where the scanner is to alert over {level:g}"
    )
)
def device_check(world: World, forecast: float, level: float) -> None:
    send(world, dose("2.25.1", exposure("2.25.91", forward_dlp_mgycm=forecast, check_dlp_mgycm=level)))


@step(parsers.parse('the alert is acknowledged with "{note}"'))
def acknowledge(world: World, note: str) -> None:
    alert = next(e for e in world.ledger.history() if e.type == "dose.alert_raised")
    world.ask(
        AcknowledgeAlert(study=UUID(alert.data["study_id"]), alert=UUID(alert.data["alert_id"]), note=note),
        "rpps:10101201234",
    )


@then(parsers.parse("{count:d} alerts are raised"))
def raised(world: World, count: int) -> None:
    assert sum(e.type == "dose.alert_raised" for e in world.ledger.history()) == count


@then(parsers.parse("{count:d} dose report is recorded"))
def recorded(world: World, count: int) -> None:
    assert sum(e.type == "dose.reported" for e in world.ledger.history()) == count


@then(parsers.parse("the dose report {name} stands alone"))
def stands_alone(world: World, name: str) -> None:
    assert standing(world) == {uid(name)}


@then("no dose report is superseded")
def none_superseded(world: World) -> None:
    assert standing(world) == {uid("A"), uid("B")}


def uid(name: str) -> str:
    """A SOP Instance UID for a report that the feature calls by a letter."""
    return f"2.25.{ord(name)}"


def standing(world: World) -> set[str]:
    """The reports that are not superseded."""
    history = world.ledger.history()
    reported = {e.data["report_uid"] for e in history if e.type == "dose.reported"}
    return reported - {e.data["report_uid"] for e in history if e.type == "dose.superseded"}
