"""Every refusal that a user can provoke: which rule it names, what it tells them to do, and that it names nobody.

A message is provoked once: by a scenario that quotes it, `the ledger refuses with PairBarred, rule L3: "lift the bar"`,
or by a line of the tables. Two tests keep them whole: no rule without a provocation, and no ``raise`` of a rule in the
domain whose message nothing provokes.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from domain import errors
from domain.errors import RuleBroken
from tests.unit import (
    refusals_of_care,
    refusals_of_erasure,
    refusals_of_identity,
    refusals_of_region,
    refusals_of_rules,
)
from tests.unit.refusals import MARKED, Provoked, World

ROOT = Path(__file__).parents[2]
DOMAIN = ROOT / "domain"
TABLES = (refusals_of_identity, refusals_of_region, refusals_of_care, refusals_of_rules, refusals_of_erasure)
PROVOKED = [one for table in TABLES for one in table.PROVOKED]
QUOTED = re.compile(r'the ledger refuses with (\w+), rule \w+: "([^"]+)"')
SCENARIOS = [found for path in (ROOT / "features").glob("*.feature") for found in QUOTED.findall(path.read_text())]
RULES = {one.__name__: one for one in vars(errors).values() if isinstance(one, type) and RuleBroken in one.__mro__[1:]}


def _named(one: Provoked) -> str:
    return f"{one.rule.__name__}: {one.words}"


@cache
def _refusal(one: Provoked) -> Exception:
    world = World()
    return world.refusal(one.ask(world))


@pytest.mark.parametrize("one", PROVOKED, ids=_named)
def test_a_refusal_names_its_rule_and_what_to_do_and_no_person(one: Provoked) -> None:
    refusal = _refusal(one)
    assert type(refusal) is one.rule
    assert one.words in str(refusal)
    assert not [mark for mark in MARKED if mark in str(refusal)]


def test_each_rule_is_provoked() -> None:
    assert {one.rule.__name__ for one in PROVOKED} | {name for name, _ in SCENARIOS} == RULES.keys()


def test_each_message_in_the_domain_is_provoked() -> None:
    read = [(one.rule, str(_refusal(one))) for one in PROVOKED]
    messages = list(_messages())
    assert len(messages) > len(RULES)
    unread = [(where, rule, parts) for where, rule, parts in messages if not _is_read(read, rule, parts)]
    assert [where for where, rule, parts in unread if not _is_quoted(rule, parts)] == []


Parts = list[str | None]
"""A message: its texts, and None for each value in it."""


def _is_read(read: list[tuple[type[RuleBroken], str]], rule: type[RuleBroken], parts: Parts) -> bool:
    form = "".join(".*" if part is None else re.escape(part) for part in parts)
    return any(rule is refused and re.fullmatch(form, message) for refused, message in read)


def _is_quoted(rule: type[RuleBroken], parts: Parts) -> bool:
    return any(name == rule.__name__ and words in (part or "") for name, words in SCENARIOS for part in parts)


def _messages() -> Iterator[tuple[str, type[RuleBroken], Parts]]:
    """Each ``raise`` of a rule in the domain: where, which, and its message."""
    for path in sorted(DOMAIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[message, *_])) if name in RULES:
                    yield f"{path.relative_to(DOMAIN)}:{node.lineno}", RULES[name], _parts(message)


def _parts(message: ast.expr) -> Parts:
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return [str(part.value) if isinstance(part, ast.Constant) else None for part in parts]
