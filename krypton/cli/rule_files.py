"""Reads a rule file as a person wrote it: what is wrong with it is named by its line."""

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import RuleBroken
from domain.rules.document import LARGEST, RuleDocument, read_document
from domain.rules.toml_lines import line_of

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A .toml or .json file.")]


def read_file(file: Path) -> RuleDocument:
    """Raises BadParameter (no rule file by its name or encoding), and as ``read_document``, with the line."""
    if file.suffix not in (".toml", ".json"):
        raise typer.BadParameter("its name ends neither in .toml nor in .json: rename it", param_hint="FILE")
    with file.open("rb") as opened:
        raw = opened.read(LARGEST + 1)
    try:
        text = raw.decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError:
        raise typer.BadParameter("it is not UTF-8: save it as such", param_hint="FILE") from None
    try:
        return read_document(text, as_json=file.suffix == ".json")
    except RuleBroken as wrong:
        if file.suffix == ".json":
            raise
        first, *others = (_with_line(one, text) for one in (wrong, *wrong.others))
        first.others = tuple(others)
        raise first from None


def _with_line(wrong: RuleBroken, text: str) -> RuleBroken:
    """The same with its line in TOML, which people write by hand: each begins with the path of what is wrong."""
    line = line_of(text, str(wrong).partition(":")[0].removeprefix("file."))
    return wrong if line is None else type(wrong)(f"line {line}, {wrong}")
