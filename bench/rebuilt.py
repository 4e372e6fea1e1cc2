"""Measures one ``krypton views rebuild`` in its own process: events per second and peak memory.

It includes reading Kafka, decoding, folding, COPY into logged tables, keys, indexes and statistics. The kernel reports
the peak memory.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from bench import bulk
from krypton.bootstrap import Krypton
from krypton.services.supervisor import krypton_command
from streams.broker.topics import LEDGER


def region_of(ours: Krypton, events: int, topics: Collection[str] = LEDGER) -> int:
    """A generated region with so many events in these topics; returns how many were written."""
    begun = time.perf_counter()
    filled = bulk.fill(ours, events, topics=topics).total()
    print(f"{filled:,} events written in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return filled


class Rebuilt(NamedTuple):
    """What one rebuild took. ``cpu_s``: of its own processes, without PostgreSQL and Kafka."""

    version: int
    events: int
    seconds: float
    peak_mb: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds


def rebuilt(ours: Krypton, view: str, *options: str) -> Rebuilt:
    env = {**os.environ, "KRYPTON_HOME": str(ours.settings.home)}
    command = krypton_command("views", "rebuild", view, "--json", *options)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        peak_kb = 0
        while process.poll() is None:
            peak_kb = max(peak_kb, most_held_kb(process.pid))
            time.sleep(0.05)
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.read())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Rebuilt(told["version"], told["events"], told["seconds"], peak_kb / 1024, cpu_s)


def most_held_kb(pid: int | str) -> int:
    """The most memory the process has held, as the kernel counts it; what ``wait4`` tells includes the parent's."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
