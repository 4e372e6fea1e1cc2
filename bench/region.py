"""Runs a temporary, empty ledger on embedded servers for benchmarks."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from krypton.bootstrap import Krypton
from krypton.cli.roles import write_for_development
from krypton.devstack.stack import Stack
from krypton.services.install import install
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings

STOP_S = 30


@contextmanager
def region() -> Iterator[Krypton]:
    """An installed, empty ledger. PostgreSQL keeps commit times, so that latency is measured without polling."""
    home = Path(tempfile.mkdtemp(prefix="krypton-bench-"))
    stack = Stack(home)
    try:
        addresses = stack.up()
        write_for_development(Settings.read({"KRYPTON_HOME": str(home)}, home))
        _keep_commit_times(addresses.database)
        stack.stop_database_immediate()
        stack.start_database()
        ours = Krypton(Settings.read({"KRYPTON_HOME": str(home)}, home), stack.addresses())
        list(install(ours))
        yield ours
    finally:
        stack.down()
        shutil.rmtree(home)


def _keep_commit_times(database: str) -> None:
    connection = psycopg2.connect(database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    finally:
        connection.close()


@contextmanager
def processes(ours: Krypton, *commands: tuple[str, ...]) -> Iterator[None]:
    """Run ``krypton`` processes in the background; stopped at the end."""
    running = [started(ours, *words) for words in commands]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(STOP_S)


def started(ours: Krypton, *words: str, **settings: str) -> "subprocess.Popen[bytes]":
    """``krypton <words>`` in the background; whoever starts it ends it. ``settings``: beside those of this process."""
    env = {**os.environ, "KRYPTON_HOME": str(ours.settings.home), **settings}
    return subprocess.Popen(krypton_command(*words), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
