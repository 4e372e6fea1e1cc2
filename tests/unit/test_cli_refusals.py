"""Every refusal that a user can provoke: which rule it names, what it tells them to do, and that it names nobody.

The tables hold one way to each message. Two tests keep them whole: no rule without a provocation, and no ``raise`` of a
rule in the domain whose message nothing provokes.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from domain import errors
from domain.errors import RuleBroken
from tests.unit import refusals_of_care, refusals_of_identity, refusals_of_region, refusals_of_rules
from tests.unit.refusals import MARKED, Provoked, World

DOMAIN = Path(__file__).parents[2] / "domain"
TABLES = (refusals_of_identity, refusals_of_region, refusals_of_care, refusals_of_rules)
PROVOKED = [one for table in TABLES for one in table.PROVOKED]
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
    assert {one.rule for one in PROVOKED} == set(RULES.values())


def test_each_message_in_the_domain_is_provoked() -> None:
    read = [(one.rule, str(_refusal(one))) for one in PROVOKED]
    messages = list(_messages())
    assert len(messages) > len(RULES)
    assert [where for where, rule, form in messages if not _is_read(read, rule, form)] == []


def _is_read(read: list[tuple[type[RuleBroken], str]], rule: type[RuleBroken], form: str) -> bool:
    return any(rule is refused and re.fullmatch(form, message) for refused, message in read)


def _messages() -> Iterator[tuple[str, type[RuleBroken], str]]:
    """Each ``raise`` of a rule in the domain: where, which, and the form of its message as a regular expression."""
    for path in sorted(DOMAIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[message, *_])) if name in RULES:
                    yield f"{path.relative_to(DOMAIN)}:{node.lineno}", RULES[name], _form(message)


def _form(message: ast.expr) -> str:
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in parts)
