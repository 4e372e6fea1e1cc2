"""Steps of features/rules.feature."""

import json
from copy import deepcopy
from typing import Any
from uuid import UUID

from pytest_bdd import parsers, scenarios, step, then, when

from domain.commands.doses import JudgeDose
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted, RolledBack
from domain.errors import RuleBroken
from domain.rules.document import RuleId, document
from tests.fakes import weighing
from tests.fakes.region import dose, exposure
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "rules.feature"))


def publish(world: World, rule_id: str, body: dict[str, Any]) -> None:
    """A rule file is published; what is wrong with it is kept as any refusal is."""
    kind, version = RuleId.parse(rule_id)
    content = {"kind": kind, "version": version, "in_force_from": "2026-01-01", "body": body}
    try:
        told = document(content)
    except RuleBroken as refusal:
        world.refusal = refusal
        return
    world.ask(PublishRules(document=told))


@step(parsers.parse("{rule_id} with {dose_rp_mgy:d} mGy at the reference point is published"))
def publish_alerts(world: World, rule_id: str, dose_rp_mgy: int) -> None:
    publish(world, rule_id, {"dose_rp_mgy": dose_rp_mgy, "dap_mgycm2": 100_000})


@when(parsers.parse("{rule_id} is published in which {trait} different is worth {bits:d} bits"))
def publish_matching(world: World, rule_id: str, trait: str, bits: int) -> None:
    body = deepcopy(weighing.body())
    body["model"]["bits"][trait]["different"] = bits
    publish(world, rule_id, body)


@when(parsers.parse("{rule_id} is published with rules of equal fields"))
def publish_equal(world: World, rule_id: str) -> None:
    publish(world, rule_id, json.loads(weighing.of_equal_fields().body))


@when(parsers.parse("{rule_id} is published with {value:d} {unit}"))
def publish_levels(world: World, rule_id: str, value: int, unit: str) -> None:
    level = {"act": "Chest PA", "modality": "DX", "population": "adult", "quantity": "dap_mgycm2"}
    publish(world, rule_id, {"levels": [level | {"value": value, "unit": unit}]})


@step(parsers.parse("{view} is promoted with {rule_id}"))
def promote(world: World, view: str, rule_id: str) -> None:
    kind, version = RuleId.parse(rule_id)
    world.ask(Promoted(view=view, version=2, former=1, rules={kind: version}))


@when(parsers.parse("{view} is rolled back to {rule_id}"))
def roll_back(world: World, view: str, rule_id: str) -> None:
    kind, version = RuleId.parse(rule_id)
    world.ask(RolledBack(view=view, version=1, former=2, rules={kind: version}))


@step(parsers.parse("a study with {value:d} mGy at the reference point comes in"))
def study(world: World, value: int) -> None:
    world.enroll("CHB")
    world.receive("CHB", doses=(dose("2.25.5", exposure("2.25.51", dose_rp_mgy=value)),))


@when("the study is judged")
def judge(world: World) -> None:
    (study_id,) = {UUID(e.aggregate_id) for e in world.log() if e.type == "study.arrived"}
    world.ask(JudgeDose(study=study_id))


@then(parsers.re(r"(?P<rule_id>[\w-]+@\d+) is published"))
def is_published(world: World, rule_id: str) -> None:
    assert RuleId.parse(rule_id) in world.ledger.rules().published


@then(parsers.parse("{rule_id} is in force"))
def is_in_force(world: World, rule_id: str) -> None:
    kind, version = RuleId.parse(rule_id)
    assert world.ledger.rules().in_force[kind] == version


@then("nothing was written")
def nothing_written(world: World) -> None:
    assert world.answer is not None
    assert world.answer.positions == ()


def raised(world: World) -> list[str]:
    """The rule ids of all alerts that were raised."""
    said = (event.data for event in world.log() if event.type == "dose.alert_raised")
    return [f"{data['rule']}@{data['rule_version']}" for data in said]


@then("0 alerts are raised")
def none_raised(world: World) -> None:
    assert raised(world) == []


@then(parsers.parse("1 alert is raised under {rule_id}"))
def one_raised(world: World, rule_id: str) -> None:
    assert raised(world) == [rule_id]
