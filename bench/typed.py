"""Benchmark of the CPU time of commands as typed, compared with ``python -c pass``.

User and system CPU time of a separate process; the median of several runs. Seconds depend on the machine, the ratio to
Python's own start much less.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

from bench.region import processes
from domain.commands.directory import EnrollSite
from domain.commands.identities import Register
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.services.supervisor import krypton_command
from krypton.views.lag import wait_for_views

TIMES = 15
SITE, NUMBER = "CHB", "bench-1"
REF = f"{SITE}|{NUMBER}"
STATED = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-02", "sex": "F"}
COMMANDS = {
    "krypton --help": ("--help",),
    "krypton record --help": ("record", "--help"),
    "krypton record show": ("record", "show", REF),
    "krypton dose show": ("dose", "show", REF),
    "krypton identity show": ("identity", "show", REF),
}
VIEWS = ("patient_record", "identity_index", "cumulative_dose", "access_history")


def run(ours: Krypton) -> dict[str, float]:
    """Seconds of CPU, and times ``python -c pass``, in a ledger of one person."""
    ours.execute(EnrollSite(code=SITE, name="CH du Bac à sable"), Envelope())
    ours.execute(Register(assigner=SITE, local_id=NUMBER, stated=STATED), Envelope())
    with processes(ours, ("relay",), ("worker", *VIEWS)):
        wait_for_views(ours, 60.0)
    env = os.environ | {"KRYPTON_HOME": str(ours.settings.home), "KRYPTON_REASON": "bench"}
    bare = _cpu_s([sys.executable, "-c", "pass"], env)
    figures = {"python -c pass: CPU s": bare}
    for name, words in COMMANDS.items():
        took = _cpu_s(krypton_command(*words), env)
        figures |= {f"{name}: CPU s": took, f"{name}: times python -c pass": took / bare}
    return figures


def _cpu_s(command: Sequence[str], env: Mapping[str, str]) -> float:
    _once(command, env)  # its byte code and the disk's pages are there from now on
    return statistics.median(_once(command, env) for _ in range(TIMES))


def _once(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds, user and system. Raises CalledProcessError."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime
