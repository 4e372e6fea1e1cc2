"""How a process with many threads is given memory by the C library."""

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""As <malloc.h> of glibc numbers them."""
_KEPT: Final = 8 << 20
"""Bytes at the heap's end that are kept for the next piece: given back and asked for again, each page of a frame of a
MiB is cleared again, which takes longer than reading it.
"""


def one_arena() -> None:
    """Have all threads share one heap; to be called before they start.

    glibc gives each thread a heap of its own. Pieces of a file are read by some threads and let go by another, so each
    heap keeps room for the most that it ever held, and a process grows by what nobody uses. Python's threads wait for
    each other anyway. Nothing is done where the C library is another one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_TRIM_THRESHOLD, _KEPT)
