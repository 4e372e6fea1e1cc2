"""Steps that the features of consents and accesses share: who is who, and what Marie says."""

from datetime import timedelta

from pytest_bdd import given, parsers, step, when

from domain.commands.consents import Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.commands.directory import Affiliate, RegisterProfessional
from domain.consent_statements import EVERYONE, Scope
from tests.features.worlds.world import World

RPPS = {"Dr Arnaud": "10101201233", "Dr Berger": "10101205671"}


def rpps(world: World, doctor: str) -> str:
    """The number of a doctor, who is called by name or by a number."""
    return world.rpps(RPPS.get(doctor) or doctor.removeprefix("rpps:"))


def party(world: World, name: str) -> str:
    """A party as the ledger names it: a doctor, an establishment, or everyone."""
    if name == EVERYONE:
        return EVERYONE
    return f"rpps:{rpps(world, name)}" if name in RPPS or name.startswith("rpps:") else f"site:{world.code(name)}"


@given(parsers.re(r"(?P<doctor>Dr \w+) works for (?P<code>[A-Z-]+)"))
def works_for(world: World, doctor: str, code: str) -> None:
    world.ask(
        RegisterProfessional(rpps=rpps(world, doctor), name=doctor, profession="radiologist", sites=(world.code(code),))
    )


@given(parsers.re(r"(?P<doctor>Dr \w+) also works for (?P<code>[A-Z-]+)"))
def also_works_for(world: World, doctor: str, code: str) -> None:
    world.ask(Affiliate(rpps=rpps(world, doctor), site=world.code(code)))


@given(parsers.re(r"(?P<code>[A-Z-]+) knows (?P<name>\w+)"))
def knows(world: World, code: str, name: str) -> None:
    world.register(name, code, f"{name}-1")


@step(parsers.re(r"(?P<name>\w+) consents to (?P<whom>(?:Dr )?[\w:-]+)"))
def consents(world: World, name: str, whom: str) -> None:
    world.ask(Grant(identity=world.identities[name], party=party(world, whom)))


@step(parsers.re(r"(?P<name>\w+) consents to (?P<whom>(?:Dr )?[\w:-]+) for (?P<days>-?[\d.]+) days"))
def consents_for(world: World, name: str, whom: str, days: str) -> None:
    # The command's own reading of the clock is a second later, so the end is counted from there.
    ends = world.ledger.clock() + timedelta(days=float(days), seconds=1)
    world.ask(Grant(identity=world.identities[name], party=party(world, whom), expires_at=ends))


@when(parsers.re(r"(?P<name>\w+) consents to (?P<whom>(?:Dr )?[\w:-]+) but not to (?P<exclusion>\S+)"))
def consents_except(world: World, name: str, whom: str, exclusion: str) -> None:
    world.ask(Grant(identity=world.identities[name], party=party(world, whom), exclusions=[exclusion]))


@step(parsers.re(r"(?P<name>\w+) revokes her consent to (?P<whom>.+)"))
def revokes(world: World, name: str, whom: str) -> None:
    world.ask(Revoke(identity=world.identities[name], party=party(world, whom)))


@step(
    parsers.re(
        r"(?P<name>\w+(?: at [A-Z-]+)?) opposes (?P<what>feeding|consultation) by (?P<whom>.+?)"
        r'(?: because "(?P<reason>.+)")?'
    )
)
def opposes(world: World, name: str, what: str, whom: str, reason: str | None) -> None:
    scope = Scope.FEED if what == "feeding" else Scope.CONSULT
    world.ask(Oppose(identity=world.identities[name], party=party(world, whom), scope=scope, reason=reason))


@step(parsers.re(r"(?P<name>\w+) lifts her opposition to consultation by (?P<whom>.+)"))
def lifts(world: World, name: str, whom: str) -> None:
    world.ask(LiftOpposition(identity=world.identities[name], party=party(world, whom)))


@step(parsers.parse('{name} is given the code "{code}"'))
def given_code(world: World, name: str, code: str) -> None:
    world.ask(IssueCode(identity=world.identities[name], code=code))


@when(parsers.parse("{days:d} days pass"))
def days_pass(world: World, days: int) -> None:
    world.let_pass(timedelta(days=days))
