"""Steps of features/access.feature. What was decided is asked of the access history, as auditors do."""

from datetime import datetime, timedelta
from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then

from domain.commands.accesses import CloseEmergency, OpenAccess
from domain.commands.directory import Suspend
from domain.commands.links import Merge, Unmerge
from tests.features.conftest import FEATURES
from tests.features.sharing_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.sharing_steps import rpps
from tests.features.worlds.views import Document
from tests.features.worlds.world import World

scenarios(str(FEATURES / "access.feature"))

GROUNDS = {"the care team": "care_team", "consent": "consent", "code": "code"}


def latest(world: World) -> Document:
    """The last request to see Marie's record."""
    return world.accesses("Marie")[-1]


@given(parsers.parse("{doctor} is suspended"))
def suspended(world: World, doctor: str) -> None:
    world.ask(Suspend(rpps=rpps(world, doctor), reason="left the register"))


@step(parsers.parse("{code} knows {name} too, and the two are one person"))
def knows_too(world: World, code: str, name: str) -> None:
    other = world.register(f"{name} at {code}", code, f"{name}-2")
    world.ask(Merge(one=world.identities[name], other=other, reason="same traits"))


@step("the two are unmerged again")
def unmerged(world: World) -> None:
    one, other = world.identities.values()
    world.ask(Unmerge(one=one, other=other, reason="twin sisters"))


@step(
    parsers.re(
        r"(?P<who>rpps:\d+|Dr \w+)(?: of (?P<site>[A-Z-]+))? asks to see (?P<name>\w+)(?P<emergency> in an emergency)?"
        r'(?: with the code "(?P<code>.+)")?(?: because "(?P<reason>.+)")?'
    )
)
def asks(
    world: World, who: str, site: str | None, name: str, emergency: str | None, code: str | None, reason: str | None
) -> None:
    number = rpps(world, who)
    command = OpenAccess(
        identity=world.identities[name],
        rpps=number,
        site=world.code(site) if site else None,
        reason=reason or "second opinion",
        code=code,
        emergency=bool(emergency),
    )
    world.ask(command, actor=f"rpps:{number}")


@step(parsers.parse("{doctor} closes the emergency"))
def closes(world: World, doctor: str) -> None:
    opened = world.accesses("Marie")[0]
    world.ask(CloseEmergency(access=UUID(opened["access"]), rpps=rpps(world, doctor), note="transferred"))


@then(parsers.parse("access is denied by rule {rule}"))
def denied(world: World, rule: str) -> None:
    assert (latest(world)["decision"], latest(world)["rule"]) == ("denied", rule)


@then(
    parsers.re(r"access is granted on the ground of (?P<ground>.+?)(?: at (?P<site>[A-Z-]+))? by rule (?P<rule>X\d+)")
)
def granted(world: World, ground: str, site: str | None, rule: str) -> None:
    last = latest(world)
    assert (last["decision"], last["ground"], last["rule"]) == ("granted", GROUNDS[ground], rule)
    assert site is None or last["site"] == world.code(site)


@then(parsers.parse("access is opened as an emergency by rule {rule}"))
def emergency_opened(world: World, rule: str) -> None:
    last = latest(world)
    assert (last["decision"], last["purpose"], last["rule"]) == ("emergency", "BTG", rule)


@then(parsers.parse("access ends after {hours:d} hours"))
def ends_after(world: World, hours: int) -> None:
    begin, end = (datetime.fromisoformat(latest(world)[name]) for name in ("opened_at", "expires_at"))
    # A consent's own end was set some seconds before the access began.
    assert timedelta() <= timedelta(hours=hours) - (end - begin) < timedelta(seconds=5)


@then("no access is on record")
def none_on_record(world: World) -> None:
    assert world.accesses("Marie") == []


@then(
    parsers.re(r"(?P<count>\d+) requests? of (?P<doctor>Dr \w+) (?:is|are) on record for (?P<name>\w+(?: at [A-Z-]+)?)")
)
def on_record(world: World, count: str, doctor: str, name: str) -> None:
    assert [access["rpps"] for access in world.accesses(name)] == [rpps(world, doctor)] * int(count)


@then(parsers.re(r"the code is (?P<said>not spent|spent)"))
def is_spent(world: World, said: str) -> None:
    statements = world.views.consents(world.identities["Marie"])["statements"]
    assert [s["state"] for s in statements if s["kind"] == "code"] == ["used" if said == "spent" else "in_force"]
