"""The whole ledger in one state folder: servers, ``krypton run`` and a relay that stands by, all to be struck."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bench.matching import in_force
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.cli.roles import write_for_development
from krypton.devstack.stack import Stack
from krypton.services.install import install
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings
from tests.fakes.dicom import AE_TITLE
from tests.fakes.region import CLINICIAN, RADIOLOGIST, SITES
from tests.integration.live_cli import answers, free_port
from tests.waiting import WITHIN_S, until


@dataclass
class World:
    """A running ledger."""

    stack: Stack
    ours: Krypton
    env: dict[str, str]
    dicom_port: int
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, *words: str) -> None:
        """Start ``krypton <words>``, also again where it was killed."""
        with (self.stack.root / f"chaos-{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(krypton_command(*words), env=self.env, stdout=out, stderr=out)

    def again(self) -> None:
        """Start what was killed and has no supervisor."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(name, *WORDS[name])

    def running(self) -> list[psutil.Process]:
        """Every process of the ledger at this moment, servers left out."""
        found: list[psutil.Process] = []
        for process in self.processes.values():
            with suppress(psutil.Error):
                one = psutil.Process(process.pid)
                found += [one, *one.children(recursive=True)]
        return found

    def broker(self) -> psutil.Process:
        """Kafka's process."""
        home = str(self.stack.root)
        return next(p for p in psutil.process_iter() if p.name() == "java" and home in " ".join(p.cmdline()))

    def stop(self) -> None:
        """SIGTERM, as an operator stops it; what is left after that is killed."""
        left = self.running()
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(WITHIN_S)
        for one in left:
            with suppress(psutil.Error):
                one.kill()
        for process in self.processes.values():
            process.wait()


WORDS: Final = {"run": ("run",), "relay": ("relay",)}
"""What is started, and by whom it is started again: by nobody but ``World.again``."""


@contextmanager
def world(home: Path) -> Iterator[World]:
    """Servers up, matching rules in force, establishments and professionals known, everything running."""
    stack = Stack(home)
    try:
        stack.up()
        port = free_port()
        env = {
            "KRYPTON_HOME": str(home),
            "KRYPTON_DICOM_PORT": str(port),
            "KRYPTON_REGISTRY_PORT": str(free_port()),
            "KRYPTON_BATCH_QUIET_S": "0.5",
        }
        settings = Settings.read(env, home)
        write_for_development(settings)
        ours = Krypton(settings, stack.addresses())
        list(install(ours))
        _known(ours)
        in_force(ours)
        one = World(stack, ours, {**os.environ, **env}, port)
        for name, words in WORDS.items():
            one.start(name, *words)
        try:
            until(lambda: answers(port), "the DICOM service listens")
            yield one
        finally:
            one.stop()
            ours.ledger.close()
    finally:
        stack.down()


def _known(ours: Krypton) -> None:
    for code in SITES:
        titles = (AE_TITLE,) if code == "CHB" else ()
        ours.execute(EnrollSite(code=code, name=f"Hospital {code}", ae_titles=titles), Envelope())
    ours.execute(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician"), Envelope())
    doctor = RegisterProfessional(rpps=RADIOLOGIST, name="Dr Radiologue", profession="radiologist", site="CHP")
    ours.execute(doctor, Envelope())
