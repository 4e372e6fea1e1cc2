"""Documents cannot lie: a command, setting, event or rule that they do not name fails here."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from krypton import setting_bounds, setting_values, settings
from krypton.cli import calling
from krypton.cli.main import build
from schemas.registry import registry
from streams.broker.topics import PARTITIONS
from tools import commands_page, rules_page

ROOT = Path(__file__).parents[2]
GUIDES = "\n".join((ROOT / name).read_text() for name in ("README.md", "docs/operations.md"))
OPERATIONS = (ROOT / "docs/operations.md").read_text()
TOPICS = (ROOT / "docs/topics.md").read_text()


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words of each command below a group, and its help."""
    if not hasattr(group, "commands"):
        yield path, group.help or ""
        return
    for name, command in group.commands.items():
        yield from commands(command, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(build())))
SOURCES = "\n".join(Path(file).read_text() for file in (settings.__file__, setting_values.__file__, calling.__file__))
NUMBERS_SET = {f"KRYPTON_{name.upper()}" for name in (*setting_bounds.WHOLE, *setting_bounds.SECONDS)}
SETTINGS = sorted({n for n in re.findall(r"KRYPTON_\w+", SOURCES) if n != "KRYPTON_"} | NUMBERS_SET)


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
OPTIONS = {
    option
    for _, command in commands_page.commands()
    for one in command.params
    for option in (*one.opts, *one.secondary_opts)
}
EVENTS = {schema.type for schema in registry()}
FAMILIES = {event.partition(".")[0] for event in EVENTS}
RULES = list(rules_page.stated())
NUMBERS = {rule.number for rule in RULES}


@cache
def sources() -> str:
    """All code and features, without the docstrings of modules: there rules are stated, not applied."""
    found = [path.read_text() for path in (ROOT / "features").glob("*.feature")]
    for package in (*rules_page.PACKAGES, "tests"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            found.append(text.replace(ast.get_docstring(ast.parse(text), clean=False) or "\0", "", 1))
    return "\n".join(found)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_is_in_the_readme_or_in_operations(words: tuple[str, ...]) -> None:
    """With its group at least once; beside its siblings the last two words do (``review accept``)."""
    assert re.search(rf"\b{re.escape(' '.join(words[-2:]))}\b", GUIDES)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_says_what_it_does(words: tuple[str, ...]) -> None:
    assert COMMANDS[words].strip()


def test_each_argument_and_option_says_what_it_takes() -> None:
    silent = [
        f"krypton {' '.join(words)} {one.opts[0]}"
        for words, command in commands_page.commands()
        for one in command.params
        if one.name != "help" and not (getattr(one, "help", None) or "").strip()
    ]
    assert silent == []


def test_commands_are_found_at_every_depth() -> None:
    assert {("init",), ("identity", "show"), ("identity", "review", "accept")} <= COMMANDS.keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_in_operations(name: str) -> None:
    assert f"`{name}`" in OPERATIONS


def test_no_setting_is_documented_that_nobody_reads() -> None:
    documented = set(re.findall(r"KRYPTON_\w+", OPERATIONS))
    assert documented <= set(SETTINGS)


@pytest.mark.parametrize("topic", PARTITIONS)
def test_each_topic_is_on_the_topics_page(topic: str) -> None:
    assert f"## {topic}\n" in TOPICS


@pytest.mark.parametrize("event_type", sorted({schema.type for schema in registry()}))
def test_each_event_is_on_the_topics_page(event_type: str) -> None:
    assert f"### {event_type} (" in TOPICS


def test_a_rule_number_is_given_once() -> None:
    assert [number for number, times in Counter(rule.number for rule in RULES).items() if times > 1] == []


def test_rules_are_found_in_every_room_of_the_house() -> None:
    """Or the tests here would hold over nothing."""
    assert {"L2", "W1", "V3", "V9"} <= NUMBERS


def test_each_refusal_names_a_rule_that_a_docstring_states() -> None:
    assert rules_page.refusals().keys() - NUMBERS == set()


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_each_rule_is_raised_or_tested_somewhere(number: str) -> None:
    assert re.search(rf"\b{number}\b", sources())


def test_each_rule_of_one_aggregate_has_its_letter() -> None:
    letters: dict[str, set[str]] = {}
    for rule in RULES:
        letters.setdefault(rule.module, set()).add(rule.number[0])
    assert [module for module, used in letters.items() if len(used) > 1] == []


def named(page: Path) -> list[str]:
    """What a page has in code marks, outside of its blocks."""
    return CODE.findall(FENCED.sub("", page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_option_that_a_page_names_is_one(page: Path) -> None:
    if page.name == "CHANGELOG.md":  # it tells of the past
        return
    others = re.compile(r"docker |kafka-|pg_|git |pytest|uv |\.venv|python")  # options of other programs
    told = {
        option
        for code in named(page)
        if not others.match(code)
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", code)
    }
    assert told - OPTIONS - {"--help"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_event_that_a_page_names_is_one(page: Path) -> None:
    dotted = {code for code in named(page) if re.fullmatch(r"[a-z]+\.[a-z_]+", code) and not code.endswith(".py")}
    assert {code for code in dotted if code.partition(".")[0] in FAMILIES} - EVENTS == set()
