"""Steps of features/directory_import.feature; those of any list are in ``import_steps``."""

from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then

from domain.commands.directory import EnrollSite
from krypton.intake.directory_csv import PROFESSIONALS, SITES
from tests.features.conftest import FEATURES
from tests.features.import_steps import *  # noqa: F403 - pytest-bdd finds steps among the names of this module
from tests.features.import_steps import Desk, columns

scenarios(str(FEATURES / "directory_import.feature"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty ledger; of what the list is, the list's own step says."""
    return Desk(tmp_path, SITES, "operator:desk")


@given(parsers.re(r"a list in (?P<encoding>\S+) of (?P<of>sites|professionals) with the columns (?P<names>.+)"))
def a_list(desk: Desk, encoding: str, of: str, names: str) -> None:
    desk.kind = {kind.name: kind for kind in (SITES, PROFESSIONALS)}[of]
    columns(desk, encoding, names)


@given("the sites CHB and CHP are enrolled")
def enrolled(desk: Desk) -> None:
    for code in ("CHB", "CHP"):
        desk.ledger.ask(EnrollSite(code=code, name=f"Hospital {code}"))


@then(parsers.parse("what {ae_title} sends comes from {code}"))
def sends_as(desk: Desk, ae_title: str, code: str) -> None:
    assert desk.ledger.log.site_of(ae_title) == code


@then(parsers.parse("{rpps:d} works for CHB and CHP"))
def works_for(desk: Desk, rpps: int) -> None:
    assert desk.ledger.directory().professionals[str(rpps)].sites == {"CHB", "CHP"}


@then("the ledger is empty")
def is_empty(desk: Desk) -> None:
    assert desk.types() == []
