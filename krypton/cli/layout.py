"""How rows are laid out on a line of some width: side by side where all words stay whole, else below each other.

A column is never narrower than its longest word, so that ids can be copied and no word is torn. Rows that would need
that are written as one block each, a name and a value to a line. No boxes: they are noise in a pipe.
"""

import re
from collections.abc import Sequence
from textwrap import wrap

GAP = 2
LEAST = 20
"""Columns that a value has, however narrow the line: an id that is longer stands over the edge."""

ONE_WORD = "\N{NO-BREAK SPACE}"
"""Holds words together on a line; a space once it is laid out, so that it can be searched for and copied."""

Row = Sequence[str]


def columns(heads: Row, rows: Sequence[Row], width: int, right: Sequence[bool] = ()) -> list[str] | None:
    """The head's lines and the rows', or None where they do not fit. ``right``: columns that are flushed right."""
    cells = [heads, *rows]
    needed = [max(_longest_word(row[i]) for row in cells) for i in range(len(heads))]
    wanted = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    spare = width - sum(needed) - GAP * (len(heads) - 1)
    if spare < 0:
        return None
    widths = _shared_out(needed, wanted, spare)
    flushed = [*right, *[False] * (len(heads) - len(right))]
    return [line for row in cells for line in _lines(row, widths, flushed)]


def blocks(heads: Row, rows: Sequence[Row], width: int) -> list[str]:
    """A block of lines for each row: name and value. Values too long for a line go on below themselves."""
    margin = max(len(head) for head in heads) + GAP
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        for head, value in zip(heads, row, strict=True):
            first, *others = _wrapped(value, max(width - margin, LEAST))
            lines += [f"{head:{margin}}{first}".rstrip(), *(" " * margin + other for other in others)]
    return lines


def _shared_out(needed: Sequence[int], wanted: Sequence[int], spare: int) -> list[int]:
    """Widths: the spare goes to those that lack the least, so that as few columns as possible are wrapped."""
    widths = list(needed)
    lacking = sorted(range(len(widths)), key=lambda i: wanted[i] - needed[i])
    for place, i in enumerate(lacking):
        more = min(wanted[i] - needed[i], spare // (len(lacking) - place))
        widths[i] += more
        spare -= more
    return widths


def _lines(row: Row, widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    wrapped = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(len(cell) for cell in wrapped)
    lines = []
    for at in range(height):
        parts = [cell[at] if at < len(cell) else "" for cell in wrapped]
        placed = [
            part.rjust(width) if to_right else part.ljust(width)
            for part, width, to_right in zip(parts, widths, right, strict=True)
        ]
        lines.append((" " * GAP).join(placed).rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    lines = wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False) or [""]
    return [line.replace(ONE_WORD, " ") for line in lines]


def _longest_word(text: str) -> int:
    return max(map(len, re.split(r"[ \t\n\r\f\v]+", text)), default=0)
