"""Work that one process at a time does, for all on this machine: a download into the cache, a change of servers."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from krypton.errors import ServiceUnavailable

LOCK_TIMEOUT_S = 300.0  # the first start downloads; no holder needs longer


@contextmanager
def locked_file(path: Path, who: str, say: Callable[[str], None], timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold an advisory lock on ``path``. Raises ServiceUnavailable after ``timeout_s`` seconds of waiting."""
    deadline, told = time.monotonic() + timeout_s, False
    with _opened(path) as lock:
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise ServiceUnavailable(f"{who}, for more than {timeout_s:.0f} s: end it, then run the command again")
            if not told:
                say(f"{who}: waiting for it")
                told = True
            time.sleep(0.1)
        yield


def once(
    lock: Path, who: str, say: Callable[[str], None], *, done: Callable[[], bool], make: Callable[[], None]
) -> None:
    """Make what is not there, by one process at a time: another one may have made it meanwhile."""
    if done():
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with locked_file(lock, who, say):
        if not done():
            make()


def _opened(path: Path) -> TextIO:
    try:
        return path.open("a")
    except OSError as failure:
        raise ServiceUnavailable(
            f"{path} cannot be written: it belongs to another user; run the command as that user, or set "
            "KRYPTON_HOME to a folder of yours"
        ) from failure


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
