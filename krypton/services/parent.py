"""Ends a process of ``krypton run`` with its supervisor, also where that was killed: no orphan keeps a port or a lock.

The supervisor names itself in its children's environment. On Linux the kernel kills a child when its parent ends
(prctl(2), PR_SET_PDEATHSIG); elsewhere a thread looks every second whether the parent is still there. The kernel means
the thread that started the child, so the supervisor starts its children in the thread that also waits for them. Killing
is safe at any moment: what was accepted is durable, and nothing is applied twice.
"""

import os
import signal
import sys
import threading
import time
from typing import Final

PARENT: Final = "KRYPTON_SUPERVISOR"
"""Environment variable of a child: its supervisor's process id."""
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
LOOK_S: Final = 1.0


def end_with_parent() -> None:
    """Where a supervisor started this process: from now on it ends with it. Children of its own inherit no parent."""
    if (named := os.environ.pop(PARENT, None)) is None:
        return
    parent = int(named)
    if not _killed_by_kernel():
        threading.Thread(target=_watch, args=(parent,), name="supervisor", daemon=True).start()
    _end_without(parent)  # it may have ended before the kernel was asked


def _killed_by_kernel() -> bool:
    """Whether the kernel will kill this process when its parent ends."""
    if sys.platform != "linux":
        return False
    import ctypes  # imported here: only a supervisor's children need it

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # a C library without it
        return False


def _watch(parent: int) -> None:
    while True:
        _end_without(parent)
        time.sleep(LOOK_S)


def _end_without(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
