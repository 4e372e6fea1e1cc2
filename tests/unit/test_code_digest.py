"""The digest of the code that decides a view's rows: it changes with whatever may change a row, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from projections.declared import VIEWS
from projections.versions import code_digest
from projections.versions.code_digest import modules

VIEW = '''"""A view."""
from domain.weighing import heavier
from domain.errors import TooHeavy
from domain.errors.scales import TooHeavy as Same

LIMIT = 3
"""The most."""

def apply(event):
    """Fold."""
    return heavier(event, LIMIT)  # why
'''


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A code base of one view, and its root."""
    files = {
        "projections/scales/view.py": VIEW,
        "projections/scales/queries.py": "import domain.weighing",
        "domain/weighing.py": "def heavier(a, b): return a > b",
        "domain/errors/__init__.py": "from domain.errors.scales import *",
        "domain/errors/scales.py": "class TooHeavy(Exception): pass",
    }
    for name, text in files.items():
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).write_text(text)
    monkeypatch.setattr(code_digest, "ROOT", tmp_path)
    yield tmp_path
    code_digest._digest.cache_clear()


def digest(**reads: tuple[str, ...]) -> str:
    """``reads``: event type, with an underscore for its dot, to fields."""
    code_digest._digest.cache_clear()
    named = {event_type.replace("_", ".", 1): fields for event_type, fields in reads.items()}
    projection: Any = SimpleNamespace(name="scales", reads=named)
    return code_digest.code_digest(projection)


def changed(path: Path, was: str, becomes: str) -> bool:
    """Whether that change of a file changes the digest."""
    before = digest()
    path.write_text(path.read_text().replace(was, becomes))
    return digest() != before


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("LIMIT = 3", "LIMIT = 4"), ("(event, LIMIT)", "(LIMIT, event)"), ("heavier(event", "heavier(-event")],
)
def test_code_of_the_view_counts(code: Path, was: str, becomes: str) -> None:
    assert changed(code / "projections/scales/view.py", was, becomes)


def test_code_that_the_view_imports_counts(code: Path) -> None:
    assert changed(code / "domain/weighing.py", ">", ">=")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("A view.", "Another."),
        ("Fold.", "Folds."),
        ("# why", "# because"),
        ("The most.", "At most."),
        ("\n\n", "\n\n\n"),
    ],
)
def test_what_only_explains_does_not_count(code: Path, was: str, becomes: str) -> None:
    assert not changed(code / "projections/scales/view.py", was, becomes)


@pytest.mark.parametrize(
    "name", ["projections/scales/queries.py", "domain/errors/__init__.py", "domain/errors/scales.py"]
)
def test_what_no_row_comes_from_does_not_count(code: Path, name: str) -> None:
    assert not changed(code / name, (code / name).read_text(), "MORE = 1")


def test_the_fields_that_the_view_reads_count(code: Path) -> None:
    assert len({digest(), digest(study_withdrawn=("reason",)), digest(study_withdrawn=("reason", "actor"))}) == 3


@pytest.fixture
def schemas(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The schema of an event as a test likes it: its document."""
    fields = [{"name": "reason", "type": "string"}, {"name": "actor", "type": "string"}]
    document: dict[str, Any] = {"type": "record", "name": "Weighed", "fields": fields}
    known = SimpleNamespace(latest={"scale.weighed": SimpleNamespace(document=document)})
    monkeypatch.setattr(code_digest, "registry", lambda: known)
    return document


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ({"name": "weight", "type": "long", "default": 0}, False),
        ({"name": "reason", "type": ["null", "string"]}, True),
        ({"name": "actor", "type": ["null", "string"]}, False),
    ],
)
def test_a_field_that_the_view_does_not_read_asks_for_no_rebuild(
    code: Path, schemas: dict[str, Any], field: dict[str, Any], counts: bool
) -> None:
    before = digest(scale_weighed=("reason",))
    others = [one for one in schemas["fields"] if one["name"] != field["name"]]
    schemas["fields"] = sorted([*others, field], key=lambda one: str(one["name"]), reverse=True)
    assert (digest(scale_weighed=("reason",)) != before) is counts


def test_an_engine_that_makes_other_rows_counts(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    monkeypatch.setattr(code_digest, "ENGINE", code_digest.ENGINE + 1)
    assert digest() != before


def test_documentation_of_a_schema_does_not_count() -> None:
    told = {"type": "record", "doc": "one", "fields": [{"name": "a", "doc": "two", "type": ["null", {"doc": "three"}]}]}
    assert code_digest._undocumented(told) == {"type": "record", "fields": [{"name": "a", "type": ["null", {}]}]}


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_counts_with_its_tables_and_without_its_readers(view: str) -> None:
    found = modules(f"projections.{view}.view")
    assert {f"projections.{view}.view", f"projections.{view}.tables"} <= found.keys()
    assert not [name for name in found if name.rpartition(".")[2] in ("queries", "reading", "difference", "due")]


def test_persons_are_worked_out_by_code_that_counts() -> None:
    assert "domain.membership" in modules("projections.identity_index.view")
