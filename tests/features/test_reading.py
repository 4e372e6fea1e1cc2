"""Steps of features/reading.feature."""

from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.directory import RegisterProfessional, Suspend
from domain.commands.readings import AcceptReading, DeclineReading, ReportReading, RequestReading
from domain.commands.studies import WithdrawStudy
from tests.fakes.region import received
from tests.features.conftest import FEATURES, World

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
    world.ask(RegisterProfessional(rpps=rpps, name="Dr Radiologue", profession="radiologist", site=code))


@given("CHB has sent a study")
def has_sent(world: World, desk: Desk) -> None:
    answer = world.ask(received())
    assert answer is not None
    desk.study = UUID(answer.result["study"])


@given("the study is withdrawn")
def withdrawn(world: World, desk: Desk) -> None:
    world.ask(WithdrawStudy(study=desk.study, reason="test exposure"))


@given(parsers.parse("{rpps} is suspended"))
def suspended(world: World, rpps: str) -> None:
    world.ask(Suspend(rpps=rpps, reason="left the register"))


@step(parsers.re(r"(?P<asking>CH\w) asks (?P<asked>CH\w) to read it"))
def ask(world: World, desk: Desk, asking: str, asked: str) -> None:
    request = RequestReading(study=desk.study, from_site=asking, to_site=asked, question="haemorrhage?")
    if answer := world.ask(request):
        desk.reading = UUID(answer.result["reading"])


@step(parsers.parse("{rpps} accepts the reading"))
def accept(world: World, desk: Desk, rpps: str) -> None:
    world.ask(AcceptReading(reading=desk.reading, by=rpps), f"rpps:{rpps}")


@step(parsers.parse('the reading is declined because "{reason}"'))
def decline(world: World, desk: Desk, reason: str) -> None:
    world.ask(DeclineReading(reading=desk.reading, reason=reason))


@when(parsers.parse('{rpps} reports "{conclusion}"'))
def report(world: World, desk: Desk, rpps: str, conclusion: str) -> None:
    world.ask(ReportReading(reading=desk.reading, by=rpps, report_uid="2.25.7", conclusion=conclusion), f"rpps:{rpps}")


@then(parsers.re(r"the reading is (?P<progress>requested|reported)"))
def reading_is(world: World, desk: Desk, progress: str) -> None:
    last = world.ledger.history()[-1]
    assert (last.type, last.aggregate_id) == (f"reading.{progress}", str(desk.reading))
