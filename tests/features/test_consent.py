"""Steps of features/consent.feature. What a person said is asked of the access history; secrecy, of the log itself."""

from pytest_bdd import parsers, scenarios, then

from domain.consent_statements import EVERYONE
from tests.features.conftest import FEATURES
from tests.features.sharing_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.sharing_steps import party
from tests.features.worlds.world import World

scenarios(str(FEATURES / "consent.feature"))


@then(parsers.re(r'what (?P<name>\w+) said of (?P<doctor>Dr \w+) is "(?P<state>.+)"'))
def said(world: World, name: str, doctor: str, state: str) -> None:
    kinds = {
        statement["kind"]
        for statement in world.views.consents(world.identities[name])["statements"]
        if statement["state"] == "in_force"
        and statement["scope"] == "consult"
        and statement["party"] in (party(world, doctor), EVERYONE)
    }
    assert state == ("no" if "opposition" in kinds else "yes" if "grant" in kinds else "not collected")


@then(parsers.re(r"(?P<what>feeding|consultation) of (?P<name>\w+)'s record is (?P<state>.+)"))
def stands(world: World, what: str, name: str, state: str) -> None:
    standing = world.views.consents(world.identities[name])["standing"]
    assert standing[what] == state.replace(" ", "_")


@then(parsers.parse("what {name} consented to leaves out {exclusion}"))
def leaves_out(world: World, name: str, exclusion: str) -> None:
    statements = world.views.consents(world.identities[name])["statements"]
    assert [statement["exclusions"] for statement in statements] == [[exclusion]]


@then(parsers.parse('the log holds the text "{text}" nowhere'))
def nowhere(world: World, text: str) -> None:
    stored = world.ledger.recorder.select_notifications(world.start, 1_000, inclusive_of_start=False)
    assert stored
    assert not any(text.encode() in event.state for event in stored)
