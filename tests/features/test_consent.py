"""Steps of features/consent.feature."""

from datetime import datetime

from pytest_bdd import parsers, scenarios, then

from domain.aggregates.consent import Consent, Said
from domain.commands.consents import micros
from tests.features.conftest import FEATURES, World
from tests.features.sharing_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.sharing_steps import RPPS

scenarios(str(FEATURES / "consent.feature"))


@then(parsers.re(r'what (?P<name>\w+) said of (?P<doctor>Dr \w+) is "(?P<state>.+)"'))
def said(world: World, name: str, doctor: str, state: str) -> None:
    consent = world.ledger.find(Consent, Consent.create_id(world.identities[name]))
    now: datetime = world.ledger.clock()
    says = consent.says({f"rpps:{RPPS[doctor]}"}, micros(now)) if consent else Said.NOT_COLLECTED
    assert says is Said(state.replace(" ", "_"))
