"""Prints answers as one JSON document or readable lines on standard output, messages on standard error.

JSON keeps times in UTC. Lines for people show them in the zone of the machine, and never a box or, in a pipe, a colour.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import Any

import typer

from domain.ports import Answer
from krypton.cli.layout import ONE_WORD, blocks, columns

UNKNOWN = "–"
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?")
"""A time as a modality writes it: no zone is known, so none is made up."""
HEADINGS = {
    "ctdivol_mgy": "CTDIvol mGy",
    "dlp_mgycm": "DLP mGy·cm",
    "dap_mgycm2": "DAP mGy·cm²",
    "dose_rp_mgy": "dose (RP) mGy",
    "agd_mgy": "AGD mGy",
    "agd_left_mgy": "AGD left mGy",
    "agd_right_mgy": "AGD right mGy",
    "activity_mbq": "activity MBq",
}


class Printer:
    """Prints lines to standard output, or to standard error."""

    def __init__(self, *, to_err: bool) -> None:
        self._to_err = to_err

    def print(self, line: str = "", *, bold: bool = False) -> None:
        """One line; ``bold`` on a terminal alone."""
        typer.echo(typer.style(line, bold=True) if bold else line, err=self._to_err)


out, err = Printer(to_err=False), Printer(to_err=True)


def document(value: Any) -> None:
    """One JSON document."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def written(answer: Answer, as_json: bool = False) -> None:
    """What a command wrote: its positions and the ids it made."""
    if as_json:
        document({"positions": list(answer.positions), **answer.result})
        return
    said = ", ".join(f"{heading(name)} {text(value)}" for name, value in answer.result.items()).replace(ONE_WORD, " ")
    if len(line := f"{places(answer.positions)}{': ' if said else ''}{said}") <= width():
        out.print(line)
        return
    out.print(places(answer.positions))
    facts(answer.result)


def written_by_many(summary: Mapping[str, Any], refused: Sequence[str], as_json: bool) -> None:
    """What a command wrote that asks many: counts, then those ``refused`` with these columns, and the positions."""
    if as_json:
        document(summary)
        return
    facts({name: value for name, value in summary.items() if name not in ("refused", "broken", "positions")})
    table(summary["refused"], refused, "Refused")
    checked = any(name.startswith("to_") for name in summary)
    out.print("nothing was written: this was a check" if checked else places(summary["positions"]))


def places(positions: Iterable[int]) -> str:
    """Ledger positions, those that follow each other as a span: there may be millions."""
    spans: list[list[int]] = []
    for position in sorted(positions):
        if spans and position == spans[-1][1] + 1:
            spans[-1][1] = position
        else:
            spans.append([position, position])
    told = (str(first) if first == last else f"{first} to {last}" for first, last in spans)
    return f"written at {', '.join(told)}" if spans else "nothing to write"


def text(value: Any) -> str:
    """A cell: unknown is shown as a dash, never as zero; times as people of this machine's zone read them."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(_pair(heading(str(k)), v) for k, v in value.items()) or UNKNOWN
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(v) for v in value) or UNKNOWN
    return when(value) if isinstance(value, str) else str(value)


def _pair(name: str, value: Any) -> str:
    """A name and its value; a quantity is one word, so that no line ends between a number and its unit."""
    pair = f"{name} {text(value)}"
    return pair.replace(" ", ONE_WORD) if isinstance(value, int | float) else pair


def when(value: str) -> str:
    """A time in the machine's zone, to the minute; any other text as it is."""
    if UTC_TIME.fullmatch(value):
        return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    if time := LOCAL_TIME.fullmatch(value):
        return f"{time[1]} {time[2]}"
    return value


def short(uuid: str) -> str:
    """The first eight characters of a uuid: enough to tell rows apart."""
    return uuid[:8]


def table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str | None = None) -> None:
    """Rows with the named values, without those in which nothing is known; says so when there are no rows.

    Columns where the line is wide enough for all words, else one block of lines for each row.
    """
    if not rows:
        out.print(f"{title + ': ' if title else ''}none")
        return
    if title:
        out.print(title, bold=True)
    known = [name for name in names if any(row.get(name) is not None for row in rows)]
    heads = [heading(name) for name in known]
    cells = [[text(row.get(name)) for name in known] for row in rows]
    numbers = [all(_is_number(row.get(name)) for row in rows) for name in known]
    found = columns(heads, cells, width(), numbers)
    for line in blocks(heads, cells, width()) if found is None else found:
        out.print(line)
    out.print()


def facts(values: Mapping[str, Any], title: str | None = None) -> None:
    """Names and values, a line each."""
    if title:
        out.print(title, bold=True)
    for line in blocks([heading(name) for name in values], [[text(value) for value in values.values()]], width()):
        out.print(line)
    out.print()


def heading(name: str) -> str:
    """A column's name as people read it, with its unit: ``dlp_mgycm`` is DLP mGy·cm."""
    return HEADINGS.get(name, name.replace("_", " "))


def width() -> int:
    """Columns of a line: the terminal's, or what COLUMNS says; 80 in a pipe."""
    return get_terminal_size((80, 24)).columns


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
