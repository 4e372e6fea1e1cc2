"""What it costs to match one newcomer in a region of any size: the lookup of the matching policy, from the index alone.

The region is generated and put into the index with its keys; nobody is linked yet. Those looked up are drawn by chance.
The rules are those that ship, but for how likely any two are one person: as a region of that size would learn it. To
compare sizes: ``python -m bench newcomers --identities 20000``, then with 1000000 and 10000000, which takes an hour.
What the ledger's part costs in a region of any size is ``bench size``.
"""

import time
from contextlib import closing
from random import Random
from statistics import median
from typing import Final

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection

from bench import indexed
from bench.matching import INDEX, VERSION, in_force, less_likely
from krypton.bootstrap import Krypton
from projections.identity_index.due import clusters_of, due

IDENTITIES: Final = 100_000
FIRST, ASKED = 200, 1_000
"""Lookups before it is measured, as a process that runs has made, and lookups that are."""
SCHEMA: Final = f"{INDEX}_v{VERSION}"


def run(ours: Krypton, identities: int = IDENTITIES) -> dict[str, float]:
    """Milliseconds of a lookup, and of its CPU in this process and in PostgreSQL's."""
    in_force(ours, less_likely(identities))
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        known = indexed.fill(connection, SCHEMA, identities, keyed=True)
        drawn = [indexed.identity(place) for place in Random(1).sample(range(known), FIRST + ASKED)]
        for one in drawn[:FIRST]:
            _look_up(connection, one)
        took: list[float] = []
        cpu, servers = time.process_time(), _cpu_of_server(connection)
        for one in drawn[FIRST:]:
            begin = time.perf_counter()
            _look_up(connection, one)
            took.append((time.perf_counter() - begin) * 1000)
        cpu, servers = time.process_time() - cpu, _cpu_of_server(connection) - servers
    return {
        "identities": known,
        "lookup: p50 ms": median(took),
        "lookup: p99 ms": sorted(took)[int(len(took) * 0.99)],
        "lookup: mean ms": sum(took) / ASKED,
        "lookup: CPU ms": cpu / ASKED * 1000,
        "lookup: CPU ms of PostgreSQL": servers / ASKED * 1000,
    }


def _look_up(connection: Connection, one: str) -> None:
    due(connection, SCHEMA, within=clusters_of(connection, SCHEMA, [one])[one])
    connection.rollback()


def _cpu_of_server(connection: Connection) -> float:
    """Seconds so far, of the process that serves this connection."""
    used = psutil.Process(connection.info.backend_pid).cpu_times()
    return used.user + used.system
