"""Processes that decode: a stream that crashes one, or keeps it busy, ends that one, and is an error to who asked.

What comes from a device is decoded by libraries in C, which a hostile or broken stream may kill or hang. So no decoder
runs in a process that answers. Each works on one thing at a time, within bounds of time and memory, and another one is
started where it ends. Few wait; who asks for what is being made already waits for that.
"""

import json
import os
import select
import struct
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from time import monotonic
from typing import Any, Final

LENGTHS: Final = struct.Struct("<LQ")
"""Before each answer: bytes of what is said, and of what was made."""
LENGTH: Final = struct.Struct("<L")
MOST_MADE: Final = 1 << 30
ROOT: Final = Path(__file__).parents[3]
GRACE_S: Final = 5.0
CHUNK: Final = 1 << 20
STOPS: Final = "the service stops"
Job = Mapping[str, Any]


class Undecodable(Exception):
    """These pixels cannot be decoded here: they are broken, of a kind that nobody here knows, or take too much."""


class TooMany(Exception):
    """More is asked for than can be made: ask again."""


class Pool:
    """``most`` processes, which start when they are needed; ``waiting`` more things wait for their turn. ``limit_s``,
    ``memory_mib``: what one thing may take.
    """

    def __init__(self, most: int = 2, waiting: int = 64, *, limit_s: float = 20.0, memory_mib: int = 2_048) -> None:
        self._threads = ThreadPoolExecutor(most, "pictures")
        self._children = [Child(limit_s, memory_mib) for _ in range(most)]
        self._idle: LifoQueue[Child] = LifoQueue()
        for child in self._children:
            self._idle.put(child)
        self._room, self._lock = most + waiting, Lock()
        self._making: dict[str, Future[bytes]] = {}

    def made(self, job: Job) -> bytes:
        """What is made of it. Raises Undecodable, TooMany."""
        key = json.dumps(job, sort_keys=True)
        with self._lock:
            future = self._making.get(key)
            if future is None:
                if len(self._making) >= self._room:
                    raise TooMany("too many pictures are asked for at once: ask again")
                future = self._making[key] = self._threads.submit(self._make, key)
        try:
            return future.result()
        except CancelledError:
            raise Undecodable(STOPS) from None

    def start(self) -> None:
        """Start all processes, so that the first who asks need not wait for one."""
        for child in self._children:
            child.start()

    def close(self) -> None:
        """End them."""
        for child in self._children:
            child.close()
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            child.stop()

    def _make(self, key: str) -> bytes:
        child = self._idle.get()
        try:
            return child.ask(key.encode())
        finally:
            self._idle.put(child)
            with self._lock:
                del self._making[key]


class Child:
    """One process. One thread at a time asks."""

    def __init__(self, limit_s: float, memory_mib: int) -> None:
        self._limit_s, self._memory_mib = limit_s, memory_mib
        self._process: subprocess.Popen[bytes] | None = None
        self._lock, self._closed = Lock(), False

    def start(self) -> subprocess.Popen[bytes]:
        """The process, which is started where there is none. Raises Undecodable: this is the end."""
        with self._lock:
            if self._closed:
                raise Undecodable(STOPS)
            if self._process is None:
                words = [sys.executable, "-m", "adapters.archive.pictures.worker"]
                env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
                bounds = [str(self._limit_s), str(self._memory_mib)]
                self._process = subprocess.Popen(
                    [*words, *bounds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, bufsize=0
                )
            return self._process

    def ask(self, job: bytes) -> bytes:
        """What it makes. Raises Undecodable."""
        process = self.start()
        try:
            said, made = _exchange(process, job, monotonic() + self._limit_s + GRACE_S)
        except (OSError, EOFError, ValueError):
            self.stop()
            raise Undecodable("its pixels ended what was to decode them, or took too long") from None
        if error := said.get("error"):
            raise Undecodable(error)
        return made

    def close(self) -> None:
        """Let nobody start it again, and end it."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def stop(self) -> None:
        """End it, at once."""
        with self._lock:
            if self._process is None:
                return
            process, self._process = self._process, None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _exchange(process: subprocess.Popen[bytes], job: bytes, until: float) -> tuple[dict[str, Any], bytes]:
    """Raises OSError, EOFError, ValueError: it does not answer, or not as it should."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(LENGTH.pack(len(job)) + job)
    fd = process.stdout.fileno()
    of_said, of_made = LENGTHS.unpack(_read(fd, LENGTHS.size, until))
    if of_made > MOST_MADE:
        raise ValueError(of_made)
    said: dict[str, Any] = json.loads(_read(fd, of_said, until))
    return said, _read(fd, of_made, until)


def _read(fd: int, count: int, until: float) -> bytes:
    """Raises EOFError: it ended, or time is over."""
    data = bytearray()
    while len(data) < count:
        ready, _, _ = select.select([fd], [], [], max(0.0, until - monotonic()))
        piece = os.read(fd, min(CHUNK, count - len(data))) if ready else b""
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
