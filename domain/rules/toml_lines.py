"""On which line of a TOML file a path stands, such as ``body.rules[2].fields``: so that a mistake is found at once.

Read by the line: headers of tables and keys. What stands inside an inline list or table has the line of its key.
"""

import re
from typing import Final

HEADER: Final = re.compile(r"\s*(\[\[?)\s*([\w.\- \"']+?)\s*\]\]?\s*(?:#.*)?")
KEY: Final = re.compile(r"\s*([\w\-]+|\"[^\"]+\"|'[^']+')(?:\s*\.\s*[\w\-]+)*\s*=")
STEP: Final = re.compile(r"\.[^.\[\]]+$|\[\d+\]$")
LONG: Final = ('"""', "'''")


def line_of(toml: str, path: str) -> int | None:
    """The line of a path, from 1 on; that of what holds it, where the path itself is not in the file; else None."""
    lines = _lines(toml)
    while path:
        if path in lines:
            return lines[path]
        shorter = STEP.sub("", path)
        if shorter == path:
            return None
        path = shorter
    return None


def _lines(toml: str) -> dict[str, int]:
    found: dict[str, int] = {}
    counted: dict[str, int] = {}
    table, closing = "", None
    for number, line in enumerate(toml.splitlines(), start=1):
        if closing is not None:
            closing = None if closing in line else closing
            continue
        if header := HEADER.fullmatch(line):
            table = _table(header[2], counted, is_list=header[1] == "[[")
            found.setdefault(table, number)
        elif key := KEY.match(line):
            name = key[0].rstrip("= \t").strip().replace('"', "").replace("'", "").replace(" ", "")
            found.setdefault(f"{table}.{name}" if table else name, number)
        closing = next((mark for mark in LONG if line.count(mark) % 2), None)
    return found


def _table(name: str, counted: dict[str, int], *, is_list: bool) -> str:
    """A header as a path: tables of a list are numbered from 0 on, and what stands below one is in the last of them."""
    path = ""
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    for place, part in enumerate(parts):
        path = f"{path}.{part}" if path else part
        if is_list and place == len(parts) - 1:
            counted[path] = counted.get(path, -1) + 1
        if path in counted:
            path = f"{path}[{counted[path]}]"
    return path
