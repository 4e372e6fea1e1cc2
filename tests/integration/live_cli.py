"""A running region for tests of what users see: servers of its own, ``krypton run``, the command line in-process."""

import gc
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.cli.main import run
from krypton.devstack.stack import Stack
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings
from krypton.views import promote
from postgres.session import keep_within
from tests.fakes.dicom import new_uid
from tests.fakes.ports import free_ports, listens
from tests.fakes.region import received
from tests.fakes.roles import REASON, every_role, every_role_by_name
from tests.waiting import WITHIN_S, until

SITE, OTHER_SITE, AE_TITLE = "CHB", "CHP", "CHB_PACS"
CLINICIAN, OUTSIDER = "10101201233", "10101205671"  # the first works for CHB, the second for no one
LEFT_OUT, PLANTED = "not as the ledger holds it", "that this ledger did not write"  # what wait says of such records
DIFFERING = ("--even-though", "sex", "--even-though", "birth-date")  # whatever the two differ in, it is known
PROGRESS = re.compile(r"^.+: [\d,]+( of [\d,]+ \(\d+ %\))?, [\d,]+/s.*\n", re.MULTILINE)
RUNNING = pytest.StashKey["Region"]()
_numbers = count(1)


class Said(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """Its standard error without progress: how much of that shows depends on how long it took."""
        return PROGRESS.sub("", self.err).strip()


@dataclass(frozen=True)
class CommandLine:
    """``krypton`` with the settings of one folder, in this process: Python need not start each time."""

    home: Path
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def _own(self) -> dict[str, str]:
        """What its commands are told: its folder, who asks and why."""
        given = dict(self.settings)
        roles = every_role_by_name(CLINICIAN) if "KRYPTON_DATABASE" in given else every_role()
        who = {"KRYPTON_ROLES": str(roles), "KRYPTON_REASON": REASON}
        return {"KRYPTON_HOME": str(self.home), "COLUMNS": "240"} | who | given

    @property
    def env(self) -> dict[str, str]:
        """The environment of its commands: no setting but its own, and wide tables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KRYPTON_")}
        return kept | self._own

    def run(self, *words: object) -> Said:
        """Run one command line."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
            for name in [name for name in os.environ if name.startswith("KRYPTON_")]:
                patched.delenv(name)
            for name, value in self._own.items():
                patched.setenv(name, value)
            patched.setattr(gc, "freeze", lambda: None)  # else what a command opened is never collected
            patched.setattr(promote, "TIMEOUT_S", WITHIN_S)  # a version's worker starts as fast as the machine is
            code = run([str(word) for word in words])
        keep_within("", None)  # a service's budget would hold the tests after it
        gc.collect()  # a process of a command's own would give its connections back by ending
        gc.freeze()  # and what is left need not be walked over after the next one
        assert "Traceback" not in err.getvalue()
        return Said(code, out.getvalue(), err.getvalue())

    def run_apart(self, *words: object) -> Said:
        """Run one command line in a process of its own, whose end gives back what a library left open."""
        command = krypton_command(*(str(word) for word in words))
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=WITHIN_S, check=False)
        assert "Traceback" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def show(self, *words: object) -> str:
        """What a command prints that must succeed."""
        said = self.run(*words)
        assert said.code == 0, said.err
        return said.out

    def ask(self, *words: object) -> Any:
        """The JSON document of a command that must succeed."""
        return json.loads(self.show(*words, "--json"))

    def complaint(self, code: int, *words: object) -> str:
        """What a command says on standard error that must end with this code."""
        said = self.run(*words)
        assert said.code == code, f"{said.code}: {said.out} {said.err}"
        return said.told


class Region(CommandLine):
    """A ledger whose relay, workers and DICOM service run."""

    def register(self, local_id: str = "", site: str = SITE, **stated: str) -> str:
        """A new person, plainly made up; returns the REF."""
        local_id = local_id or f"T{next(_numbers)}"
        traits = {"family": "FICTIVE", "given": "Alex", "birth-date": "1970-01-02", "sex": "F"} | stated
        options = [word for name, value in traits.items() for word in (f"--{name}", value)]
        self.ask("identity", "register", "--assigner", site, "--id", local_id, *options)
        return f"{site}|{local_id}"

    def receive(self, ref: str, **stated: str) -> str:
        """A study of that person comes in; returns the ledger's id of it."""
        site, _, local_id = ref.partition("|")
        asked = received(site, new_uid(), local_id=local_id, stated={"family": "FICTIVE", "given": "Alex", **stated})
        return str(self.krypton.ledger.execute(asked, Envelope("system:test")).result["study"])

    def settle(self) -> None:
        """Wait until every view has applied all that the ledger holds. What a test planted on Kafka stays there, and
        ``wait`` goes on to tell of it; nothing else may be wrong.
        """
        said = self.run("wait", "--timeout", "180")
        told = " ".join(said.err.split()).partition(f"{LEFT_OUT}: ")[2]
        assert said.code == 0 or (told and all(PLANTED in cause for cause in told.split("; "))), said.err

    @cached_property
    def krypton(self) -> Krypton:
        """The ledger itself, for what no command does."""
        return Krypton.connect(Settings.read({"KRYPTON_HOME": str(self.home)}, self.home))

    @property
    def head(self) -> int:
        """The last ledger position."""
        return self.krypton.ledger.recorder.max_notification_id() or 0

    @property
    def dicom_port(self) -> int:
        """Where the DICOM service listens."""
        return int(dict(self.settings)["KRYPTON_DICOM_PORT"])

    def worker(self, view: str) -> psutil.Process:
        """The process that builds a view."""
        words = ["worker", view, "--version"]
        return next(p for p in psutil.process_iter() if self._is_ours(p) and p.cmdline()[-4:-1] == words)

    def dicom_service(self) -> psutil.Process:
        """The process that takes instances in."""
        return next(p for p in psutil.process_iter() if self._is_ours(p) and p.cmdline()[-2:] == ["dicom", "serve"])

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("KRYPTON_HOME") == str(self.home)
        except psutil.Error:
            return False


@pytest.fixture(scope="session")
def region(request: pytest.FixtureRequest) -> Region:
    """One region for all modules that import this: started by the first test, stopped when the session ends.

    A fixture of several modules is one fixture in each, so what was started is kept beside the session's settings.
    """
    stash = request.config.stash
    if RUNNING not in stash:
        stash[RUNNING] = _started(request.config)
    return stash[RUNNING]


def _started(config: pytest.Config) -> Region:
    home = Path(tempfile.mkdtemp(prefix="krypton-region-"))
    config.add_cleanup(lambda: shutil.rmtree(home))
    stack = Stack(home)
    config.add_cleanup(stack.down)
    stack.up()
    region = Region(home, (*free_ports().items(), ("KRYPTON_BATCH_QUIET_S", "0.5")))
    region.show("init")
    processes = subprocess.Popen(
        krypton_command("run"), env=region.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    config.add_cleanup(lambda: _stop(processes))
    region.ask("site", "enroll", SITE, "--name", "CH du Bac à sable", "--ae-title", AE_TITLE)
    region.ask("site", "enroll", OTHER_SITE, "--name", "CH du Parc d'essai")
    doctor = ("--name", "Dr Essai", "--profession", "radiologist")
    region.ask("professional", "register", CLINICIAN, *doctor, "--site", SITE)
    region.ask("professional", "register", OUTSIDER, *doctor)
    until(lambda: listens(region.dicom_port), "DICOM service")
    region.settle()
    return region


def _stop(processes: subprocess.Popen[bytes]) -> None:
    """SIGTERM, as an operator stops it; whatever is left after that is killed."""
    children = psutil.Process(processes.pid).children(recursive=True) if processes.poll() is None else []
    processes.send_signal(signal.SIGTERM)
    try:
        processes.wait(WITHIN_S)
    finally:
        for child in (*children, processes):
            if isinstance(child, psutil.Process) and child.is_running():
                child.kill()
