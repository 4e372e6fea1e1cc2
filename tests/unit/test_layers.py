"""The import rules are believed only because a planted violation of each is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "schemas", "projections", "streams", "adapters", "policies", "krypton")
PLANTED = [
    ("domain/ledger.py", "import kafka", "the domain knows no Kafka"),
    ("domain/tail.py", "import fastavro", "the domain knows no Kafka"),
    ("projections/engine/projection.py", "import streams.processor.view", "never each other"),
    ("policies/policy.py", "import projections.engine.projection", "never each other"),
    ("streams/processor/view.py", "import adapters.vault.postgres", "never each other"),
    ("adapters/vault/postgres.py", "import krypton.settings", "krypton wires"),
    ("schemas/event.py", "import domain.errors", "krypton wires"),
    ("projections/engine/projection.py", "import faust", "projections know PostgreSQL"),
    ("domain/aggregates/link.py", "import domain.aggregates.study", "aggregates know each other"),
    ("krypton/settings.py", "import krypton.devstack.home", "production never imports the development stack"),
    ("krypton/cli/services.py", "import krypton.devstack.stack", "production never imports the development stack"),
    ("krypton/cli/views.py", "import krypton.demo.stage", "nothing imports the demo"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, to plant violations in."""
    copy = tmp_path_factory.mktemp("layers")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


@pytest.mark.parametrize(("file", "line", "broken"), PLANTED)
def test_a_planted_violation_is_found(tree: Path, file: str, line: str, broken: str) -> None:
    target = tree / file
    original = target.read_text()
    target.write_text(f"{original}\n{line}\n")
    try:
        # The copy comes first on the path, so that the planted packages are the ones that are read.
        script = f"import sys; sys.path.insert(0, {str(tree)!r}); from importlinter.cli import lint_imports; "
        script += "sys.exit(lint_imports(no_cache=True))"
        wide = {**os.environ, "COLUMNS": "400"}  # a contract's name and verdict on one line
        command = [sys.executable, "-c", script]
        found = subprocess.run(command, cwd=tree, env=wide, capture_output=True, text=True, timeout=60)
    finally:
        target.write_text(original)
    assert found.returncode == 1
    broken_ones = [said for said in found.stdout.splitlines() if said.endswith("BROKEN")]
    assert any(broken in said for said in broken_ones), found.stdout
