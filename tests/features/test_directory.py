"""Steps of features/directory.feature. The ledger's own directory is what the command line lists; it has no view."""

from pytest_bdd import parsers, scenarios, step, then, when

from domain.commands.directory import Affiliate, EnrollSite, RefuseCaller, RegisterDevice, RegisterProfessional, Suspend
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "directory.feature"))


@when(parsers.parse("{code} is enrolled again"))
def enroll_again(world: World, code: str) -> None:
    world.ask(EnrollSite(code=world.code(code), name="The same code"))


@step(parsers.parse("{code} registers the device {ae_title}"))
def register_device(world: World, code: str, ae_title: str) -> None:
    world.ask(RegisterDevice(code=world.code(code), ae_title=world.ae_title(ae_title), kind="modality"))


@then(parsers.parse("what {ae_title} sends comes from {code}"))
def sends_as(world: World, ae_title: str, code: str) -> None:
    assert world.ledger.log.site_of(world.ae_title(ae_title)) == world.code(code)


@step(parsers.parse("the professional {rpps} is registered at {code}"))
def register_professional(world: World, rpps: str, code: str) -> None:
    number, site = world.rpps(rpps), world.code(code)
    world.ask(RegisterProfessional(rpps=number, name="Dr Test", profession="radiologist", sites=(site,)))


@when(parsers.parse("the professional {rpps} is affiliated to {code}"))
def affiliate(world: World, rpps: str, code: str) -> None:
    world.ask(Affiliate(rpps=world.rpps(rpps), site=world.code(code)))


@step(parsers.parse('the professional {rpps} is suspended because "{reason}"'))
def suspend(world: World, rpps: str, reason: str) -> None:
    world.ask(Suspend(rpps=world.rpps(rpps), reason=reason))


@then(parsers.parse("the professional {rpps} works for {one} and {other}"))
def works_for(world: World, rpps: str, one: str, other: str) -> None:
    sites = world.ledger.directory().professionals[world.rpps(rpps)].sites
    assert sites == {world.code(one), world.code(other)}


@when(parsers.parse("the unregistered device {ae_title} calls {times:d} times"))
def call(world: World, ae_title: str, times: int) -> None:
    for _ in range(times):
        world.ask(RefuseCaller(ae_title=world.ae_title(ae_title), called="KRYPTON", address="192.0.2.7"))


@then(parsers.parse("the log holds {count:d} refused call of {ae_title}"))
def refused_calls(world: World, count: int, ae_title: str) -> None:
    calls = [e for e in world.log() if e.type == "directory.caller_refused"]
    assert [e.data["ae_title"] for e in calls] == [world.ae_title(ae_title)] * count
