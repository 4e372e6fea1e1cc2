"""What the documents say to type is typed here, word for word, by a shell in an empty folder."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from krypton.devstack.stack import Stack
from streams.broker import topics
from tests.fakes.published import publish, samples
from tests.integration.live_ledger import delete_topics

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh title=([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROUNDS = 3


def blocks(page: str) -> dict[str, str]:
    """The shell blocks of a page that have a title, in order."""
    return dict(BLOCK.findall((ROOT / page).read_text()))


def typed(block: str, env: dict[str, str], cwd: Path, timeout_s: float = 90) -> str:
    """What a shell prints to whom a block is pasted; it must end well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KRYPTON_")}
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block],
        cwd=cwd,
        env=kept | env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readmes_subscriber_works_as_pasted(stack: Stack) -> None:
    """Against the embedded broker, at the address that it finds itself."""
    kafka = stack.addresses().kafka
    delete_topics(kafka)
    topics.create(kafka)
    published = publish(kafka, samples(ROUNDS))
    said = typed(blocks("README.md")["subscribe"], {"KRYPTON_HOME": str(stack.root)}, ROOT)
    told = [line.split()[0] for line in said.splitlines()]
    sent = [dict(record.headers)["ce_type"].decode() for record in published if record.topic == "krypton.studies"]
    assert sorted(told) == sorted(sent)
