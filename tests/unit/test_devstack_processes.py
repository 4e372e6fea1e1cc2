"""Server processes: ours are found and ended, strangers are left alone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from krypton.devstack import processes
from tests.waiting import until

STUBBORN = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[psutil.Process]:
    """A server that ignores SIGTERM, its output in ``tmp_path/log``."""
    log = tmp_path / "log"
    process = processes.spawn([sys.executable, "-c", STUBBORN, str(tmp_path)], log=log)
    assert process is not None
    until(lambda: "on" in log.read_text(), "it runs")
    yield process
    processes.end(process, [(signal.SIGKILL, 10)])


def is_it(tmp_path: Path) -> processes.IsOurs:
    return lambda argv: argv[-1] == str(tmp_path)


def test_a_server_is_found_by_its_command_line(server: psutil.Process, tmp_path: Path) -> None:
    found = processes.find(is_it(tmp_path))
    assert found == server


def test_a_server_is_nobodys_child_of_ours(server: psutil.Process) -> None:
    assert server.pid not in {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_server_that_ignores_the_first_signal_gets_the_next(server: psutil.Process, tmp_path: Path) -> None:
    processes.end(server, [(signal.SIGTERM, 0.2), (signal.SIGKILL, 10)])
    assert not processes.alive(server)
    assert processes.find(is_it(tmp_path)) is None


def test_ending_a_server_that_is_gone_is_harmless(server: psutil.Process) -> None:
    processes.end(server, [(signal.SIGKILL, 10)])
    processes.end(server, [(signal.SIGKILL, 10)])


def test_a_pid_that_belongs_to_another_process_now_is_never_signalled() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        reused = psutil.Process(stranger.pid)
        # What psutil would hold after the pid went to another process: the same number, another start time.
        vars(reused)["_ident"] = (reused.pid, reused.create_time() - 100)
        processes.end(reused, [(signal.SIGKILL, 0.1)])
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        process = psutil.Process(child.pid)
        until(lambda: process.status() == psutil.STATUS_ZOMBIE, "it is a zombie")
        assert not processes.alive(process)
    assert not processes.alive(None)


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {n}\n" for n in range(100)))
    assert processes.last_lines(tmp_path / "log", 2) == "  line 98\n  line 99"
    assert processes.last_lines(tmp_path / "none") == "(no log)"
