"""Threads of the web service share one heap: what one has let go another uses."""

import re
import subprocess
import sys

import pytest

ALLOCATING = """
import ctypes, sys, threading
from krypton.services.memory import one_arena

if sys.argv[1] == "one":
    one_arena()
begun, ends = threading.Barrier(5), threading.Event()

def allocate():
    held = [bytes(60_000) for _ in range(20)]
    begun.wait()
    ends.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for one in threads:
    one.start()
begun.wait()
library = ctypes.CDLL(None)
library.fdopen.restype = ctypes.c_void_p
library.malloc_info(0, ctypes.c_void_p(out := library.fdopen(1, b"w")))
library.fflush(ctypes.c_void_p(out))
ends.set()
"""


@pytest.mark.parametrize(("asked", "most"), [("one", 1), ("many", 5)])
def test_four_threads_that_allocate_have_one_heap_where_that_is_asked(asked: str, most: int) -> None:
    said = subprocess.run([sys.executable, "-c", ALLOCATING, asked], check=True, capture_output=True, text=True).stdout
    heaps = len(re.findall(r"<heap nr=", said))
    assert (heaps == 1) if asked == "one" else (1 < heaps <= most)
