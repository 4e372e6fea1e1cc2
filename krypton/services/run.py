"""Runs the whole ledger: each process that is asked for, and a worker per version of a view, under one supervisor."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Final

from domain.errors import ClockDiffers
from krypton.bootstrap import Krypton
from krypton.home import Home
from krypton.services import budget
from krypton.services.alone import Needed, only_run, taken_ports
from krypton.services.install import wait_for_services
from krypton.services.supervisor import Child, krypton_command, supervise
from krypton.services.version_workers import Workers
from krypton.settings import Settings

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "relay": ("relay",),
    "dicom": ("dicom", "serve"),
    "hl7": ("serve", "hl7"),
    "web": ("serve", "web"),
    "registry": ("serve", "registry"),
    "notary": ("serve", "notary"),
    "policies": ("policies", "run"),
    "health": ("serve", "health"),
}
"""Each process beside the workers, and the words of its command."""


def run(names: Sequence[str], say: Callable[[str], None], stop: Event) -> None:
    """Run these processes and the workers until ``stop`` is set. Raises ServiceUnavailable (it runs here already)."""
    with only_run(Home(Settings.read(os.environ, Path.cwd()).home)):
        if ours := wait_for_services(stop):
            _run(ours, names, say, stop)


def _run(ours: Krypton, names: Sequence[str], say: Callable[[str], None], stop: Event) -> None:
    ours = budget.begin(ours, "run")
    for line in taken_ports([needed for needed in ports(ours.settings) if needed.service in names]):
        say(line)
    try:
        ours.ledger.clock()
    except ClockDiffers as differs:  # relay and workers go on: they stamp nothing
        say(f"{differs} ({differs.rule})")
    logs = ours.settings.home / "logs"
    children = [Child(name, krypton_command(*COMMANDS[name]), logs / f"{name}.log") for name in names]
    workers = Workers(ours, children)
    workers.look()
    say(f"running {', '.join(child.name for child in children)}; logs in {logs}; stop with Ctrl-C or SIGTERM")
    workers.keep_looking(stop)
    supervise(children, say, stop)


def ports(settings: Settings) -> Sequence[Needed]:
    """The ports that children listen on, each on the address where its child opens it."""
    return (
        Needed("dicom", settings.dicom_host, settings.dicom_port, "KRYPTON_DICOM_PORT"),
        Needed("health", settings.health_host, settings.health_port, "KRYPTON_HEALTH_PORT"),
        Needed("hl7", settings.hl7_host, settings.hl7_port, "KRYPTON_HL7_PORT"),
        Needed("web", settings.web_host, settings.web_port, "KRYPTON_WEB_PORT"),
        Needed("registry", settings.registry_host, settings.registry_port, "KRYPTON_REGISTRY_PORT"),
    )
