"""Troubleshooting quotes what the program really says: each message is a text of the code, gaps where values go."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
PACKAGES = ("domain", "schemas", "postgres", "projections", "streams", "adapters", "policies", "krypton")
GAP = "…"
FORMAT = re.compile(r"%(?:\.\d+)?[a-z]")  # of logging
QUOTED = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
MESSAGES = [message.replace("\\|", "|") for message in QUOTED.findall(PAGE)]


def gap(node: ast.AST) -> str:
    """A text as it is quoted: what is formatted into it is a gap."""
    if isinstance(node, ast.Constant):
        return FORMAT.sub(GAP, str(node.value))
    return GAP


@cache
def texts() -> tuple[str, ...]:
    """All texts of the code, longer than a word."""
    return tuple(text for package in PACKAGES for path in (ROOT / package).rglob("*.py") for text in _of(path))


def _of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(map(gap, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield gap(node)


def said(message: str) -> bool:
    """Is there one text that has all parts of the message between its gaps, in their order?"""
    parts = [re.escape(part.strip()) for part in message.split(GAP) if part.strip()]
    wanted = re.compile(".*".join(parts), re.DOTALL)
    return any(wanted.search(text) for text in texts())


def test_messages_are_quoted() -> None:
    assert len(MESSAGES) > 30


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quoted_message_is_one_that_the_program_says(message: str) -> None:
    assert said(message)


def test_a_message_that_nobody_says_is_found() -> None:
    assert not said("the moon does not answer (…): run krypton dev up")
    assert said("port … cannot be opened (…)")
