"""Steps of features/reading.feature."""

from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.directory import RegisterProfessional, Suspend
from domain.commands.readings import AcceptReading, DeclineReading, ReportReading, RequestReading
from domain.commands.studies import WithdrawStudy
from tests.features.conftest import FEATURES
from tests.features.worlds.views import Document
from tests.features.worlds.world import World

scenarios(str(FEATURES / "reading.feature"))


class Desk:
    """The study and the reading that the scenario speaks of."""

    study: UUID
    reading: UUID


@pytest.fixture
def desk() -> Desk:
    return Desk()


@given(parsers.parse("the radiologist {rpps} works for {code}"))
def works_for(world: World, rpps: str, code: str) -> None:
    world.enroll("CHB", "CHP")
    number, site = world.rpps(rpps), world.code(code)
    world.ask(RegisterProfessional(rpps=number, name="Dr Radiologue", profession="radiologist", sites=(site,)))


@given("CHB has sent a study")
def has_sent(world: World, desk: Desk) -> None:
    answer = world.receive("CHB")
    assert answer is not None
    desk.study = UUID(answer.result["study"])
    world.identities["the patient"] = UUID(answer.result["identity"])


@given("the study is withdrawn")
def withdrawn(world: World, desk: Desk) -> None:
    world.ask(WithdrawStudy(study=desk.study, reason="test exposure"))


@given(parsers.parse("{rpps} is suspended"))
def suspended(world: World, rpps: str) -> None:
    world.ask(Suspend(rpps=world.rpps(rpps), reason="left the register"))


@step(parsers.re(r"(?P<asking>CH\w) asks (?P<asked>CH\w) to read it"))
def ask(world: World, desk: Desk, asking: str, asked: str) -> None:
    here, there = world.code(asking), world.code(asked)
    request = RequestReading(study=desk.study, from_site=here, to_site=there, question="haemorrhage?")
    if answer := world.ask(request):
        desk.reading = UUID(answer.result["reading"])


@step(parsers.parse("{rpps} accepts the reading"))
def accept(world: World, desk: Desk, rpps: str) -> None:
    by = world.rpps(rpps)
    world.ask(AcceptReading(reading=desk.reading, by=by), f"rpps:{by}")


@step(parsers.parse('the reading is declined because "{reason}"'))
def decline(world: World, desk: Desk, reason: str) -> None:
    world.ask(DeclineReading(reading=desk.reading, reason=reason))


@when(parsers.parse('{rpps} reports "{conclusion}"'))
def report(world: World, desk: Desk, rpps: str, conclusion: str) -> None:
    by = world.rpps(rpps)
    world.ask(ReportReading(reading=desk.reading, by=by, report_uid="2.25.7", conclusion=conclusion), f"rpps:{by}")


def shown(world: World, desk: Desk) -> list[Document]:
    """The readings of the study, as the patient's record shows them."""
    (study,) = world.views.record(world.identities["the patient"])["studies"]
    assert study["study"] == str(desk.study)
    return list(study["readings"])


@then(parsers.re(r"the record shows that the reading is (?P<state>\w+)"))
def reading_is(world: World, desk: Desk, state: str) -> None:
    assert [reading["state"] for reading in shown(world, desk)] == [state]


@then(parsers.parse("the record shows one reading declined and one requested"))
def asked_again(world: World, desk: Desk) -> None:
    assert [reading["state"] for reading in shown(world, desk)] == ["declined", "requested"]


@then(parsers.parse('the record shows that {rpps} of {code} reported "{conclusion}"'))
def shows_report(world: World, desk: Desk, rpps: str, code: str, conclusion: str) -> None:
    (reading,) = shown(world, desk)
    assert (reading["state"], reading["to_site"]) == ("reported", world.code(code))
    assert (reading["read_by"], reading["conclusion"]) == (world.rpps(rpps), conclusion)


@then("the record shows no reading")
def no_reading(world: World, desk: Desk) -> None:
    assert shown(world, desk) == []
