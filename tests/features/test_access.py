"""Steps of features/access.feature. What was decided is read from the log, as auditors do."""

from uuid import UUID

from pytest_bdd import given, parsers, scenarios, step, then

from domain.aggregates.consent import Consent
from domain.commands.accesses import CloseEmergency, OpenAccess
from domain.commands.directory import Suspend
from domain.commands.links import Merge, Unmerge
from schemas.event import LedgerEvent
from tests.features.conftest import FEATURES, World
from tests.features.sharing_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.sharing_steps import RPPS

scenarios(str(FEATURES / "access.feature"))

HOUR = 3_600_000_000  # µs
GROUNDS = {"the care team": "care_team", "consent": "consent", "code": "code"}


def accesses(world: World) -> list[LedgerEvent]:
    """Every access event in the log."""
    return [e for e in world.ledger.history() if e.type.startswith("access.")]


@given(parsers.parse("{doctor} is suspended"))
def suspended(world: World, doctor: str) -> None:
    world.ask(Suspend(rpps=RPPS[doctor], reason="left the register"))


@given(parsers.parse("{code} knows {name} too, and the two are one person"))
def knows_too(world: World, code: str, name: str) -> None:
    other = world.register(f"{name} at {code}", code, f"{name}-2")
    world.ask(Merge(one=world.identities[name], other=other, reason="same traits"))


@given("the two are unmerged again")
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
    rpps = RPPS.get(who) or who.removeprefix("rpps:")
    command = OpenAccess(
        identity=world.identities[name],
        rpps=rpps,
        site=site,
        reason=reason or "second opinion",
        code=code,
        emergency=bool(emergency),
    )
    world.ask(command, actor=f"rpps:{rpps}")


@step(parsers.parse("{doctor} closes the emergency"))
def closes(world: World, doctor: str) -> None:
    opened = accesses(world)[0]
    world.ask(CloseEmergency(access=UUID(opened.aggregate_id), rpps=RPPS[doctor], note="transferred"))


@then(parsers.parse("access is denied by rule {rule}"))
def denied(world: World, rule: str) -> None:
    last = accesses(world)[-1]
    assert (last.type, last.data["rule"]) == ("access.denied", rule)


@then(
    parsers.re(r"access is granted on the ground of (?P<ground>.+?)(?: at (?P<site>[A-Z-]+))? by rule (?P<rule>X\d+)")
)
def granted(world: World, ground: str, site: str | None, rule: str) -> None:
    last = accesses(world)[-1]
    assert (last.type, last.data["ground"], last.data["rule"]) == ("access.granted", GROUNDS[ground], rule)
    assert site in (None, last.data["site"])


@then(parsers.parse("access is opened as an emergency by rule {rule}"))
def emergency_opened(world: World, rule: str) -> None:
    last = accesses(world)[-1]
    assert (last.type, last.data["purpose"], last.data["rule"]) == ("access.emergency_opened", "BTG", rule)


@then(parsers.parse("access ends after {hours:d} hours"))
def ends_after(world: World, hours: int) -> None:
    last = accesses(world)[-1]
    # A consent's own end was set some seconds before the access began.
    assert 0 <= hours * HOUR - (last.data["expires_at"] - last.data["recorded_at"]) < 5_000_000


@then("no access is on record")
def none_on_record(world: World) -> None:
    assert accesses(world) == []


@then("the code is not spent")
def not_spent(world: World) -> None:
    consent = world.ledger.find(Consent, Consent.create_id(world.identities["Marie"]))
    assert consent is not None
    assert len(consent.codes) == 1
