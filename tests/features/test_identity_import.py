"""Steps of features/identity_import.feature; those of any list are in ``import_steps``."""

from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then

from domain.commands.directory import EnrollSite
from krypton.intake.identity_csv import IDENTITIES
from tests.features.conftest import FEATURES
from tests.features.import_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.import_steps import Desk

scenarios(str(FEATURES / "identity_import.feature"))


def people(desk: Desk) -> list[dict[str, str]]:
    return [event.data["traits"] for event in desk.ledger.history() if event.type == "identity.registered"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Nobody is known yet."""
    return Desk(tmp_path, IDENTITIES, "clerk:desk")


@given("the establishment CHB is enrolled")
def enrolled(desk: Desk) -> None:
    desk.ledger.ask(EnrollSite(code="CHB", name="CH de la Côte"))


@then(parsers.parse("the last one is {family} {given_name}, born {day}"))
def is_last(desk: Desk, family: str, given_name: str, day: str) -> None:
    last = people(desk)[-1]
    assert (last["family"], last["given"], last["birth_date"]) == (family, given_name, day)


@then("the ledger holds nobody")
def holds_nobody(desk: Desk) -> None:
    assert people(desk) == []
