"""Where in a TOML file a path stands."""

from pathlib import Path

import pytest

from domain.rules.toml_lines import line_of

FILE = '''kind = "matching"
version = 2
title = """
kind = not a key
"""

[body] # what it says
[[body.rules]]
name = "a"
fields = [
  "ins",
  "family",
]

[[body.rules]]
name = "b"
[body.rules.deep]
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
        ("body.rules[0]", 8),
        ("body.rules[0].name", 9),
        ("body.rules[0].fields[1]", 10),
        ("body.rules[1].name", 16),
        ("body.rules[1].action", 15),  # missing: the table it is missing in
        ("body.rules[1].deep.odd", 18),
        ("nowhere", None),
        ("file.nowhere", None),
    ],
)
def test_a_path_stands_on_its_line_or_on_that_of_what_holds_it(path: str, line: int | None) -> None:
    assert line_of(FILE, path) == line


def test_each_rule_of_our_own_files_is_found_where_it_begins() -> None:
    text = (RULES / "matching-1.toml").read_text()
    begins = [number for number, line in enumerate(text.splitlines(), start=1) if line == "[[body.rules]]"]
    assert len(begins) > 2
    assert [line_of(text, f"body.rules[{place}]") for place in range(len(begins))] == begins
