"""Steps of features/study.feature."""

from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.studies import ReassignStudy, WithdrawStudy
from tests.fakes.region import dose, exposure, received
from tests.features.conftest import FEATURES, World

scenarios(str(FEATURES / "study.feature"))

STUDY = Study.create_id(Identity.create_id("CHB", "Zoé"), "2.25.1")


@given("CHB knows Zoé and Paul")
def knows(world: World) -> None:
    for name in ("Zoé", "Paul"):
        world.register(name, "CHB", name, family="Fictive", given=name)


@step(parsers.parse("{code} sends a study of {images:d} images for Zoé"))
def sends(world: World, code: str, images: int) -> None:
    world.ask(received(code, local_id="Zoé", instances=images))


@when(parsers.parse("CHB sends {images:d} more images of the study"))
def sends_more(world: World, images: int) -> None:
    sends(world, "CHB", images)


@given("the study has a dose report")
def has_dose(world: World) -> None:
    world.ask(received(local_id="Zoé", doses=(dose("2.25.5", exposure("2.25.51")),)))


@given(parsers.parse('the study is withdrawn because "{reason}"'))
def withdraw(world: World, reason: str) -> None:
    world.ask(WithdrawStudy(study=STUDY, reason=reason))


@step(parsers.parse('the study is reassigned to {name} because "{reason}"'))
def reassign(world: World, name: str, reason: str) -> None:
    world.ask(ReassignStudy(study=STUDY, to_identity=world.identities[name], reason=reason))


@then(parsers.parse("the ledger has recorded batches of {first:d} and {second:d} images"))
def batches(world: World, first: int, second: int) -> None:
    recorded = [e.data["instances"] for e in world.ledger.history() if e.type in ("study.arrived", "study.extended")]
    assert recorded == [first, second]


@then(parsers.parse("the study and its dose are {name}'s"))
def are_of(world: World, name: str) -> None:
    moved = [e for e in world.ledger.history() if e.type in ("study.reassigned", "dose.reassigned")]
    assert {UUID(e.data["study_id"]) for e in moved} == {STUDY}
    assert [UUID(e.data["to_identity_id"]) for e in moved] == [world.identities[name]] * 2
