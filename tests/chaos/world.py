"""The whole ledger in one state folder: servers, ``krypton run`` and a relay that stands by, all to be struck."""

import os
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
from krypton.services.install import install
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings
from tests.chaos.network import DistantStack
from tests.chaos.poison import Planted
from tests.fakes.clocks import environment
from tests.fakes.dicom import AE_TITLE
from tests.fakes.ports import free_ports, listens
from tests.fakes.region import CLINICIAN, RADIOLOGIST, SITES
from tests.waiting import WITHIN_S, until


@dataclass
class World:
    """A running ledger."""

    stack: DistantStack
    ours: Krypton
    env: dict[str, str]
    dicom_port: int
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # what a fault found that must not be

    def start(self, name: str, *words: str, hours: int = 0) -> "subprocess.Popen[bytes]":
        """Start ``krypton <words>``, also again where it was killed. ``hours``: by which its clock is wrong."""
        env = {**self.env, **(environment(hours) if hours else {})}
        with self.log(name).open("ab") as out:
            self.processes[name] = subprocess.Popen(krypton_command(*words), env=env, stdout=out, stderr=out)
        return self.processes[name]

    def log(self, name: str) -> Path:
        """What a process says."""
        return self.stack.root / f"chaos-{name}.log"

    def again(self) -> None:
        """Start what was killed and has no supervisor."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(name, *WORDS[name])
        self.begin()

    def running(self) -> list[psutil.Process]:
        """Every process of the ledger at this moment, servers left out."""
        found: list[psutil.Process] = []
        for process in self.processes.values():
            with suppress(psutil.Error):
                one = psutil.Process(process.pid)
                found += [one, *one.children(recursive=True)]
        return found

    def roles(self) -> list[psutil.Process]:
        """What ``krypton run`` has started."""
        with suppress(psutil.Error):
            return psutil.Process(self.processes["run"].pid).children()
        return []

    def end(self, name: str) -> None:
        """SIGTERM one, and take it for ended: nobody starts it again."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.wrong.append(f"{name}: did not end within {WITHIN_S:.0f} s of SIGTERM")

    def begin(self) -> None:
        """Start what an operator starts."""
        for name, words in WORDS.items():
            if name not in self.processes:
                self.start(name, *words)

    def stop(self) -> None:
        """SIGTERM, as an operator stops it; what is left after that is killed."""
        left = self.running()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(WITHIN_S)
        for one in left:
            with suppress(psutil.Error):
                one.kill()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()


WORDS: Final = {"run": ("run",), "relay": ("relay",)}
"""What is started, and by whom it is started again: by nobody but ``World.again``."""


@contextmanager
def world(home: Path) -> Iterator[World]:
    """Servers up, matching rules in force, establishments and professionals known, everything running."""
    stack = DistantStack(home)
    try:
        stack.up()
        env = {"KRYPTON_HOME": str(home), **free_ports(), "KRYPTON_BATCH_QUIET_S": "0.5"}
        settings = Settings.read(env, home)
        write_for_development(settings)
        ours = Krypton(settings, stack.addresses())
        list(install(ours))
        _known(ours)
        in_force(ours)
        one = World(stack, ours, {**os.environ, **env}, settings.dicom_port)
        one.begin()
        try:
            until(lambda: listens(one.dicom_port), "the DICOM service listens")
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
    doctor = RegisterProfessional(rpps=RADIOLOGIST, name="Dr Radiologue", profession="radiologist", sites=("CHP",))
    ours.execute(doctor, Envelope())
