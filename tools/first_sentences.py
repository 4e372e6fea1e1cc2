"""``python -m tools.first_sentences``: prints every module with the first sentence of its docstring, as one list.

A stranger who knows the field must be able to say from the sentence alone what the module does.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "domain",
    "policies",
    "schemas",
    "postgres",
    "projections",
    "streams",
    "adapters",
    "krypton",
    "tools",
    "bench",
)


def modules() -> Iterator[tuple[str, str]]:
    """Each module's path from the root, with its docstring; empty where there is none. In the order of paths."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""


def first_line(docstring: str) -> str:
    """The first line of a docstring, which is its first sentence."""
    return docstring.partition("\n")[0]


if __name__ == "__main__":
    for path, docstring in modules():
        print(f"{path:56} {first_line(docstring)}")
