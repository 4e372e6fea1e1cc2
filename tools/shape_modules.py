"""Writes ``shape.py`` of each view's package: the shapes of its tables, for whoever needs no SQLAlchemy."""

from collections.abc import Iterator
from pathlib import Path

from projections.declared import VIEWS
from projections.engine.projection import Projection
from projections.engine.shape import shapes_of

PROJECTIONS = Path(__file__).parents[1] / "projections"
HEAD = '''"""The shapes of the {name} view's tables.

Made from ``tables.py`` by ``python -m tools``; do not edit.
"""

from typing import Final

from projections.engine.shape import Shape, Shapes

SHAPES: Final[Shapes] = {{
'''


def modules() -> Iterator[tuple[Path, str]]:
    """Each view's module: its file, and what is to be in it."""
    for view in VIEWS.values():
        yield PROJECTIONS / view.name / "shape.py", _module(view.make())


def _module(view: Projection) -> str:
    lines = [HEAD.format(name=view.name.replace("_", " ")).rstrip()]
    for name, shape in shapes_of(view.tables).items():
        key = ", ".join(f'"{column}"' for column in shape.key)
        lines += [
            f'    "{name}": Shape(',
            f"        key=({key}{',' if len(shape.key) == 1 else ''}),",
            "        columns={",
            *(f'            "{column}": "{kind}",' for column, kind in shape.columns.items()),
            "        },",
            "    ),",
        ]
    return "\n".join([*lines, "}", ""])
