"""Processes that a test kills: forked from one that has loaded what they need, for loading it takes each a second.

The environment of ``SERVER``'s processes is that of the first of them; a ``Forked`` has the one that it is given.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Protocol

SERVER: Final = get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "krypton.cli.main",
        "krypton.cli.policies",
        "krypton.cli.services",
        "krypton.services.policies",
        "krypton.services.workers",
        "streams.processor.processor",
        "streams.relay.relay",
        "tests.integration.test_erasure_followed",
        "tests.integration.test_erasure_kill",
        "tests.integration.test_policy_kill",
        "tests.integration.test_promotion_kill",
    ]
)


class Running(Protocol):
    """What ``subprocess.Popen`` and ``Forked`` have in common."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Where it still runs."""

    def terminate(self) -> None:
        """SIGTERM."""


class Forked:
    """``krypton <words>``, as a shell would start it; what it says is added to a file."""

    def __init__(self, words: tuple[str, ...], env: Mapping[str, str], said: Path) -> None:
        self._words, self._env, self._said = words, env, said
        self._process = SERVER.Process(target=_command, args=(words, dict(env), str(said)))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """See ``Running``."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """See ``Running``."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._words, timeout or 0.0)
        return code

    def again(self) -> "Forked":
        """The same command, started again."""
        return Forked(self._words, self._env, self._said)

    def send_signal(self, sig: int) -> None:
        """See ``Running``."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        """See ``Running``."""
        self.send_signal(signal.SIGTERM)


def _command(words: tuple[str, ...], env: dict[str, str], said: str) -> None:
    """In the process: what a shell does before, Python's end after."""
    os.environ.clear()
    os.environ.update(env)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["krypton", *words]
    from krypton.cli.main import main  # loaded already, where this was forked

    try:
        main()
    finally:
        atexit._run_exitfuncs()
