"""Matching rules that weigh, as documents: what may be published, and what the ledger says of a pair under them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.commands.identities import AttachIns
from domain.commands.links import Merge, Propose, Unmerge
from domain.errors import (
    EvidenceGone,
    FieldMissing,
    NothingInIt,
    OutOfRange,
    RuleBroken,
    RuleTooWeak,
    UnknownChoice,
    UnknownField,
)
from domain.matching.model import body as told_of
from domain.matching.pair import evidence, tiers, weighed
from domain.matching.record import Record, record
from domain.rules.document import build, parse, read_document
from domain.rules.matching import MatchingRules
from tests.fakes.region import Region, put_in_force
from tests.fakes.views import Sides
from tests.fakes.weighing import ALIKE, TEST_OID, matricule

SHIPPED = Path(__file__).parents[2] / "rules" / "matching-2.json"


@pytest.fixture
def document() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(SHIPPED.read_text())["body"]
    return body


def model() -> MatchingRules:
    held = read_document(SHIPPED.read_text(), as_json=True)
    rules = build("matching", 2, held.body)
    assert isinstance(rules, MatchingRules)
    return rules


def test_what_ships_is_read_and_says_the_same_again(document: dict[str, Any]) -> None:
    rules = model()
    assert rules.model
    assert told_of(rules.model) == document["model"]


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Change one value of the model; None takes it out."""

    def change(body: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place = body["model"]
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (put("bits.number.different", 0.5), RuleTooWeak, "body.model.bits.number.different: speaks for one person"),
        (put("bits.sex.different", 0), RuleTooWeak, "body.model.bits.sex.different"),
        (put("bits.birth.different", 3), RuleTooWeak, "body.model.bits.birth.different"),
        (put("bits.others.different", 60), RuleTooWeak, "body.model.bits.others.different"),
        (put("bits.used.different", 60), RuleTooWeak, "body.model.bits.used.different"),
        (put("bits.family", None), FieldMissing, "body.model.bits.family: is missing"),
        (put("bits.family.exact", None), FieldMissing, "body.model.bits.family.exact"),
        (put("bits.family.exact", 61), OutOfRange, "body.model.bits.family.exact: is out of range"),
        (put("bits.nose", {}), UnknownField, "body.model.bits.nose: no such field"),
        (put("prior", 1), OutOfRange, "body.model.prior"),
        (put("limits.placeless", "often"), UnknownChoice, "body.model.limits.placeless"),
        (put("limits.review_bits", 7), OutOfRange, "body.model.limits.review_bits: is over strict_bits"),
        (put("limits.strict_bits", -1), OutOfRange, "body.model.limits.strict_bits"),
        (put("family_names.chance", 0), OutOfRange, "body.model.family_names.chance"),
        (put("given_names.common", {"LEA": 2}), OutOfRange, "body.model.given_names.common.LEA"),
        (put("given_names.common", {"LEA": 0.1, "L\0A": 0.1}), OutOfRange, "body.model.given_names.common, name 2"),
        (put("family_names.common", {"": 0.1}), NothingInIt, "body.model.family_names.common, name 1"),
        (put("family_names.common", {"A" * 201: 0.1}), OutOfRange, "body.model.family_names.common, name 1"),
    ],
)
def test_a_model_that_cannot_be_is_refused_with_its_place(
    document: dict[str, Any], change: Callable[[dict[str, Any]], None], error: type[RuleBroken], said: str
) -> None:
    """A contradiction never speaks for one person, whatever a document says."""
    change(document)
    with pytest.raises(error, match=said.replace(".", r"\.")):
        parse("matching", 3, document)


def of(**stated: str | None) -> Record:
    return record({**ALIKE, **stated})


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, ["strict", "review"]),
        ({"family": "FICTIV"}, ["strict", "review"]),
        ({"birth_date": "1970-02-01"}, ["review"]),
        ({"given": "Zoé", "birth_date": "1981-05-06"}, []),
        ({"sex": "M"}, []),
    ],
)
def test_a_pair_alone_has_its_tiers(stated: dict[str, str], expected: list[str]) -> None:
    rules = model().model
    assert rules
    one, other = of(), of(**stated)
    pair = weighed(one, other, rules)
    found = [tier.value for tier in tiers(one, other, pair, rules)]
    assert found == expected or (not expected and "strict" not in found)
    assert evidence(pair)[-1] == f"weight {pair.bits:.1f}"


@pytest.fixture
def region() -> Region:
    """Under the rules that ship."""
    made = Region()
    put_in_force(made, read_document(SHIPPED.read_text(), as_json=True))
    return made


def sides(region: Region, number: str = "1", **stated: str) -> Sides:
    """Two identities of one number each, the second with something stated otherwise."""
    one = region.register("CHB", number, **ALIKE)
    other = region.register("CHP", number, **{**ALIKE, **stated})
    return {"one": one, "other": other}


def asked(rule: str) -> dict[str, Any]:
    return {
        "rule": rule,
        "rule_version": 2,
        "score": 0.99,
        "compared": ["birth exact"],
        "reason": f"{rule} of matching@2",
    }


def test_a_rule_merges_only_whom_the_ledger_finds_alike_itself(region: Region) -> None:
    """L7: a view that lagged may have asked."""
    pair = sides(region, birth_date="1981-05-06")
    for rule in ("strict", "sure"):
        assert type(region.refusal(Merge(**pair, **asked(rule)))) is EvidenceGone
    assert region.ask(Merge(**sides(region, "2"), **asked("strict"))).result["outcome"] == "merged"


def test_what_is_only_worth_a_look_is_proposed_and_not_merged(region: Region) -> None:
    pair = sides(region, birth_date="1970-02-01")
    assert type(region.refusal(Merge(**pair, **asked("review")))) is EvidenceGone
    assert region.ask(Propose(**pair, **asked("review"))).result["outcome"] == "proposed"


def test_a_rule_takes_back_strict_traits_and_never_a_number_of_their_own(region: Region) -> None:
    """Whoever asks has seen a twin; a number that both have is no twin's."""
    pair = sides(region)
    region.ask(Merge(**pair, **asked("strict")))
    back = Unmerge(**pair, reason="strict of matching@2", rule="strict", rule_version=2)
    assert region.ask(back).result["outcome"] == "unmerged"
    for side in (pair["one"], pair["other"]):
        region.ask(AttachIns(identity=side, matricule=matricule(), oid=TEST_OID))
    region.ask(Merge(**pair, **asked("sure")))
    assert type(region.refusal(back)) is EvidenceGone
