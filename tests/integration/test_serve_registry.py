"""``krypton serve registry`` as a process: answers with no other service there, ends cleanly, says who has its port."""

import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from krypton.ports import answers
from krypton.services.supervisor import krypton_command
from schemas.registry import registry
from tests.fakes.ports import free_port
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live


def start(port: int, folder: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "KRYPTON_REGISTRY_PORT": str(port), "KRYPTON_HOME": str(folder)}
    command = krypton_command("serve", "registry")
    return subprocess.Popen(command, env=env, text=True, stderr=subprocess.PIPE)


def test_it_answers_alone_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    with start(port, tmp_path) as process:
        until(lambda: answers(port), "it listens")
        assert len(httpx.get(f"http://127.0.0.1:{port}/subjects", timeout=WITHIN_S).json()) == len(registry().latest)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    port = free_port()
    with start(port, tmp_path) as first:
        until(lambda: answers(port), "it listens")
        with start(port, tmp_path) as second:
            assert second.wait(WITHIN_S) == 4
            assert second.stderr is not None
            assert f"port {port} of 127.0.0.1 cannot be opened" in second.stderr.read()
        first.kill()
