"""Steps of features/dose.feature."""

import re
from dataclasses import replace
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.conflicts import AcceptConflict
from domain.commands.doses import AcceptValues, AcknowledgeAlert, ReceivedDose
from domain.commands.links import Merge, Unmerge
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReceivedConflict
from tests.fakes.region import dose, exposure
from tests.features.conftest import FEATURES
from tests.features.worlds.views import Document
from tests.features.worlds.world import World

scenarios(str(FEATURES / "dose.feature"))

SAID = {"merged": Merge, "unmerged": Unmerge}


def send(world: World, *reports: ReceivedDose, code: str = "CHB") -> None:
    """A batch of the study with these dose reports; the identity is called by the establishment."""
    if answer := world.receive(code, doses=reports):
        world.identities[code] = UUID(answer.result["identity"])


def shown(world: World, code: str = "CHB") -> Document:
    """The dose of the person whom the establishment knows."""
    return world.views.dose(world.identities[code])


@given("CHB has sent a study")
def has_sent(world: World) -> None:
    world.enroll("CHB")
    send(world)


@step(parsers.re(r"the dose report (?P<name>[A-Z]) with the exposures? (?P<numbers>[\d, and]+?)(?: comes in)?$"))
def report(world: World, name: str, numbers: str) -> None:
    exposures = [exposure(f"2.25.9{number}") for number in re.findall(r"\d", numbers)]
    send(world, dose(uid(name), *exposures))


@when(parsers.re(r"the dose report (?P<name>[A-Z]) without an exposure comes in$"))
def empty_report(world: World, name: str) -> None:
    send(world, dose(uid(name)))


@step(parsers.parse("the dose report {name} without an exposure comes in, that states {dlp:g} mGy.cm"))
def accumulated_report(world: World, name: str, dlp: float) -> None:
    send(world, dose(uid(name), dlp_mgycm=dlp))


@step(parsers.parse("{code} sends the dose report {name}:"))
def table(world: World, code: str, name: str, datatable: list[list[str]]) -> None:
    world.enroll(code)
    exposures = [exposure(f"2.25.9{number}", dlp_mgycm=float(dlp)) for number, dlp in datatable[1:]]
    send(world, dose(uid(name), *exposures), code=code)


@step(parsers.re(r"the patients of (?P<one>CH\w) and (?P<other>CH\w) are (?P<said>merged|unmerged)"))
def say(world: World, one: str, other: str, said: str) -> None:
    world.ask(SAID[said](one=world.identities[one], other=world.identities[other], reason="seen at the desk"))


@step(parsers.re(r"a report of (?P<mgy>[\d.]+) mGy at the reference point(?P<phantom> of a phantom)? comes in"))
def fluoroscopy(world: World, mgy: str, phantom: str | None) -> None:
    number = sum(e.type == "dose.reported" for e in world.log()) + 1
    content = exposure(f"2.25.8{number}", dose_rp_mgy=float(mgy))
    send(world, dose(f"2.25.{number}", content, qa=phantom is not None))


@step(parsers.re(r"the report (?P<name>[A-Z]) of (?P<at>[\d:]+) says (?P<value>\d+) (?P<unit>mGy|MBq)"))
@step(
    parsers.re(
        r"the report (?P<name>[A-Z]) of (?P<at>[\d:]+) says (?P<value>\d+) (?P<unit>mGy) at the reference point"
        r"(?:, of the same exposure)?"
    )
)
def timed_report(world: World, name: str, at: str, value: str, unit: str) -> None:
    quantity = {"mGy": "dose_rp_mgy", "MBq": "activity_mbq"}[unit]
    told = dose(uid(name), exposure("2.25.91", **{quantity: float(value)}))
    send(world, replace(told, reported_at=f"2026-01-05T{at}:00"))


def content(name: str, mgy: int, at: str) -> ReceivedDose:
    return replace(dose(uid(name), exposure("2.25.91", dose_rp_mgy=float(mgy))), reported_at=f"2026-01-05T{at}:00")


@given(parsers.parse("the report {name} comes again and says {mgy:d} mGy of {at}"), target_fixture="contents")
def comes_again(
    world: World, name: str, mgy: int, at: str, contents: dict[int, ReceivedDose]
) -> dict[int, ReceivedDose]:
    second = ReceivedConflict(
        patient=ReceivedPatient(local_id="1", issuer=None, stated={"family": "FICTIVE"}),
        study_uid="2.25.1",
        differing=["ContentSequence"],
        instances=1,
        uid=uid(name),
        digest=f"{mgy:064}",
        reports=True,
    )
    world.receive("CHB", instances=0, conflicts=(second,))
    return {**contents, mgy: content(name, mgy, at)}


@pytest.fixture
def contents() -> dict[int, ReceivedDose]:
    """What came again under a report's UID, by its dose."""
    return {}


@step(parsers.parse("the content of {mgy:d} mGy is accepted"))
def accept_content(world: World, mgy: int, contents: dict[int, ReceivedDose]) -> None:
    (one,) = [e for e in world.log() if e.type == "study.conflict_found" and e.data["digest"] == f"{mgy:064}"]
    study, conflict = UUID(one.data["study_id"]), UUID(one.data["conflict_id"])
    world.ask(AcceptConflict(study=study, conflict=conflict, reason="seen", dose=contents[mgy]))


@then(parsers.parse("the dose reports {one} and {other} disagree"))
def disagree(world: World, one: str, other: str) -> None:
    assert standing(world) == {uid(one), uid(other)}
    assert [report["disagrees"] for report in shown(world)["reports"]] == [["dose_rp_mgy"]] * 2
    assert [conflict["report_uids"] for conflict in shown(world)["conflicts"]] == [sorted([uid(one), uid(other)])]


@when(parsers.parse('the values of the report {name} are accepted with "{note}"'))
def accept_values(world: World, name: str, note: str) -> None:
    study = next(e.data["study_id"] for e in world.log() if e.type == "dose.reported")
    world.ask(AcceptValues(study=UUID(study), report_uid=uid(name), note=note), "rpps:10101201233")


@then(parsers.parse("their dose at the reference point is {mgy:g} mGy"))
def at_reference_point(world: World, mgy: float) -> None:
    assert shown(world)["totals"]["dose_rp_mgy"] == mgy


@then("no activity is counted")
def no_activity(world: World) -> None:
    assert shown(world)["totals"]["activity_mbq"] is None


@then(parsers.parse("an activity of {mbq:g} MBq is counted"))
def activity(world: World, mbq: float) -> None:
    assert shown(world)["totals"]["activity_mbq"] == mbq


@when(
    parsers.parse(
        "a report comes in whose forecast is {forecast:g} mGy.cm where the scanner is to alert over {level:g}"
    )
)
def device_check(world: World, forecast: float, level: float) -> None:
    send(world, dose("2.25.1", exposure("2.25.91", forward_dlp_mgycm=forecast, check_dlp_mgycm=level)))


@step(parsers.parse('the alert is acknowledged with "{note}"'))
def acknowledge(world: World, note: str) -> None:
    alert = shown(world)["alerts"][0]
    acknowledgement = AcknowledgeAlert(study=UUID(alert["study"]), alert=UUID(alert["alert"]), note=note)
    world.ask(acknowledgement, "rpps:10101201233")


@then(parsers.re(r"(?P<count>\d+) alerts? (?:is|are) raised"))
def raised(world: World, count: str) -> None:
    assert len(shown(world)["alerts"]) == int(count)


@then(parsers.parse('the alert shows who looked at it, and "{note}"'))
def acknowledged(world: World, note: str) -> None:
    found = [(alert["acknowledged_by"], alert["note"]) for alert in shown(world)["alerts"]]
    assert found == [("rpps:10101201233", note)]


@then(parsers.parse("{count:d} dose report is recorded"))
def recorded(world: World, count: int) -> None:
    assert len(shown(world)["reports"]) == count


@then(parsers.parse("the dose report {name} stands alone"))
def stands_alone(world: World, name: str) -> None:
    assert standing(world) == {uid(name)}


@then(parsers.parse("{count:d} exposures are counted"))
def counted(world: World, count: int) -> None:
    assert len(shown(world)["exposures"]) == count


@then("no dose report is superseded")
def none_superseded(world: World) -> None:
    assert standing(world) == {uid("A"), uid("B")}


@then(parsers.parse("the dose of the patient of {code} is {dlp:g} mGy.cm"))
def total(world: World, code: str, dlp: float) -> None:
    assert shown(world, code)["totals"]["dlp_mgycm"] == dlp


@then(parsers.parse("their dose at the reference point is not known"))
def not_known(world: World) -> None:
    assert shown(world)["totals"]["dose_rp_mgy"] is None


def uid(name: str) -> str:
    """A SOP Instance UID for a report that the feature calls by a letter."""
    return f"2.25.{ord(name)}"


def standing(world: World) -> set[str]:
    """The reports that are not superseded."""
    return {report["report_uid"] for report in shown(world)["reports"] if report["superseded_by"] is None}
