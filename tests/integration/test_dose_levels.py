"""Exposures beside reference levels on PostgreSQL: both answers stand whatever view they are read from."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.commands.rules import PublishRules
from domain.rules.document import document
from krypton.queries.comparing import comparison
from projections.cumulative_dose import queries
from projections.cumulative_dose.asked import Asked
from tests.fakes.region import dose, exposure
from tests.integration.ruled_world import RULES, RuledWorld

pytestmark = pytest.mark.live
DOSES = "cumulative_dose"
SHIPPED = ("dose-acts-1", "reference-levels-2011", "reference-levels-2019")


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    yield made
    made.close()


def over(world: RuledWorld, identity: str) -> dict[str, Any]:
    """By irradiation event, whether it is over the level of its day, and over today's."""
    asked = Asked(compare=comparison(world.ours).exposure)
    with world.ours.snapshot() as connection:
        found = queries.dose(connection, [{"identity": identity}], asked=asked)
    told = {one["irradiation_event_uid"]: one["levels"] for one in found["exposures"]}
    return {uid: [(one["at_exam"]["over"], one["now"]["over"]) for one in levels] for uid, levels in told.items()}


def test_both_answers_stand_after_the_view_was_rebuilt_and_promoted(world: RuledWorld) -> None:
    """DRL case 1: chest PA of 2015, 220 mGy·cm²: not over 250, which was the level; over 200, which is now."""
    shots = [
        {**exposure(uid, dap_mgycm2=dap), "modality": "DX", "protocol": "THORAX PA", "started_at": day}
        for uid, dap, day in (("1.8.1", 220.0, "2015-06-01T09:00:00"), ("1.8.2", 220.0, "2022-06-01T09:00:00"))
    ]
    told = dose("1.9.1", *shots)
    told.said["patient"] = {"age_days": 15_000.0, "weight_kg": None, "size_cm": None, "pregnant": None}
    world.receive(1, told)
    for name in SHIPPED:
        world.ask(PublishRules(document=document(tomllib.loads((RULES / f"{name}.toml").read_text()))))
    world.work(DOSES)
    ((identity,),) = world.query("SELECT identity_id::text FROM cumulative_dose.dose_owner")
    expected = {"1.8.1": [(False, True)], "1.8.2": [(True, True)]}
    assert over(world, identity) == expected
    world.promote(DOSES, world.build(DOSES, reference_levels=2011))
    assert over(world, identity) == expected
