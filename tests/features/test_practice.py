"""A device's doses beside the region's: on PostgreSQL, which makes the figures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import parsers, scenarios, step, then, when

from krypton.services import region
from tests.features.conftest import FEATURES
from tests.integration.region_world import RegionWorld

pytestmark = pytest.mark.live
scenarios(str(FEATURES / "practice.feature"))
PLACES = {"above the third quartile": "above", "below the first quartile": "below", "between the quartiles": "within"}
SPREAD = (-5.0, -3.0, -1.0, 1.0, 3.0, 5.0)


@pytest.fixture
def practice(installed_url: str, tmp_path: Path) -> Iterator[RegionWorld]:
    made = RegionWorld(installed_url, tmp_path)
    yield made
    made.close()


@step(parsers.parse("chest radiographs of 6 patients at {site} with medians of {median:g} mGy.cm2"))
def given_at(practice: RegionWorld, site: str, median: float) -> None:
    for person, more in enumerate(SPREAD):
        practice.give(site, f"P{person}", median + more)


@step("practice is compared with the region")
def compared(practice: RegionWorld) -> None:
    practice.compare()


@when("a mapping is published that calls them chest of any view")
def mapped_otherwise(practice: RegionWorld) -> None:
    entry = {"act": "Chest", "protocols": ["thorax pa"], "modalities": ["DX"]}
    practice.publish("dose-acts", 2, {"entries": [entry]})


@when("the worker of practice looks again")
def looks(practice: RegionWorld) -> None:
    assert region.look(practice.ours)


@then(parsers.parse("{site} is told that {count:d} establishments are too few"))
def too_few(practice: RegionWorld, site: str, count: int) -> None:
    told = practice.beside(site)
    assert (told["too_small"], told["sites"], told["median"]) == (True, count, None)


@then(parsers.re(r"(?P<site>\w+) is told that its median lies (?P<where>.+) of (?P<count>\d+) establishments"))
def lies(practice: RegionWorld, site: str, where: str, count: str) -> None:
    (group,) = practice.page(site)["groups"]
    assert (group["region"]["lies"], group["region"]["sites"]) == (PLACES[where], int(count))


@then(parsers.parse("{site} is told that there is no comparison by the rules in force"))
def of_other_rules(practice: RegionWorld, site: str) -> None:
    found = practice.page(site)
    assert (found["region"]["state"], [one["region"] for one in found["groups"]]) == ("other_rules", [None])
