"""Steps of features/identity.feature."""

from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag, Register, SetStatus
from domain.identity_status import Status
from schemas.event import ERASED
from tests.fakes.erasing import Erase
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "identity.feature"))

TEST_OID = "1.2.250.1.213.1.4.10"
STATUS = {"validated": Status.VALI, "qualified": Status.QUAL}


@given("CHB knows Zoé Fictive, born 1979-03-05")
def knows(world: World) -> None:
    strict = {"family": "Fictive", "given": "Zoé", "birth_date": "1979-03-05", "sex": "F", "birth_place": "51215"}
    world.register("she", "CHB", "1", **strict)


@step(parsers.parse("her birth date is corrected to {day}"))
def correct(world: World, day: str) -> None:
    world.ask(Correct(identity=world.identities["she"], stated={"birth_date": day}, reason="typing error"))


@step("her birth place is not known any more")
def forget_place(world: World) -> None:
    world.ask(Correct(identity=world.identities["she"], stated={"birth_place": None}, reason="papers unreadable"))


@when(parsers.parse("her family name is corrected to {name}"))
def correct_name(world: World, name: str) -> None:
    world.ask(Correct(identity=world.identities["she"], stated={"family": name}, reason="typing error"))


@when(parsers.parse('CHB registers Zoé Fictive under the number "{local_id}"'))
def register_under(world: World, local_id: str) -> None:
    world.ask(Register(assigner=world.code("CHB"), local_id=local_id, stated={"family": "Fictive", "given": "Zoé"}))


@when("CHB registers her number again")
def register_again(world: World) -> None:
    world.ask(Register(assigner=world.code("CHB"), local_id="1", stated={"family": "Fictive"}))


@step(parsers.re(r"her identity is (?P<said>validated|qualified)"))
def set_status(world: World, said: str) -> None:
    world.ask(SetStatus(identity=world.identities["she"], status=STATUS[said], reason="document seen"))


@given("her national identity is attached")
def attach(world: World) -> None:
    attach_matricule(world, "279035121518989")


@step(parsers.parse("the matricule {matricule} is attached"))
def attach_matricule(world: World, matricule: str) -> None:
    world.ask(AttachIns(identity=world.identities["she"], matricule=matricule, oid=TEST_OID))


@step("her national identity is detached")
def detach(world: World) -> None:
    world.ask(DetachIns(identity=world.identities["she"], reason="of somebody else"))


@step(parsers.parse("she is flagged {flag}"))
def flagged(world: World, flag: str) -> None:
    world.ask(Flag(identity=world.identities["she"], flag=flag, reason="seen at the desk"))


@step(parsers.parse('her flag {flag} is cleared because "{reason}"'))
def cleared(world: World, flag: str, reason: str) -> None:
    world.ask(ClearFlag(identity=world.identities["she"], flag=flag, reason=reason))


@step("she is erased")
def erased(world: World) -> None:
    world.ask(Erase(identity=world.identities["she"], reason="request of the person"))
    world.ledger.vault.destroy(str(world.identities["she"]))


@then(parsers.parse("her status is {status}"))
def has_status(world: World, status: str) -> None:
    assert world.shown("she")["status"] == status


@then(parsers.parse("her birth date is {day}"))
def born(world: World, day: str) -> None:
    assert world.shown("she")["traits"]["birth_date"] == day


@then(parsers.parse('"{text}" is shown for her number and all her traits'))
def shows(world: World, text: str) -> None:
    shown = world.shown("she")
    assert {shown["local_id"], *shown["traits"].values()} == {text} == {ERASED}


@then(parsers.parse("it is still shown that {code} registered an identity"))
def still_shows(world: World, code: str) -> None:
    assert world.shown("she")["assigner"] == world.code(code)
    assert world.views.history(world.identities["she"])[0]["type"] == "identity.registered"


@then(parsers.parse("her flags are {flags}"))
def has_flags(world: World, flags: str) -> None:
    assert world.views.identity(world.identities["she"])["flags"] == flags.split(", ")


@then("she has no flag")
def has_no_flag(world: World) -> None:
    assert world.views.identity(world.identities["she"])["flags"] == []


@then(parsers.re(r"(?P<who>a clerk|nobody) is asked about her"))
def is_asked(world: World, who: str) -> None:
    waits = frozenset({str(world.identities["she"])}) in world.views.review()
    assert waits == (who == "a clerk")
