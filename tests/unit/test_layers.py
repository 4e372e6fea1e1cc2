"""The import rules are believed only because a planted violation of each is found."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Lint = Callable[[], tuple[int, str]]
"""Reads the tree; returns the exit code, and what was said."""

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "schemas", "postgres", "projections", "streams", "adapters", "policies", "krypton")
TYPES_ALONE = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {}"
PLANTED = [
    ("domain/ledger.py", "import kafka", "the domain knows no Kafka"),
    ("domain/persons.py", "import fastavro", "the domain knows no Kafka"),
    ("projections/engine/projection.py", "import streams.processor.view", "never each other"),
    ("policies/policy.py", "import projections.engine.projection", "never each other"),
    ("streams/processor/view.py", "import adapters.vault.postgres", "never each other"),
    ("adapters/vault/postgres.py", "import krypton.settings", "krypton wires"),
    ("schemas/event.py", "import domain.errors", "krypton wires"),
    ("projections/engine/projection.py", "import faust", "projections know PostgreSQL"),
    ("domain/aggregates/link.py", "import domain.aggregates.study", "aggregates know each other"),
    ("krypton/cli/record.py", "import projections.patient_record.queries", "behind the gate alone"),
    ("krypton/bootstrap.py", "import projections.identity_index.review", "behind the gate alone"),
    ("krypton/settings.py", "import krypton.devstack.home", "production never imports the development stack"),
    ("krypton/cli/services.py", "import krypton.devstack.stack", "production never imports the development stack"),
    ("krypton/cli/views.py", "import krypton.demo.stage", "nothing imports the demo"),
    ("krypton/views/lag.py", "import krypton.services.workers", "a room of krypton knows those below it"),
    ("krypton/services/workers.py", "import krypton.auditing.history", "a room of krypton knows those below it"),
    ("krypton/faces/http/routes.py", "import krypton.services.health", "a room of krypton knows those below it"),
    ("krypton/faces/http/routes.py", "import projections.engine.query", "a face asks commands and queries"),
    ("krypton/queries/person.py", "import krypton.views.lag", "a room of krypton knows those below it"),
    ("krypton/bootstrap.py", "import krypton.integrity.walk", "a room of krypton knows those below it"),
    ("krypton/settings.py", "import krypton.bootstrap", "a room of krypton knows those below it"),
    ("krypton/another/__init__.py", "", "a room of krypton knows those below it"),
    ("projections/engine/store.py", "import projections.versions.catalog", "the engine folds without knowing"),
    ("projections/engine/rows.py", "import projections.declared", "the engine folds without knowing"),
    ("projections/versions/diff.py", "import projections.identity_index.due", "the engine folds without knowing"),
    ("projections/patient_record/view.py", "import projections.identity_index.due", "a view answers its question"),
    ("projections/another/__init__.py", "", "a view answers its question"),
    ("streams/relay/relay.py", "import streams.reading.replay", "relay, processor and readers meet at the broker"),
    ("streams/broker/broker.py", "import streams.relay.outbox", "relay, processor and readers meet at the broker"),
    ("streams/reading/events.py", "import streams.processor.view", "relay, processor and readers meet at the broker"),
    ("streams/processor/applier.py", "import streams.relay.outgoing", "a processor applies what Kafka holds"),
    ("domain/work.py", "import domain.ledger", "the domain has no circle"),
    ("domain/matching/keys.py", "import domain.aggregates.link", "matching compares texts"),
    ("adapters/dicom/storage.py", "import adapters.vault.postgres", "an adapter knows one standard"),
    ("adapters/inbox/spool.py", "import adapters.dicom.part10", "an adapter knows one standard"),
    (
        "adapters/notary/folder.py",
        "import adapters.inbox.spool",
        "the inbox is for inlets, and the archive of what they took in",
    ),
    ("adapters/inbox/spool.py", "import pydicom", "the inbox knows no standard"),
    ("domain/persons.py", TYPES_ALONE.format("domain.ledger"), "the domain has no circle"),
]


LINTER = """
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])  # first, so that the planted packages are the ones that are read
from importlinter.cli import lint_imports
for _ in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = lint_imports(no_cache=True)
    print(json.dumps([code, said.getvalue()]), flush=True)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, to plant violations in."""
    copy = tmp_path_factory.mktemp("layers")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


@pytest.fixture(scope="module")
def lint(tree: Path) -> Iterator[Lint]:
    """In one process for all violations: its start takes as long as reading the tree."""
    wide = {**os.environ, "COLUMNS": "400"}  # a contract's name and verdict on one line
    command, pipe = [sys.executable, "-c", LINTER, str(tree)], subprocess.PIPE
    with subprocess.Popen(command, cwd=tree, env=wide, stdin=pipe, stdout=pipe, text=True) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def once() -> tuple[int, str]:
            asked.write("\n")
            asked.flush()
            code, said = json.loads(told.readline())
            return code, said

        yield once


def test_without_a_violation_none_is_found(lint: Lint) -> None:
    code, said = lint()
    assert code == 0, said


@pytest.mark.parametrize(("file", "line", "broken"), PLANTED)
def test_a_planted_violation_is_found(tree: Path, lint: Lint, file: str, line: str, broken: str) -> None:
    target = tree / file
    original = target.read_text() if target.exists() else None
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"{original or ''}\n{line}\n")
    try:
        code, said = lint()
    finally:
        if original is None:
            shutil.rmtree(target.parent)
        else:
            target.write_text(original)
    assert code == 1
    assert any(broken in one for one in said.splitlines() if one.endswith("BROKEN")), said
    assert re.search(rf"\b{(target.parent if original is None else target).stem}\b", said), "it names the module"
