"""``python -m tools.rules_page``: generates ``docs/rules.md`` from docstrings; a test checks that it is current.

A module's docstring states a rule by beginning a line with its number and two spaces; lines that go on are indented.
Errors name the rule that they refuse by, as ``rule = "L2"``. The modules are read, never imported.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.prose import cell, first_sentence

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rules.md"
PACKAGES = ("domain", "postgres", "projections", "streams", "adapters", "policies", "krypton")
STATED = re.compile(r"^([A-Z]\d{1,2}) +(.*(?:\n {4,}.*)*)", re.MULTILINE)
HEAD = """# Rules

Made from the docstrings that state them by `python -m tools.rules_page`; do not edit.

A number names one rule and is never used for another. A refusal ends with it: `refused: … (L2)`. *Refused as* is
the error that a
program sees; a rule without one decides, and is named in the event that it decided. Rules of matching, reference
levels and dose alerts
are other rules: they are published into the ledger, see [operations](operations.md#rules).

"""


@dataclass(frozen=True)
class Rule:
    """A rule as one module states it."""

    number: str
    text: str
    module: str  # its path from the root

    @property
    def order(self) -> tuple[str, int]:
        """X2 comes before X10."""
        return self.number[0], int(self.number[1:])


def page() -> str:
    """The whole page."""
    rules = sorted(stated(), key=lambda rule: rule.order)
    lines = [HEAD.rstrip(), ""]
    for letter in sorted({rule.number[0] for rule in rules}):
        of_letter = [rule for rule in rules if rule.number[0] == letter]
        lines += [*_section(letter, of_letter), ""]
    return "\n".join(lines)


def _section(letter: str, rules: list[Rule]) -> Iterator[str]:
    modules = list(dict.fromkeys(rule.module for rule in rules))
    yield f"## {letter}"
    yield ""
    for module in modules:
        yield f"- `{module}`: {first_sentence(_docstring(module))}"
    yield ""
    yield "| rule | what it says | refused as |"
    yield "|---|---|---|"
    for rule in rules:
        named = ", ".join(f"`{name}`" for name in refusals().get(rule.number, ()))
        yield f"| {rule.number} | {rule.text} | {named or '–'} |"


def _docstring(module: str) -> str | None:
    return next(ast.get_docstring(tree) for path, tree in _modules() if str(path.relative_to(ROOT)) == module)


def stated() -> Iterator[Rule]:
    """Every rule that a docstring states, module by module."""
    for path, tree in _modules():
        for number, text in STATED.findall(ast.get_docstring(tree) or ""):
            yield Rule(number, cell(text).removesuffix(","), str(path.relative_to(ROOT)))


@cache
def refusals() -> dict[str, list[str]]:
    """The names of the errors that refuse by each rule."""
    found: dict[str, list[str]] = {}
    for _, tree in _modules():
        for node in ast.walk(tree):
            for number in _refuses_by(node) if isinstance(node, ast.ClassDef) else ():
                found.setdefault(number, []).append(node.name)  # type: ignore[attr-defined]  # a class, see above
    return found


def _refuses_by(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        match line:
            case ast.Assign(targets=[ast.Name(id="rule")], value=ast.Constant(value=str(number))):
                yield number


@cache
def _modules() -> tuple[tuple[Path, ast.Module], ...]:
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple((path, ast.parse(path.read_text())) for path in paths)


if __name__ == "__main__":
    PAGE.write_text(page())
