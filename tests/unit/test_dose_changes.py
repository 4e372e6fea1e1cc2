"""What other rules would change: which exposures change act, which flags, which findings; and what stays unsaid."""

import tomllib
from datetime import date
from typing import Any

import pytest

from domain.commands.rules import PublishRules
from domain.dose_acts import marks
from domain.dose_changes import changes
from domain.dose_flags import Comparison
from domain.rules.document import RuleDocument, document
from tests.fakes.region import Region
from tests.unit.test_dose_findings import DAY_2011, DAY_2019, shots
from tests.unit.test_dose_flags import RULES

TODAY = date(2026, 1, 1)
SHIPPED: dict[str, Any] = {
    name: tomllib.loads((RULES / f"{name}.toml").read_text())
    for name in ("dose-acts-1", "reference-levels-2011", "reference-levels-2019")
}
ENTRY = {"act": "Chest PA", "modalities": ["DX"], "protocols": ["poumons debout"]}


def mapping(*more: dict[str, Any], begins: str = "2012-01-14") -> RuleDocument:
    """The mapping that ships, and more entries."""
    entries = [*SHIPPED["dose-acts-1"]["body"]["entries"], *more]
    return document({"kind": "dose-acts", "version": 2, "in_force_from": begins, "body": {"entries": entries}})


def levels(begins: str, value: float) -> RuleDocument:
    """A text of one level, of chests."""
    level = {"act": "Chest PA", "modality": "DX", "population": "adult", "quantity": "dap_mgycm2", "unit": "mGy.cm2"}
    body = {"levels": [{**level, "value": value}]}
    return document({"kind": "reference-levels", "version": 2030, "in_force_from": begins, "body": body})


def changed(rows: list[dict[str, Any]], told: RuleDocument, today: date = TODAY) -> dict[str, list[dict[str, Any]]]:
    """``today``: by when the document counts."""
    region = Region()
    for raw in SHIPPED.values():
        region.ask(PublishRules(document=document(raw)))
    rules = region.rules()
    asked = rules.with_document(told)
    was = Comparison(rules.acts(TODAY), rules.levels, TODAY)
    becomes = Comparison(asked.acts(today), asked.levels, today)
    found = changes([{**row, "told": marks(row, row)} for row in rows], was, becomes, str)
    assert rules.published.keys() == region.rules().published.keys()  # nothing was published
    return found


def test_a_new_entry_shows_which_exposures_change_act_and_what_is_found_of_them() -> None:
    rows = shots([300.0] * 20 + [100.0] * 10, protocol="Poumons debout") + shots([100.0], protocol="Thorax PA")
    found = changed(rows, mapping(ENTRY))
    (act,) = found["acts"]
    assert (act["protocol"], act["was"], act["becomes"], act["exposures"]) == (
        "Poumons debout",
        "unmapped",
        "Chest PA",
        30,
    )
    told = {(one["side"], one["change"]): one["exposures"] for one in found["flags"]}
    both = {("at_exam", "newly compared"): 30, ("at_exam", "newly over"): 20}
    assert told == both | {("now", change): count for (_, change), count in both.items()}
    then, now = found["findings"]
    assert [one["persons"] for one in then["was"]] == [1]
    assert [(one["rule"], one["persons"], one["said"]) for one in then["becomes"]] == [
        ("reference-levels@2011", 30, "not over the level")  # the mean of 31 exposures: 229
    ]
    assert [(one["value"], one["said"]) for one in now["becomes"]] == [(300.0, "over the level")]


def test_an_entry_that_is_taken_away_leaves_nothing_compared() -> None:
    rows = shots([300.0] * 30)
    entries = [one for one in SHIPPED["dose-acts-1"]["body"]["entries"] if one["act"] != "Chest PA"]
    raw = {"kind": "dose-acts", "version": 2, "in_force_from": "2012-01-14", "body": {"entries": entries}}
    found = changed(rows, document(raw))
    assert [(one["was"], one["becomes"], one["exposures"]) for one in found["acts"]] == [("Chest PA", "unmapped", 30)]
    assert {one["change"] for one in found["flags"]} == {"no longer compared", "no longer over"}
    assert [one["becomes"] for one in found["findings"]] == [[], []]


def test_another_text_changes_flags_and_findings_and_no_act() -> None:
    """From its day on: exams of before stay as they were at the exam."""
    rows = shots([190.0] * 30, DAY_2011) + [
        {**one, "identity": f"q{one['identity']}"} for one in shots([190.0] * 30, DAY_2019)
    ]
    found = changed(rows, levels("2025-01-01", 180.0))
    assert found["acts"] == []
    assert [(one["side"], one["change"], one["exposures"]) for one in found["flags"]] == [
        ("at_exam", "newly over", 30),
        ("now", "newly over", 60),
    ]
    said = {
        one["side"]: tuple([text["rule"] for text in one[side]] for side in ("was", "becomes"))
        for one in found["findings"]
    }
    assert said == {
        "at_exam": (
            ["reference-levels@2011", "reference-levels@2019"],
            ["reference-levels@2011", "reference-levels@2030"],
        ),
        "now": (["reference-levels@2019"], ["reference-levels@2030"]),
    }


def test_a_text_of_a_day_to_come_changes_nothing_before_that_day() -> None:
    rows = shots([190.0] * 30, DAY_2019)
    assert changed(rows, levels("2027-01-01", 180.0)) == {"acts": [], "flags": [], "findings": []}
    later = changed(rows, levels("2027-01-01", 180.0), date(2027, 1, 1))
    assert [(one["side"], one["change"]) for one in later["flags"]] == [("now", "newly over")]


@pytest.mark.parametrize(("people", "count"), [(4, None), (5, 5)])
def test_of_a_group_of_too_few_persons_no_number_is_told(people: int, count: int | None) -> None:
    found = changed(shots([300.0] * people, DAY_2019, protocol="Poumons debout"), mapping(ENTRY))
    assert {(one["persons_compared"], one["exposures"]) for one in found["flags"]} == {(people, count)}


def test_the_rules_as_they_are_change_nothing() -> None:
    rows = shots([300.0] * 30) + shots([60.0] * 30, population="child", patient={"weight_kg": 19.0})
    assert changed(rows, mapping()) == {"acts": [], "flags": [], "findings": []}
