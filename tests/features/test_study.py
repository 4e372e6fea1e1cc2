"""Steps of features/study.feature."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.consent import Consent
from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.conflicts import AcceptConflict, DismissConflict
from domain.commands.consents import Grant, Oppose
from domain.commands.erasures import HoldErasure
from domain.commands.links import Merge
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReassignStudy, ReceivedConflict, WithdrawStudy
from domain.commands.study_protection import Whose
from domain.consent_statements import EVERYONE
from tests.fakes.region import dose, exposure
from tests.features.conftest import FEATURES
from tests.features.worlds.views import Document
from tests.features.worlds.world import World

scenarios(str(FEATURES / "study.feature"))
CASE = "case 26/00007"


def the_study(world: World) -> UUID:
    """The study that CHB sent for Zoé."""
    return Study.create_id(world.ledger.ids, Identity.create_id(world.ledger.ids, world.code("CHB"), "Zoé"), "2.25.1")


def studies(world: World, name: str) -> Sequence[Document]:
    """What the record of that person shows."""
    found: Sequence[Document] = world.views.record(world.identities[name])["studies"]
    return found


@given("CHB knows Zoé and Paul")
def knows(world: World) -> None:
    for name in ("Zoé", "Paul"):
        world.register(name, "CHB", name, family="Fictive", given=name)


@step(parsers.parse("{code} sends a study of {images:d} images for Zoé"))
def sends(world: World, code: str, images: int) -> None:
    world.receive(code, local_id="Zoé", instances=images)


@when(parsers.parse("CHB sends {images:d} more images of the study"))
def sends_more(world: World, images: int) -> None:
    sends(world, "CHB", images)


@given("the study has a dose report")
def has_dose(world: World) -> None:
    world.receive("CHB", local_id="Zoé", doses=(dose("2.25.5", exposure("2.25.51")),))


@step(parsers.parse('the study is withdrawn because "{reason}"'))
def withdraw(world: World, reason: str) -> None:
    world.ask(WithdrawStudy(study=the_study(world), reason=reason))


@step(parsers.parse('the study is reassigned to {name} because "{reason}"'))
def reassign(world: World, name: str, reason: str) -> None:
    world.ask(ReassignStudy(study=the_study(world), to_identity=world.identities[name], reason=reason))


@step("the images come again as Paul's")
def come_again(world: World) -> None:
    doses = (dose("2.25.5", exposure("2.25.51")),)
    world.receive("CHB", local_id="Zoé", instances=1, doses=doses)
    paul = ReceivedPatient(local_id="Paul", issuer=None, stated={"family": "Fictive", "given": "Paul"})
    second = ReceivedConflict(
        patient=paul, study_uid="2.25.1", differing=["PatientID"], instances=120, uid="2.25.1.1", digest="ab" * 32
    )
    world.receive("CHB", local_id="Zoé", instances=0, conflicts=(second,))


@step(parsers.re(r'the (?P<same>same )?conflict is (?P<said>accepted|dismissed) because "(?P<reason>.+)"'))
def settle(world: World, same: str | None, said: str, reason: str) -> None:
    found = [e for e in world.log() if e.type == "study.conflict_found"]
    about: dict[str, Any] = {
        "study": the_study(world),
        "conflict": UUID(found[0].data["conflict_id"]),
        "reason": reason,
    }
    world.ask(AcceptConflict(**about) if said == "accepted" else DismissConflict(**about))


@then("no conflict waits")
def none_waits(world: World) -> None:
    assert world.views.conflicts() == []


@then(parsers.parse("{count:d} conflict waits: another patient"))
def waits(world: World, count: int) -> None:
    found = [(one["kind"], one["differing"]) for one in world.views.conflicts()]
    assert found == [("patient", ["PatientID"])] * count


@then(parsers.parse("the record of {name} shows a study of {images:d} images"))
def shows_images(world: World, name: str, images: int) -> None:
    assert [study["instances"] for study in studies(world, name)] == [images]


@then(parsers.parse("the log holds batches of {first:d} and {second:d} images"))
def batches(world: World, first: int, second: int) -> None:
    recorded = [e.data["instances"] for e in world.log() if e.type in ("study.arrived", "study.extended")]
    assert recorded == [first, second]


@then(parsers.parse("the record of {name} shows no study, and tells of {count:d} withdrawn"))
def shows_none(world: World, name: str, count: int) -> None:
    shown = world.views.record(world.identities[name])
    assert (shown["studies"], shown["withdrawn"]) == ([], count)


@then(parsers.parse("the study and its dose are {name}'s"))
def are_of(world: World, name: str) -> None:
    holders = [each for each in world.identities if studies(world, each)]
    irradiated = [each for each, identity in world.identities.items() if world.views.dose(identity)["exposures"]]
    assert holders == irradiated == [name]
    assert [study["study"] for study in studies(world, name)] == [str(the_study(world))]


# What protects a person, where their study moves


@given(parsers.re(r"(?P<name>Zoé|Paul) opposes that (?P<who>anybody|CHP) sees their record"))
def opposes(world: World, name: str, who: str) -> None:
    world.enroll("CHP")
    party = EVERYONE if who == "anybody" else f"site:{world.code(who)}"
    world.ask(Oppose(identity=world.identities[name], party=party))


@given("Zoé is one person with Zoé of CHP, who opposes that anybody sees their record")
def said_elsewhere(world: World) -> None:
    world.enroll("CHP")
    elsewhere = world.register("elsewhere", "CHP", "78", family="Fictive", given="Zoé")
    world.ask(Merge(one=world.identities["Zoé"], other=elsewhere, reason="essai"))
    world.ask(Oppose(identity=elsewhere))


@given("Zoé consents to CHP, but for another study")
def consents_in_part(world: World) -> None:
    world.enroll("CHP")
    party = f"site:{world.code('CHP')}"
    world.ask(Grant(identity=world.identities["Zoé"], party=party, exclusions=["study:2.25.7"]))


@given("Zoé and Paul are one person")
def one_person(world: World) -> None:
    one, other = (world.identities[name] for name in ("Zoé", "Paul"))
    world.ask(Merge(one=one, other=other, reason="essai"))


@given("a legal hold is placed on Zoé")
def hold(world: World) -> None:
    world.ask(HoldErasure(identity=world.identities["Zoé"], reference=CASE))


@step(parsers.re("the study is reassigned to Paul, and what protects Zoé protects (?:the )?(?P<whose>both|former)"))
def reassign_as(world: World, whose: str) -> None:
    to = world.identities["Paul"]
    command = ReassignStudy(study=the_study(world), to_identity=to, reason="essai", protects=Whose(whose))
    world.ask(command)


@when("the conflict is accepted, and what protects Zoé protects both")
def accept_for_both(world: World) -> None:
    (found,) = [e for e in world.log() if e.type == "study.conflict_found"]
    conflict = UUID(found.data["conflict_id"])
    world.ask(AcceptConflict(study=the_study(world), conflict=conflict, reason="essai", protects=Whose.BOTH))


@then(parsers.parse("the study is {name}'s"))
def is_of(world: World, name: str) -> None:
    study = world.ledger.find(Study, the_study(world))
    assert study is not None
    assert study.identity_id == world.identities[name]


def opposed(world: World) -> list[list[tuple[str, str]]]:
    """What Zoé and Paul oppose."""
    ids = world.ledger.ids
    found = [world.ledger.find(Consent, Consent.create_id(ids, world.identities[one])) for one in ("Zoé", "Paul")]
    return [[*consent.oppositions] if consent else [] for consent in found]


@then("Zoé alone opposes that anybody sees their record")
def zoe_opposes(world: World) -> None:
    assert opposed(world) == [[("consult", "everyone")], []]


@then("Zoé and Paul oppose that anybody sees their record")
def both_oppose(world: World) -> None:
    assert opposed(world) == [[("consult", "everyone")]] * 2


@then("Zoé and Paul are held, and flagged statements_of_two")
def both_held(world: World) -> None:
    for name in ("Zoé", "Paul"):
        held = world.ledger.find(Erasure, Erasure.create_id(world.ledger.ids, world.identities[name]))
        assert held is not None
        assert [*held.holds] == [CASE]
        assert world.shown(name)["flags"] == ["statements_of_two"]


@then("the answer names opposition:consult:everyone and hold:case 26/00007 as for both")
def named_for_both(world: World) -> None:
    assert world.answer is not None
    assert world.answer.result["for_both"] == ["opposition:consult:everyone", f"hold:{CASE}"]
