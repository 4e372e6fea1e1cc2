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
REF, OTHER, TODAY = f"{SITE}|{NUMBER}", f"{SITE}|bench-2", "2100-01-01"
STATED = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-02", "sex": "F"}
HELPS = {"krypton --help": "--help", "krypton record --help": "record --help"}
READS = {
    "krypton record show": f"record show {REF}",
    "krypton dose show": f"dose show {REF}",
    "krypton identity show": f"identity show {REF}",
    "krypton identity history": f"identity history {REF}",
    "krypton identity search": f"identity search --number {NUMBER}",
    "krypton identity review list": "identity review list",
    "krypton consent show": f"consent show {REF}",
    "krypton audit as-of": f"audit as-of {TODAY} {REF}",
    "krypton audit history": f"audit history {REF}",
    "krypton audit accesses": f"audit accesses {REF}",
    "krypton audit exposure": f"audit exposure {REF} {OTHER}",
}
"""Every read of one person, and two lists."""
SLOWEST = "the slowest read: CPU s"
VIEWS = ("patient_record", "identity_index", "cumulative_dose", "access_history")


def run(ours: Krypton) -> dict[str, float]:
    """Seconds of CPU, and times ``python -c pass``, in a ledger of two people."""
    ours.execute(EnrollSite(code=SITE, name="CH du Bac à sable"), Envelope())
    for number in (NUMBER, OTHER.partition("|")[2]):
        ours.execute(Register(assigner=SITE, local_id=number, stated=STATED), Envelope())
    with processes(ours, ("relay",), ("worker", *VIEWS)):
        wait_for_views(ours, 60.0)
    env = os.environ | {"KRYPTON_HOME": str(ours.settings.home), "KRYPTON_REASON": "bench"}
    bare = _cpu_s([sys.executable, "-c", "pass"], env)
    figures = {"python -c pass: CPU s": bare}
    took = {name: _cpu_s(krypton_command(*words.split()), env) for name, words in (HELPS | READS).items()}
    for name, seconds in took.items():
        figures |= {f"{name}: CPU s": seconds, f"{name}: times python -c pass": seconds / bare}
    return figures | {SLOWEST: max(took[name] for name in READS)}


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
