"""``krypton run``: starts the ledger's processes as children, restarts those that end, and stops all on SIGTERM.

A child that ends is started again after a pause that grows with repeated failures, and shrinks after it ran well; its
output goes to its own file under ``logs/`` and its last line is quoted when it ends. Children do not outlive the
supervisor (``parent``). All logs of that folder are bounded, those of the embedded servers among them.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from krypton.logs import MOST_BYTES, bound
from krypton.services.parent import PARENT

STOP_S = 15.0  # a child that has not stopped by then is killed
WELL_S = 30.0  # a child that ran so long is taken to have started well
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
TICK_S = 0.2
LOGS_EVERY_S = 5.0
MOST_LOG_BYTES = MOST_BYTES


@dataclass
class Child:
    """One process: its name, its command, and its state."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)

    def start(self) -> None:
        """Start it, in a process group of its own so that Ctrl-C reaches the supervisor alone.

        The thread that calls this must stay until the child has ended: the child ends with it (``parent``). Raises
        OSError where the machine has no room for a process, memory or file.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, PARENT: str(os.getpid())}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=env
            )
        self.started = time.monotonic()

    def ended(self) -> int | None:
        """Its exit code, once, after it has ended; schedules the restart."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self._put_off(0 if time.monotonic() - self.started > WELL_S else self.failures + 1)
        self.process = None
        return code

    def start_failed(self) -> None:
        """The machine could not start it: schedules the next try."""
        self._put_off(self.failures + 1)

    def _put_off(self, failures: int) -> None:
        self.failures = failures
        self.due = time.monotonic() + PAUSES_S[min(failures, len(PAUSES_S) - 1)]

    def last_line(self) -> str:
        """The last line of its log."""
        try:
            lines = self.log.read_bytes()[-4096:].decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def krypton_command(*arguments: str) -> list[str]:
    """The command line of this program."""
    return [sys.executable, "-m", "krypton.cli.main", *arguments]


def supervise(children: Sequence[Child], say: Callable[[str], None], stop: Event) -> None:
    """Keep the children running until ``stop`` is set, then stop them: SIGTERM, a bounded wait, SIGKILL."""
    looked = 0.0
    try:
        while not stop.wait(TICK_S):
            if time.monotonic() - looked > LOGS_EVERY_S:
                looked = time.monotonic()
                _bound({child.log.parent for child in children})
            for child in children:
                if (code := child.ended()) is not None:
                    say(f"{child.name} ended ({code}), starting it again: {child.last_line()}")
                if child.process is None and time.monotonic() >= child.due:
                    _start(child, say)
    finally:
        _stop_all(children)


def _bound(folders: Collection[Path]) -> None:
    with suppress(OSError):  # no file can be opened: looked at again soon
        bound((log for folder in folders for log in folder.glob("*.log")), MOST_LOG_BYTES)


def _start(child: Child, say: Callable[[str], None]) -> None:
    """Where the machine has no room for one, the others go on, and it is tried again."""
    try:
        child.start()
    except OSError as full:
        child.start_failed()
        say(f"{child.name} could not be started ({full}), trying again")


def _stop_all(children: Sequence[Child]) -> None:
    running = [c.process for c in children if c.process is not None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def stop_on_signals(stop: Event) -> None:
    """SIGTERM and SIGINT set ``stop``; a second signal kills the process."""

    def on_signal(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
