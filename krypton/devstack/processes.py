"""Starts server processes that outlive this one, finds them again by command line, and ends them.

Pid files are not trusted. A process is recognised by its program and arguments, which name the state folder, so a pid
that was reused after a crash or a reboot does no harm.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from krypton.devstack.accounts import Account

IsOurs = Callable[[Sequence[str]], bool]  # asked about a whole command line

# Our own variables (JAVA_TOOL_OPTIONS, PGPORT, …) do not reach the servers; C.UTF-8 keeps accents in paths.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}

# The shell starts the server and ends: the server's parent is then init, which reaps it whenever it dies.
DETACH = '"$@" </dev/null >&2 & echo $!'


def spawn(argv: Sequence[str], *, log: Path, account: Account | None = None) -> psutil.Process | None:
    """Start a server that outlives this process, in its own session, with its output appended to ``log``.

    Returns None if it has already ended.
    """
    with log.open("ab") as output:
        started = subprocess.run(
            ["/bin/sh", "-c", DETACH, "sh", *argv],
            stdout=subprocess.PIPE,
            stderr=output,
            env=ENVIRONMENT,
            start_new_session=True,
            check=True,
            **(account.as_arguments() if account else {}),
        )
    try:
        return psutil.Process(int(started.stdout))
    except psutil.NoSuchProcess:
        return None


def find(is_ours: IsOurs) -> psutil.Process | None:
    """The running process with a matching command line, if any; zombies have none."""
    return next(iter(find_all(is_ours)), None)


def find_all(is_ours: IsOurs) -> list[psutil.Process]:
    """Every running process with a matching command line."""
    return [process for process, argv in _running() if is_ours(argv)]


def find_working_in(folder: Path, is_ours: IsOurs) -> list[psutil.Process]:
    """The processes with a matching command line whose working directory is ``folder``."""
    found = []
    for process, argv in _running():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if is_ours(argv) and Path(process.cwd()) == folder:
                found.append(process)
    return found


def _running() -> Iterator[tuple[psutil.Process, Sequence[str]]]:
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # gone, or another user's
            if argv := process.cmdline():
                yield process, argv


def alive(process: psutil.Process | None) -> bool:
    """Whether it is still running: same pid and start time, and not a zombie."""
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, wait up to its number of seconds, until the process is gone."""
    for number, timeout_s in signals:
        try:
            process.send_signal(number)  # psutil refuses a pid that was given to another process since
        except psutil.NoSuchProcess:
            return
        if wait_until(lambda: not alive(process), timeout_s):
            return


def wait_until(holds: Callable[[], bool], timeout_s: float, every_s: float = 0.05) -> bool:
    """Poll until the condition holds or the time is over; returns whether it held."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        lines = log.read_text(errors="replace")[-20_000:].splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in lines[-count:]) or "(its log is empty)"
