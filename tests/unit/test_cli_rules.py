"""krypton rules: files published, listed and shown; from the ledger alone."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.commands.views import Promoted
from domain.ports import Answer
from domain.work import Command, Envelope
from krypton.cli import rules as under_test
from krypton.cli.main import run
from tests.fakes.ledger import MemoryLedger
from tests.fakes.region import put_in_force
from tests.fakes.weighing import of_equal_fields
from tests.unit.refusals_of_rules import ALERTS, LEVELS, MATCHING


class Ours:
    """What ``Krypton`` is to these commands."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    def execute(self, command: Command, by: Envelope) -> Answer:
        """See ``krypton.bootstrap.Krypton``."""
        return self.ledger.execute(command, by)


class Said(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str


class Desk:
    """A command line on a ledger in memory, and a folder of rule files."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.ours = Ours()
        self._folder = folder
        self._capsys = capsys

    def file(self, content: Any, name: str = "rules.json") -> str:
        """A rule file's path."""
        path = self._folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def say(self, *words: str) -> Said:
        code = run(["rules", *words])
        return Said(code, *self._capsys.readouterr())

    def ask(self, *words: str) -> Any:
        said = self.say(*words, "--json")
        assert said.code == 0, said.err
        return json.loads(said.out)

    def history(self) -> Sequence[str]:
        return [event.type for event in self.ours.ledger.history()]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path, capsys)
    monkeypatch.setattr(under_test, "krypton", lambda: made.ours)
    return made


def test_a_published_file_is_answered_with_its_id_and_positions(desk: Desk) -> None:
    told = desk.ask("publish", desk.file(ALERTS))
    assert (told["rules"], told["positions"], len(told["digest"])) == ("dose-alerts@2", [1, 2], 64)


def test_the_same_file_again_writes_nothing(desk: Desk) -> None:
    desk.say("publish", desk.file(ALERTS))
    assert desk.ask("publish", desk.file(ALERTS))["positions"] == []
    said = desk.say("publish", desk.file(ALERTS)).out
    assert "nothing to write" in said
    assert "dose-alerts@2" in said


def test_a_check_needs_no_ledger_and_writes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(under_test, "krypton")
    assert desk.say("publish", "--check", desk.file(LEVELS)).out.startswith(
        "valid: rules reference-levels@2011, digest "
    )
    assert desk.history() == []


@pytest.mark.parametrize("option", [[], ["--check"]], ids=str)
def test_a_mistake_is_said_with_its_path_and_its_rule(desk: Desk, option: list[str]) -> None:
    wrong = LEVELS | {"body": {"levels": [LEVELS["body"]["levels"][0] | {"unit": "Sv"}]}}
    said = desk.say("publish", *option, desk.file(wrong))
    assert said.code == 1
    assert said.err == "refused: body.levels[0].unit: Sv is not a unit of dlp_mgycm: write one of mGycm (G12)\n"


@pytest.mark.parametrize("name", ["rules.yaml", "rules"])
def test_a_file_of_another_form_is_wrong_usage(desk: Desk, name: str) -> None:
    said = desk.say("publish", desk.file(ALERTS, name))
    assert (said.code, "neither in .toml nor in .json" in said.err) == (2, True)


def test_a_file_that_is_not_there_or_not_text_is_wrong_usage(desk: Desk, tmp_path: Path) -> None:
    assert desk.say("publish", str(tmp_path / "none.toml")).code == 2
    (tmp_path / "latin.toml").write_bytes("title = 'é'".encode("latin-1"))
    said = desk.say("publish", str(tmp_path / "latin.toml"))
    assert (said.code, "not UTF-8" in said.err) == (2, True)


def test_before_anything_is_published_the_built_in_thresholds_are_listed(desk: Desk) -> None:
    rows = [(row["rules"], row["in_force"], row["title"], row["position"]) for row in desk.ask("list")]
    assert rows == [(rules, True, "built in", None) for rules in ("dose-alerts@1", "plausible-doses@1", "retention@1")]


def test_the_list_shows_which_version_is_in_force(desk: Desk) -> None:
    for content in (ALERTS, MATCHING):
        desk.say("publish", desk.file(content))
    desk.ours.ledger.ask(Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": 2}))
    found = {row["rules"]: row["in_force"] for row in desk.ask("list")}
    assert found == {
        "dose-alerts@1": False,
        "dose-alerts@2": True,
        "matching@1": False,
        "plausible-doses@1": True,
        "retention@1": True,
    }
    assert "dose-alerts@2" in desk.say("list").out


@pytest.mark.parametrize("content", [ALERTS, MATCHING, LEVELS], ids=lambda c: str(c["kind"]))
def test_what_was_published_is_shown_as_it_was_written(desk: Desk, content: dict[str, Any]) -> None:
    desk.say("publish", desk.file(content))
    rule_id = f"{content['kind']}@{content['version']}"
    told = desk.ask("show", rule_id)
    assert (told["body"], told["in_force_from"], told["position"]) == (content["body"], "2026-01-01", 2)
    assert rule_id in desk.say("show", rule_id).out


@pytest.mark.parametrize("kind", ["dose-alerts", "plausible-doses"])
def test_built_in_rules_are_shown_as_the_shipped_file_says_them(desk: Desk, kind: str) -> None:
    shipped = Path(__file__).parents[2] / f"rules/{kind}-1.toml"
    before = desk.ask("show", f"{kind}@1")
    desk.say("publish", str(shipped))
    after = desk.ask("show", f"{kind}@1")
    assert (before["digest"], before["body"]) == (after["digest"], after["body"])


def test_rules_that_nobody_published_are_not_found(desk: Desk) -> None:
    said = desk.say("show", "matching@1")
    assert (said.code, said.err) == (3, "not found: rules matching@1 were not published: see krypton rules list\n")


def test_what_is_no_rule_id_is_refused(desk: Desk) -> None:
    said = desk.say("show", "matching")
    assert (said.code, "write KIND@VERSION" in said.err) == (1, True)


WRONG = """kind = "reference-levels"
version = 7
in_force_from = "2026-01-01"

[[body.levels]]
act = "Brain"
modality = "CT"
population = "adult"
quantity = "dlp_mgycm"
value = 1050
unit = "mGy.cm"

[[body.levels]]
act = "Chest"
modality = "CT"
population = "adult"
quantity = "dlp_mgycm"
value = 475
unit = "mGy"
"""


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("", "", "refused: line 19, body.levels[1].unit: mGy is not a unit"),
        ('act = "Brain"\n', "", "refused: line 5, body.levels[0].act: "),
        ("version = 7", "version = 0", "refused: line 2, version: is not a whole number"),
        ("value = 475", "value = 0", "refused: line 18, body.levels[1].value"),
        ("value = 475", "value = ", "the file is not TOML"),
    ],
)
@pytest.mark.parametrize("option", [["--check"], []])
def test_a_mistake_in_a_file_is_said_with_its_line_and_key_and_nothing_is_published(
    desk: Desk, option: list[str], wrong: str, right: str, words: str
) -> None:
    content = WRONG.replace('"mGy"', '"mGy.cm"') if wrong else WRONG
    said = desk.say("publish", desk.file(content.replace(wrong, right), "rules.toml"), *option)
    assert said.code == 1
    assert words in said.err
    assert "line " in said.err
    assert desk.history() == []


MANY = """kind = "reference-levels"
version = 0
in_force_from = "soon"

[[body.levels]]
act = "Brain"
modality = "CT"
population = "adult"
quantity = "dlp_mgycm"
value = 1050
unit = "mGy.cm"

[[body.levels]]
act = 7
modality = "scanner"
population = "everybody"
quantity = "dlp_mgycm"
unit = "mGy"
colour = "red"

[[body.levels]]
act = "Brain"
modality = "CT"
population = "adult"
quantity = "dlp_mgycm"
value = 900
unit = "mGy.cm"
"""
WRONG_WITH_IT = [
    (2, "version", "G3"),
    (19, "body.levels[1].colour", "G7"),
    (14, "body.levels[1].act", "G9"),
    (15, "body.levels[1].modality", "G10"),
    (16, "body.levels[1].population", "G11"),
    (13, "body.levels[1].value", "G8"),
    (18, "body.levels[1].unit", "G12"),
    (21, "body.levels[2]", "G15"),
    (3, "in_force_from", "G5"),
]


@pytest.mark.parametrize("option", [[], ["--check"]], ids=str)
def test_all_that_is_wrong_with_a_file_is_said_at_once(desk: Desk, option: list[str], tmp_path: Path) -> None:
    """A line for each, with its line in the file: who corrects a file does it once."""
    (tmp_path / "many.toml").write_text(MANY)
    said = desk.say("publish", *option, str(tmp_path / "many.toml"))
    assert said.code == 1
    found = [re.fullmatch(r"refused: line (\d+), ([^:]+): .* \((G\d+)\)", line) for line in said.err.splitlines()]
    assert [(int(one[1]), one[2], one[3]) for one in found if one] == WRONG_WITH_IT
    assert len(found) == len(WRONG_WITH_IT)


def test_rules_of_equal_fields_are_refused_with_what_to_do(desk: Desk) -> None:
    """G17: they merge twins, and see no contradiction."""
    said = desk.say("publish", desk.file(MATCHING | {"body": json.loads(of_equal_fields().body)}))
    assert said.code == 1
    assert said.err.startswith("refused: body.rules: rules of equal fields merge twins, and see no contradiction: ")
    assert "train-matching" in said.err
    assert said.err.endswith("rules/matching-2.json (G17)\n")
    assert desk.history() == []


def test_rules_of_equal_fields_that_an_older_program_published_are_listed_and_shown(desk: Desk) -> None:
    """And decide nothing, also where a view made with them was promoted."""
    put_in_force(desk.ours.ledger, told := of_equal_fields())
    (row,) = [row for row in desk.ask("list") if row["rules"] == "matching@1"]
    assert (row["in_force"], row["title"]) == (False, "Equal fields")
    assert desk.ask("show", "matching@1")["body"] == json.loads(told.body)
    said = desk.say("show", "matching@1").out
    assert "strict-traits" in said
    assert "decide nothing any more" in said


def test_in_json_all_is_said_by_its_path(desk: Desk) -> None:
    levels = [{**LEVELS["body"]["levels"][0], "unit": "Sv", "value": -1, "act": ""}, {"act": "Chest"}]
    said = desk.say("publish", "--check", desk.file(LEVELS | {"body": {"levels": levels}}))
    paths = [line.split()[1].rstrip(":") for line in said.err.splitlines()]
    assert paths == [
        *("body.levels[0].act", "body.levels[0].value", "body.levels[0].unit"),
        *(f"body.levels[1].{name}" for name in ("modality", "population", "quantity", "value", "unit")),
    ]


def test_what_a_file_of_another_kind_changes_is_asked_of_a_view(desk: Desk) -> None:
    said = desk.say("diff", desk.file(ALERTS))
    assert said.code == 2
    assert "see krypton views diff for rules of other kinds" in " ".join(said.err.split())
    assert desk.history() == []
