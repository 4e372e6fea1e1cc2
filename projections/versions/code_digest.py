"""Digest of the code that determines a view's rows; a program with another digest does not update that version.

Covered: the modules that the view's ``view.py`` imports from this code base, directly or not; of the schemas that it
reads, the fields that it reads (``Projection.reads``), without their documentation; and ``ENGINE``. Left out is what
changes no row: docstrings, comments, blank lines, the view's queries (no fold imports them) and texts of errors. Tests
prove that the engines (``fold``, ``rows``, ``memory_rows``, the codecs) give the same rows, so they are not hashed:
``ENGINE`` is.
"""

import ast
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from projections.engine.projection import Projection
from schemas.registry import registry

ENGINE: Final = 1
"""Increase this when an engine changes so that the same events give different rows."""

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("domain", "projections", "schemas")
LEFT_OUT: Final = "domain.errors"  # names of errors: each new one would call for a rebuild


def code_digest(projection: Projection) -> str:
    """The digest in hexadecimal; the same wherever the same code is installed."""
    reads = sorted((event_type, frozenset(fields)) for event_type, fields in projection.reads.items())
    return _digest(projection.name, tuple(reads))


@cache  # a worker asks once, the supervisor every few seconds
def _digest(view: str, reads: tuple[tuple[str, frozenset[str]], ...]) -> str:
    digest = hashlib.sha256(f"engine {ENGINE}\n".encode())
    for name, tree in sorted(modules(f"projections.{view}.view").items()):
        digest.update(f"{name}\n{_without_docstrings(tree)}\n".encode())
    for name, document in sorted(_schemas(reads)):
        digest.update(f"{name}\n{json.dumps(document, sort_keys=True)}\n".encode())
    return digest.hexdigest()


def modules(start: str) -> dict[str, ast.Module]:
    """A module of Krypton and all that it imports from Krypton, directly or not: name to source.

    Without its package, which declares the view: the declaration makes no rows.
    """
    found: dict[str, ast.Module] = {}
    todo = [start]
    own_package = start.rpartition(".")[0]
    while todo:
        name = todo.pop()
        if name in found or name == own_package or _left_out(name) or (file := _file(name)) is None:
            continue
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
        todo += _imports(found[name])
    return found


def _left_out(name: str) -> bool:
    return name == LEFT_OUT or name.startswith(f"{LEFT_OUT}.")


def _file(name: str) -> Path | None:
    """The file of a module; None if the name is a member of a module or not part of Krypton."""
    if name.partition(".")[0] not in PACKAGES:
        return None
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class _Undocumented(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:  # the name is that of the node
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def _without_docstrings(tree: ast.Module) -> str:
    """The code without docstrings."""
    return ast.unparse(_Undocumented().visit(tree))


def _schemas(reads: Iterable[tuple[str, Collection[str]]]) -> Iterator[tuple[str, Any]]:
    """By event type, what its latest schema says of the fields that are read."""
    for event_type, fields in reads:
        document = _undocumented(registry().latest[event_type].document)
        yield event_type, {**document, "fields": [field for field in document["fields"] if field["name"] in fields]}


def _undocumented(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _undocumented(value) for name, value in document.items() if name != "doc"}
    return [_undocumented(one) for one in document] if isinstance(document, list) else document
