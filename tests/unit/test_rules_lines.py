"""Where in a TOML file a path stands."""

from pathlib import Path

import pytest

from domain.rules.toml_lines import line_of

FILE = '''kind = "reference-levels"
version = 2
title = """
kind = not a key
"""

[body] # what it says
[[body.levels]]
name = "a"
fields = [
  "ins",
  "family",
]

[[body.levels]]
name = "b"
[body.levels.deep]
'odd' = 1
'''
RULES = Path(__file__).parents[2] / "rules"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("kind", 1),
        ("version", 2),
        ("title", 3),
        ("body", 7),
        ("body.levels[0]", 8),
        ("body.levels[0].name", 9),
        ("body.levels[0].fields[1]", 10),
        ("body.levels[1].name", 16),
        ("body.levels[1].action", 15),  # missing: the table it is missing in
        ("body.levels[1].deep.odd", 18),
        ("nowhere", None),
        ("file.nowhere", None),
    ],
)
def test_a_path_stands_on_its_line_or_on_that_of_what_holds_it(path: str, line: int | None) -> None:
    assert line_of(FILE, path) == line


def test_each_level_of_our_own_files_is_found_where_it_begins() -> None:
    text = (RULES / "reference-levels-2019.toml").read_text()
    begins = [number for number, line in enumerate(text.splitlines(), start=1) if line == "[[body.levels]]"]
    assert len(begins) > 2
    assert [line_of(text, f"body.levels[{place}]") for place in range(len(begins))] == begins
