"""Words: a stranger understands each module's first sentence, and one word has one meaning (docs/glossary.md)."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tools.first_sentences import PACKAGES, ROOT, first_line, modules

LONGEST = 25
"""Words of a first sentence."""
GLOSSARY = ROOT / "docs" / "glossary.md"
COMPARES = ("streams/", "projections/engine/", "projections/versions/", "krypton/integrity/")
"""Rooms that compare logs, rows and versions, and match nobody."""


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading of the glossary."""
    section = GLOSSARY.read_text("utf-8").partition(f"# {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def prose(file: Path) -> Iterator[tuple[int, str]]:
    """Each docstring, comment and sentence of a message, with its line."""
    source = file.read_text("utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, " ".join(node.value.split())


@cache
def production() -> list[tuple[str, str]]:
    """All that production code says, each with the place where it says it."""
    return said_in(PACKAGES)


@cache
def said_in(folders: tuple[str, ...]) -> list[tuple[str, str]]:
    """What the modules below these folders say, each with the place where it says it."""
    files = [file for package in folders for file in sorted((ROOT / package).rglob("*.py"))]
    return [(f"{file.relative_to(ROOT).as_posix()}:{line}", said) for file in files for line, said in prose(file)]


@pytest.mark.parametrize(("path", "docstring"), list(modules()), ids=lambda value: value[:60])
def test_a_module_says_in_one_short_sentence_what_it_does(path: str, docstring: str) -> None:
    sentence, _, rest = docstring.partition("\n")
    assert sentence, f"{path} has no docstring: say in one sentence what it does"
    assert re.search(r"[.?!]$", sentence), f"{path}: the first sentence does not end on the first line"
    assert len(first_line(docstring).split()) <= LONGEST, f"{path}: the first sentence has over {LONGEST} words"
    assert not rest.strip() or rest.startswith("\n"), f"{path}: an empty line is missing after the first sentence"


@pytest.mark.parametrize("row", table("Words not used"), ids=lambda row: row[0])
def test_a_word_that_is_not_used_is_nowhere(row: list[str]) -> None:
    unused, instead = row
    found = re.compile(rf"\b{re.escape(unused)}\b", re.IGNORECASE)
    everywhere = production() + said_in(("tests",))
    hits = [place for place, said in everywhere if found.search(said) and "test_words" not in place]
    assert not hits, f"{unused!r}: write {instead}: {', '.join(hits)}"


def test_matching_is_of_patients() -> None:
    matching = re.compile(r"\bmatching\b(?! rules)", re.IGNORECASE)
    hits = [place for place, said in production() if place.startswith(COMPARES) and matching.search(said)]
    assert not hits, f"write compare or query: {', '.join(hits)}"


def test_a_word_of_the_glossary_has_one_meaning() -> None:
    words = [row[0].casefold() for row in table("Glossary")]
    assert len(words) > 60
    assert sorted(set(words)) == sorted(words), "a word has two meanings"
    assert [row[0] for row in table("Glossary") if not row[1] or "also:" in row[1]] == []


def test_words_are_in_order() -> None:
    for heading in ("Glossary", "Words not used"):
        words = [row[0].casefold() for row in table(heading)]
        assert words == sorted(words)
