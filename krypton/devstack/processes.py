"""Server processes: started apart from us, found again by their command line, ended with care.

No pid file is trusted. A process is ours when its program and its arguments name our state folder, so a
number left from before a crash or a reboot, and given to somebody else since, can do no harm.
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
    """Start a server that outlives us, in a session of its own, its output appended to ``log``.

    Returns None when it has ended already.
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
    """The running process whose command line is ours, if there is one; a zombie has none and is none."""
    return next(iter(find_all(is_ours)), None)


def find_all(is_ours: IsOurs) -> list[psutil.Process]:
    """Every running process whose command line is ours."""
    return [process for process, argv in _running() if is_ours(argv)]


def find_working_in(folder: Path, is_ours: IsOurs) -> list[psutil.Process]:
    """The processes whose command line is ours and whose working directory is ``folder``."""
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
    """Whether it still runs: same pid and same start time, and no zombie."""
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, giving it so many seconds, until the process is gone."""
    for number, patience_s in signals:
        try:
            process.send_signal(number)  # psutil refuses a pid that was given to another process since
        except psutil.NoSuchProcess:
            return
        if wait_until(lambda: not alive(process), patience_s):
            return


def wait_until(holds: Callable[[], bool], patience_s: float, every_s: float = 0.05) -> bool:
    """Ask until it holds or the patience is over; whether it held."""
    deadline = time.monotonic() + patience_s
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
