"""How a process with many threads is given memory by the C library."""

import ctypes
from typing import Final

_ARENA_MAX: Final = -8
"""As <malloc.h> of glibc numbers it."""


def one_arena() -> None:
    """Have all threads share one heap; to be called before they start.

    glibc gives each thread a heap of its own. Pieces of a file are read by some threads and let go by another, so each
    heap keeps room for the most that it ever held, and a process grows by what nobody uses. Python's threads wait for
    each other anyway. Nothing is done where the C library is another one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
