"""Steps that the features of consents and accesses share: who is who, and what Marie says."""

from datetime import timedelta

from pytest_bdd import given, parsers, step, then, when

from domain.aggregates.consent import EVERYONE, Scope
from domain.commands.consents import Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.commands.directory import Affiliate, RegisterProfessional
from tests.features.conftest import World

RPPS = {"Dr Arnaud": "10101201234", "Dr Berger": "10101205678"}


def party(name: str) -> str:
    """A party as the ledger names it: a doctor, an establishment's code, or what is written so already."""
    if name in RPPS:
        return f"rpps:{RPPS[name]}"
    return name if ":" in name or name == EVERYONE else f"site:{name}"


@given(parsers.re(r"(?P<doctor>Dr \w+) works for (?P<code>[A-Z-]+)"))
def works_for(world: World, doctor: str, code: str) -> None:
    world.ask(RegisterProfessional(rpps=RPPS[doctor], name=doctor, profession="radiologist", site=code))


@given(parsers.re(r"(?P<doctor>Dr \w+) also works for (?P<code>[A-Z-]+)"))
def also_works_for(world: World, doctor: str, code: str) -> None:
    world.ask(Affiliate(rpps=RPPS[doctor], site=code))


@given(parsers.re(r"(?P<code>[A-Z-]+) knows (?P<name>\w+)"))
def knows(world: World, code: str, name: str) -> None:
    world.register(name, code, f"{name}-1")


@step(parsers.re(r"(?P<name>\w+) consents to (?P<whom>(?:Dr )?[\w:-]+)"))
def consents(world: World, name: str, whom: str) -> None:
    world.ask(Grant(identity=world.identities[name], party=party(whom)))


@step(parsers.re(r"(?P<name>\w+) consents to (?P<whom>(?:Dr )?[\w:-]+) for (?P<days>-?[\d.]+) days"))
def consents_for(world: World, name: str, whom: str, days: str) -> None:
    # The command's own reading of the clock is a second later, so the end is counted from there.
    ends = world.ledger.clock() + timedelta(days=float(days), seconds=1)
    world.ask(Grant(identity=world.identities[name], party=party(whom), expires_at=ends))


@when(parsers.re(r"(?P<name>\w+) consents to (?P<whom>(?:Dr )?[\w:-]+) but not to (?P<exclusion>\S+)"))
def consents_except(world: World, name: str, whom: str, exclusion: str) -> None:
    world.ask(Grant(identity=world.identities[name], party=party(whom), exclusions=[exclusion]))


@step(parsers.re(r"(?P<name>\w+) revokes her consent to (?P<whom>.+)"))
def revokes(world: World, name: str, whom: str) -> None:
    world.ask(Revoke(identity=world.identities[name], party=party(whom)))


@step(
    parsers.re(
        r"(?P<name>\w+(?: at [A-Z-]+)?) opposes (?P<what>feeding|consultation) by (?P<whom>.+?)"
        r'(?: because "(?P<reason>.+)")?'
    )
)
def opposes(world: World, name: str, what: str, whom: str, reason: str | None) -> None:
    scope = Scope.FEED if what == "feeding" else Scope.CONSULT
    world.ask(Oppose(identity=world.identities[name], party=party(whom), scope=scope, reason=reason))


@step(parsers.re(r"(?P<name>\w+) lifts her opposition to consultation by (?P<whom>.+)"))
def lifts(world: World, name: str, whom: str) -> None:
    world.ask(LiftOpposition(identity=world.identities[name], party=party(whom)))


@step(parsers.parse('{name} is given the code "{code}"'))
def given_code(world: World, name: str, code: str) -> None:
    world.ask(IssueCode(identity=world.identities[name], code=code))


@when(parsers.parse("{days:d} days pass"))
def days_pass(world: World, days: int) -> None:
    world.let_pass(timedelta(days=days))


@then(parsers.parse('the log holds the text "{text}" nowhere'))
def nowhere(world: World, text: str) -> None:
    stored = world.ledger.recorder.select_notifications(0, 1_000)
    assert stored
    assert not any(text.encode() in event.state for event in stored)
