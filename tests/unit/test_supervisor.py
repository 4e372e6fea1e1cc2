"""Children of a supervisor end with it, whatever ended it and whatever they are doing."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from krypton.devstack.processes import alive
from krypton.errors import ServiceUnavailable
from krypton.home import Home
from krypton.listeners import is_taken, listener
from krypton.services import parent
from krypton.services.alone import Needed, only_run, taken_ports
from krypton.services.run import ports
from krypton.services.supervisor import Child, supervise
from krypton.settings import Settings
from tests.waiting import WITHIN_S, until

CHILD = "from krypton.services.parent import end_with_parent; end_with_parent(); print('on', flush=True); input()"
WITHOUT_PRCTL = f"from krypton.services import parent; parent._killed_by_kernel = lambda: False; {CHILD}"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {CHILD}"
SUPERVISOR = """
import sys, threading
from pathlib import Path
from krypton.services.supervisor import Child, supervise
code, log = sys.argv[1:]
child = Child("child", [sys.executable, "-c", code.replace("input()", "import time; time.sleep(600)")], Path(log))
supervise([child], print, threading.Event())
"""


class Family:
    """A supervisor in a process of its own, and its one child."""

    def __init__(self, code: str, log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, code, str(log)])

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def child(self) -> psutil.Process:
        """The child, once it works."""
        until(lambda: self.log.exists() and "on" in self.log.read_text(), "the child works")
        return self.children[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def families(tmp_path: Path) -> Iterator[list[Family]]:
    """Those of a test; ended with it."""
    made: list[Family] = []
    yield made
    for family in made:
        family.process.kill()
        family.process.wait()


@pytest.mark.parametrize("code", [CHILD, WITHOUT_PRCTL, DEAF], ids=["prctl", "without prctl", "deaf to SIGTERM"])
def test_a_child_ends_with_a_supervisor_that_is_killed(code: str, families: list[Family], tmp_path: Path) -> None:
    families.append(family := Family(code, tmp_path / "log"))
    child = family.child()
    family.kill()
    until(lambda: not alive(child), "the child has ended")


@pytest.mark.skipif(sys.platform != "linux", reason="only the kernel ends a process that is stopped")
def test_a_frozen_child_ends_too(families: list[Family], tmp_path: Path) -> None:
    families.append(family := Family(CHILD, tmp_path / "log"))
    child = family.child()
    child.suspend()
    family.kill()
    until(lambda: not alive(child), "the child has ended")


def test_a_child_that_was_only_just_started_ends_too(families: list[Family], tmp_path: Path) -> None:
    """The supervisor is killed before its child asked the kernel for anything."""
    goes_on = tmp_path / "goes on"
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(goes_on)!r}).exists(): time.sleep(0.02)\n"
    families.append(family := Family(waits + CHILD, tmp_path / "log"))
    until(lambda: bool(family.children), "it started its child")
    child = family.children[0]
    family.kill()
    goes_on.touch()
    until(lambda: not alive(child), "the child has ended")
    assert "on" not in (tmp_path / "log").read_text()


def test_a_process_that_no_supervisor_started_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(parent.PARENT, raising=False)
    parent.end_with_parent()  # this process would be gone


def test_what_a_child_starts_is_told_of_no_supervisor() -> None:
    code = "import os; from krypton.services import parent as p; p.end_with_parent(); print(p.PARENT in os.environ)"
    env = {**os.environ, parent.PARENT: str(os.getpid())}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout == "False\n"


def test_a_child_is_stopped_by_sigterm_where_its_supervisor_stops(tmp_path: Path) -> None:
    """A clean stop stays clean: the child may finish what it does."""
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); "
    code += CHILD.replace("input()", "time.sleep(600)")
    child = Child("child", [sys.executable, "-c", code], tmp_path / "log")
    stop = threading.Event()
    running = threading.Thread(target=supervise, args=([child], print, stop))
    running.start()
    until(lambda: child.log.exists() and "on" in child.log.read_text(), "the child works")
    process = child.process
    stop.set()
    running.join()
    assert process is not None
    assert process.returncode == 7


class Refused(Child):
    """A child that the machine has no room for, at first."""

    def start(self) -> None:
        if not self.failures:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        super().start()


def test_a_child_that_the_machine_cannot_start_is_tried_again_and_the_others_stay(tmp_path: Path) -> None:
    children = [
        kind(name, [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / name)
        for kind, name in ((Child, "first"), (Refused, "second"))
    ]
    said: list[str] = []
    stop = threading.Event()
    running = threading.Thread(target=supervise, args=(children, said.append, stop))
    running.start()
    try:
        until(lambda: all(child.process is not None for child in children), "both run")
        first = children[0].process
        assert first is not None
        assert first.poll() is None
        (line,) = said
        assert line == f"second could not be started ([Errno {errno.EAGAIN}] {os.strerror(errno.EAGAIN)}), trying again"
    finally:
        stop.set()
        running.join()


def test_a_second_run_in_a_folder_is_refused_by_pid(tmp_path: Path) -> None:
    home = Home(tmp_path / "made")
    with only_run(home), pytest.raises(ServiceUnavailable, match=rf"already \(pid {os.getpid()}\)"), only_run(home):
        pass
    with only_run(home):  # free again
        pass


def test_the_lock_of_a_run_that_was_killed_is_free(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from krypton.home import Home\n"
    code += "from krypton.services.alone import only_run\n"
    code += "with only_run(Home(Path(sys.argv[1]))): print('on', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"on\n"
        first.send_signal(signal.SIGKILL)
    with only_run(Home(tmp_path)):
        pass


def test_who_holds_a_port_is_named_with_program_and_pid() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_taken("127.0.0.1", port)
        assert is_taken("", port)
        (line,) = taken_ports([Needed("dicom", "", port, "KRYPTON_DICOM_PORT")], within_s=0)
    assert f"port {port}, which dicom needs, is held by {psutil.Process().name()} (pid {os.getpid()})" in line
    assert "KRYPTON_DICOM_PORT" in line
    assert not is_taken("127.0.0.1", port)
    assert list(taken_ports([Needed("dicom", "", port, "KRYPTON_DICOM_PORT")])) == []


def test_the_dicom_port_is_looked_at_on_the_address_where_it_is_opened(tmp_path: Path) -> None:
    """Who holds it on another address is in nobody's way."""
    settings = Settings.read({"KRYPTON_DICOM_HOST": "127.0.0.2", "KRYPTON_DICOM_PORT": "11113"}, tmp_path)
    assert Needed("dicom", "127.0.0.2", 11113, "KRYPTON_DICOM_PORT") in ports(settings)


def test_a_port_that_becomes_free_is_waited_for() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    freed = threading.Timer(0.3, server.close)  # while it is waited for
    freed.start()
    assert list(taken_ports([Needed("registry", "127.0.0.1", port, "X")], within_s=WITHIN_S)) == []
    freed.join()


@pytest.mark.parametrize(("name", "named"), [("krypton", ", krypton dicom serve)"), ("other", ")")])
def test_of_our_own_processes_the_command_is_named_and_of_others_no_argument(
    name: str, named: str, tmp_path: Path
) -> None:
    """Another program's arguments may hold a password."""
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    (tmp_path / name).write_text(code)
    command = [sys.executable, str(tmp_path / name), "dicom", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        said = listener(int(other.stdout.readline()))
        assert said == f"{psutil.Process(other.pid).name()} (pid {other.pid}{named}"
        other.kill()
