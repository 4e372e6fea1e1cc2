"""Rule documents: one canonical form, ids, the files that are shipped, and versions in the ledger."""

import json
import tomllib
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from domain.aggregates.ruleset import RuleSet
from domain.commands.rules import PublishRules
from domain.dose_alerts import AlertRules
from domain.dose_levels import ReferenceLevels
from domain.errors import BadVersion, VersionTaken, WrongType
from domain.matching.pair import tiers, weighed
from domain.matching.record import record
from domain.rules.alerts import BUILT_IN_BODY
from domain.rules.document import KINDS, RuleDocument, RuleId, build, canonical_json, document, parse, read_document
from domain.rules.matching import ACTIONS, MERGE, MatchingRules
from tests.fakes.ledger import MemoryLedger
from tests.fakes.weighing import ALIKE, TEST_OID, matricule
from tests.unit.refusals_of_rules import ALERTS, LEVELS, MATCHING

SHIPPED = sorted((Path(__file__).parents[2] / "rules").iterdir())


def alerts(version: int = 2, **change: Any) -> RuleDocument:
    return document(ALERTS | {"version": version} | change)


def shuffled(value: Any) -> Any:
    """The same, with the keys of each table in reverse."""
    if isinstance(value, dict):
        return {key: shuffled(held) for key, held in reversed(value.items())}
    return [shuffled(held) for held in value] if isinstance(value, list) else value


# The canonical form


@pytest.mark.parametrize("content", [ALERTS, MATCHING, LEVELS], ids=lambda c: str(c["kind"]))
def test_the_order_of_keys_in_a_file_changes_no_byte(content: dict[str, Any]) -> None:
    assert document(shuffled(deepcopy(content))) == document(content)


def test_numbers_that_are_equal_are_written_the_same() -> None:
    """2000 and 2000.0 are one level; 2000.5 is another."""
    levels = [{"dose_rp_mgy": value, "dap_mgycm2": 1e5} for value in (2000, 2000.0, 2e3)]
    assert {alerts(body=body).body for body in levels} == {'{"dap_mgycm2":100000,"dose_rp_mgy":2000}'}
    assert alerts(body=levels[0] | {"dose_rp_mgy": 2000.5}).body != alerts(body=levels[0]).body


def test_toml_and_json_of_the_same_rules_are_one_document() -> None:
    toml = (
        'kind = "dose-alerts"\nversion = 2\nin_force_from = 2026-01-01\n[body]\ndose_rp_mgy = 1500\ndap_mgycm2 = 1e5\n'
    )
    assert read_document(toml) == read_document(json.dumps(ALERTS), as_json=True) == alerts()


def test_the_digest_is_of_the_body_s_bytes() -> None:
    """As ``sha256sum`` says it: anybody can check a stored body."""
    assert alerts().digest == sha256(b'{"dap_mgycm2":100000,"dose_rp_mgy":1500}').hexdigest()


@pytest.mark.parametrize("content", [ALERTS, MATCHING, LEVELS], ids=lambda c: str(c["kind"]))
def test_a_published_body_is_read_as_it_was_checked(content: dict[str, Any]) -> None:
    told = document(content)
    assert build(told.kind, told.version, told.body) == parse(content["kind"], content["version"], content["body"])


# Ids


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_id_is_read_back_as_it_is_written(kind: str) -> None:
    assert RuleId.parse(str(RuleId(kind, 2011))) == RuleId(kind, 2011)


# The files that are shipped


def shipped(path: Path) -> RuleDocument:
    return read_document(path.read_text(), as_json=path.suffix == ".json")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_each_shipped_file_is_valid_and_named_after_its_id(path: Path) -> None:
    told = shipped(path)
    assert path.stem == f"{told.kind}-{told.version}"


def test_a_file_of_each_kind_is_shipped() -> None:
    assert {shipped(path).kind for path in SHIPPED} == set(KINDS)


def test_the_shipped_thresholds_are_those_built_in() -> None:
    (told,) = [read_document(path.read_text()) for path in SHIPPED if path.name == "dose-alerts-1.toml"]
    assert build(told.kind, told.version, told.body) == AlertRules()
    assert told.body == canonical_json(BUILT_IN_BODY)


def test_the_shipped_levels_differ_as_the_texts_of_law_do() -> None:
    """Chest PA: 250 mGy·cm² in 2011, 200 in 2019."""
    found = {}
    for year in (2011, 2019):
        (path,) = [p for p in SHIPPED if p.name == f"reference-levels-{year}.toml"]
        levels = parse("reference-levels", year, tomllib.loads(path.read_text())["body"])
        assert isinstance(levels, ReferenceLevels)
        found[year] = [level.value for level in levels.of("Chest PA", "DX", "adult", None)]
    assert found == {2011: [250.0], 2019: [200.0]}


def test_the_shipped_levels_of_2019_have_the_values_and_guide_values_of_the_text() -> None:
    """ASN decision 2019-DC-0667, annex 2, table 2.1: NRD and VGD of each act, mGy·cm²."""
    (path,) = [p for p in SHIPPED if p.name == "reference-levels-2019.toml"]
    found = tomllib.loads(path.read_text())["body"]["levels"]
    assert {level["act"]: (level["value"], level["guide"]) for level in found} == {
        "Chest PA": (200, 150),
        "Chest lateral": (550, 400),
        "Abdomen, plain": (3400, 2300),
        "Pelvis AP": (3800, 2750),
        "Hip": (1350, 950),
        "Cervical spine": (400, 250),
        "Thoracic spine AP": (1000, 750),
        "Thoracic spine lateral": (1150, 900),
        "Lumbar spine AP": (2700, 1950),
        "Lumbar spine lateral": (3900, 2650),
        "Panoramic dental (OPT)": (150, 100),
    }


@pytest.mark.parametrize(
    ("stated", "order"), [({"given": "Zoe"}, "001"), ({}, "002")], ids=["one number", "two numbers"]
)
def test_the_shipped_matching_rules_merge_no_twins(stated: dict[str, str], order: str) -> None:
    """Neither two who share a number by mistake, nor two whose numbers differ though all strict traits agree."""
    (path,) = [path for path in SHIPPED if path.suffix == ".json"]
    rules = build("matching", 2, shipped(path).body)
    assert isinstance(rules, MatchingRules)
    assert rules.model
    one = record(ALIKE, f"{TEST_OID}|{matricule()}")
    twin = record(ALIKE | stated, f"{TEST_OID}|{matricule(order)}")
    found = tiers(one, twin, weighed(one, twin, rules.model), rules.model)
    assert MERGE not in {ACTIONS[tier] for tier in found}


# Versions in the ledger


def publish(ledger: MemoryLedger, told: RuleDocument) -> tuple[list[str], dict[str, Any]]:
    """What was written, and what was answered."""
    before = ledger.recorder.max_notification_id() or 0
    answer = ledger.ask(PublishRules(document=told))
    return [event.type for event in ledger.history(before)], dict(answer.result)


def test_the_first_version_opens_its_kind_and_a_later_one_does_not() -> None:
    ledger = MemoryLedger()
    assert publish(ledger, alerts(2))[0] == ["rules.opened", "rules.published"]
    assert publish(ledger, alerts(7))[0] == ["rules.published"]


def test_the_event_says_what_the_file_says() -> None:
    ledger = MemoryLedger()
    told = alerts(title="Ours")
    publish(ledger, told)
    said = ledger.history()[-1].data
    assert {name: said[name] for name in ("kind", "version", "body", "in_force_from", "digest", "label")} == {
        "kind": "dose-alerts",
        "version": 2,
        "body": told.body,
        "in_force_from": "2026-01-01",
        "digest": told.digest,
        "label": "Ours",
    }
    assert said["ruleset_id"] == str(RuleSet.create_id("dose-alerts"))


def test_the_same_version_again_writes_nothing_and_answers_the_same() -> None:
    ledger = MemoryLedger()
    _, first = publish(ledger, alerts())
    assert publish(ledger, alerts(title="another title")) == ([], first)
    publish(ledger, alerts(3))
    assert publish(ledger, alerts(2)) == ([], first)


def test_kinds_count_their_versions_apart() -> None:
    ledger = MemoryLedger()
    publish(ledger, document(LEVELS))
    assert publish(ledger, document(MATCHING))[0] == ["rules.opened", "rules.published"]


def test_a_version_that_was_left_out_is_never_filled_in() -> None:
    """G3: else a view built yesterday would have had it to choose from."""
    under_test = RuleSet("dose-alerts")
    under_test.publish(alerts(2011))
    with pytest.raises(BadVersion, match="give it version 2012"):
        under_test.publish(alerts(2010))


def test_a_published_version_says_the_same_for_ever() -> None:
    """G4."""
    under_test = RuleSet("dose-alerts")
    under_test.publish(alerts())
    with pytest.raises(VersionTaken, match="give the new rules version 3"):
        under_test.publish(alerts(body={"dose_rp_mgy": 1, "dap_mgycm2": 1}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_nothing_is_refused(kind: str) -> None:
    """Published once it is there for ever, and nobody could read the rules of that kind again."""
    told = f'{{"kind": "{kind}", "version": 2, "in_force_from": "2026-01-01", "body": null}}'
    with pytest.raises(WrongType, match="body: is nothing: write a table"):
        read_document(told, as_json=True)
