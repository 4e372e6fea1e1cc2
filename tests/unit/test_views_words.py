"""What versions differ in and what a promotion decides, as people read it: at 80 columns, each in words."""

from typing import Any

import pytest

from domain.matching.tier import Tier
from domain.rules.matching import ACTIONS
from krypton.cli.views_compared import print_preview, print_summary
from krypton.cli.views_words import AFTERWARDS, DECIDED, TIER, by_rule, worded
from krypton.views.raise_due import SAID

WIDTH = 80
SUMMARY: dict[str, Any] = {
    "view": "identity_index",
    "live": 1,
    "candidate": 2,
    "equal": False,
    "settled": True,
    "dead_letters": {"live": 0, "candidate": 0},
    "persons": {"joined": 12_000, "split": 3, "unchanged": 5_876_543, "proposed": 800},
    "tables": [
        {"table": "candidate_key", "added": 1_500_000, "gone": 0, "changed": 0, "columns": []},
        {"table": "link", "added": 0, "gone": 0, "changed": 0, "columns": []},
    ],
}
PREVIEW: dict[str, Any] = {
    **SUMMARY,
    "written": False,
    "former_rules": {"matching": 1},
    "rules": {"matching": 2},
    "unfinished": 0,
    "decisions": [
        {"decision": kind, "rule": rule, "rule_version": 2, "count": 12_345}
        for kind, rule in (
            *(("unmerged", "strict"), ("unmerged", "strict-traits"), ("merged", "sure"), ("merged", "strict")),
            *(("proposed", "review"), ("alerts", "dose-alerts"), ("judged", "dose-alerts")),
        )
    ],
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def test_all_is_told_within_80_columns_and_what_does_not_differ_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_preview(PREVIEW, as_json=False)
    said = capsys.readouterr()
    assert max(map(len, said.out.splitlines())) <= WIDTH
    assert said.err == ""
    assert "candidate_key" in said.out
    assert "link" not in said.out
    for word in ("joined", "split", "unchanged", "worklist", "taken back", "strict-traits@2", "dose-alerts@2"):
        assert word in said.out


def test_a_diff_of_equal_versions_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary({**SUMMARY, "equal": True}, as_json=False)
    assert capsys.readouterr().out.endswith("v1 and v2 are equal\n")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"settled": False}, "the two have not read equally far"),
        ({"dead_letters": {"live": 0, "candidate": 4}}, "dead letters: 0 in v1 and 4 in v2"),
        ({"unfinished": 1}, "was cut short, and some of this may follow from it"),
    ],
)
def test_what_makes_the_counts_doubtful_is_said(
    told: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_preview({**PREVIEW, **told}, as_json=False)
    assert said in capsys.readouterr().err


def test_each_decision_and_each_rule_has_its_words() -> None:
    assert {*SAID.values(), "alerts"} <= DECIDED.keys()
    assert not DECIDED.keys() & AFTERWARDS.keys()
    assert TIER.keys() == ACTIONS.keys() == {*Tier} - {Tier.LEFT}


def test_a_difference_is_listed_in_the_same_words() -> None:
    row = {"change": "proposed", "persons": ["a", "b"], "rules": [{"rule": "review", "rule_version": 2}]}
    assert worded(row)["change"] == "put on the worklist"
    assert worded(row)["rules"] == ["probably one person, too little for a merge (review, matching@2)"]
    assert worded({"change": "joined"})["change"] == "joined"
    assert worded({"change": "no_longer_over"})["change"] == "no longer over a level"
    assert worded({"change": "added", "key": "k"}) == {"change": "added", "key": "k"}  # of a row of a table


def test_a_rule_of_an_older_program_is_named_as_it_was() -> None:
    assert by_rule({"rule": "strict-traits", "rule_version": 1}) == "strict-traits@1"
