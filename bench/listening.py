"""Programs that listen on a port of this machine: started to be measured, waited for, and ended."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.fakes.ports import free_port, listens
from tests.waiting import until

LOCAL: Final = "127.0.0.1"
Process = subprocess.Popen[bytes]
Server = Callable[[Path, int], list[str]]
"""The command that serves on a port, with a folder of its own."""


@contextmanager
def serving(folder: Path, command: Server, env: Mapping[str, str] = os.environ) -> Iterator[tuple[Process, int]]:
    """A server with an empty folder within that one, and its port."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(dir=folder) as own,
        listening(command(Path(own), port), port, env) as process,
    ):
        yield process, port


@contextmanager
def listening(command: Sequence[str], port: int, env: Mapping[str, str] = os.environ) -> Iterator[Process]:
    """A process that listens on that port."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ended(process):
        until(lambda: listens(port), f"{command[0]} listens")
        yield process


@contextmanager
def ended(process: Process) -> Iterator[None]:
    """The process is ended after this."""
    try:
        yield
    finally:
        process.terminate()
        process.wait()
