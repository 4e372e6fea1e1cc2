"""What commands print: one JSON document or a readable table on standard output; messages go to standard error."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from domain.ports import Answer

ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z?")
HEADINGS = {
    "ctdivol_mgy": "CTDIvol mGy",
    "dlp_mgycm": "DLP mGy·cm",
    "dap_mgycm2": "DAP mGy·cm²",
    "dose_rp_mgy": "dose (RP) mGy",
    "agd_mgy": "AGD mGy",
    "activity_mbq": "activity MBq",
}
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def document(value: Any) -> None:
    """One JSON document."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def written(answer: Answer, as_json: bool = False) -> None:
    """What a command wrote: its positions and the ids it made."""
    if as_json:
        document({"positions": list(answer.positions), **answer.result})
        return
    said = ", ".join(f"{name} {value}" for name, value in answer.result.items())
    out.print(escape(f"{places(answer.positions)}{': ' if said else ''}{said}"))


def written_by_many(summary: Mapping[str, Any], refused: Sequence[str], as_json: bool) -> None:
    """What a command wrote that asks many: counts, then those ``refused`` with these columns, and the positions."""
    if as_json:
        document(summary)
        return
    facts({name: value for name, value in summary.items() if name not in ("refused", "positions")})
    table(summary["refused"], refused, "Refused")
    out.print(places(summary["positions"]))


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
    """A cell: unknown is shown as a dash, never as zero; times to the second."""
    if value is None:
        return "–"
    if isinstance(value, str) and (time := ISO_TIME.fullmatch(value)):
        return f"{time[1]} {time[2]}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {text(v)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(v) for v in value)
    return escape(str(value))


def short(uuid: str) -> str:
    """The first eight characters of a uuid: enough to tell rows apart."""
    return uuid[:8]


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str | None = None) -> None:
    """Rows as a table of the named columns, without those in which nothing is known; says so when there are no rows."""
    if not rows:
        out.print(f"{escape(title) + ': ' if title else ''}none")
        return
    shown = Table(title=title and escape(title), title_justify="left", header_style="bold")
    known = [c for c in columns if any(row.get(c) is not None for row in rows)]
    for column in known:
        shown.add_column(heading(column), overflow="fold")
    for row in rows:
        shown.add_row(*(text(row.get(column)) for column in known))
    Console(highlight=False).print(shown)


def heading(name: str) -> str:
    """A column's name as people read it, with its unit: ``dlp_mgycm`` is DLP mGy·cm."""
    return HEADINGS.get(name, name.replace("_", " "))


def facts(values: Mapping[str, Any], title: str | None = None) -> None:
    """Names and values, a line each."""
    if title:
        out.print(f"[italic]{escape(title)}")
    shown = Table(show_header=False, box=None)
    for name, value in values.items():
        shown.add_row(escape(heading(name)), text(value))
    Console(highlight=False).print(shown)
