"""What it costs to match one newcomer in a region of any size: the lookup of the matching policy, from the index alone.

The region is generated and put into the index with its keys; nobody is linked yet. Those looked up are drawn by chance.
What the ledger's part costs in a region of any size is ``bench size``.
"""

import time
from contextlib import closing
from random import Random
from statistics import median
from typing import Final

import psycopg2

from bench import indexed
from bench.matching import INDEX, VERSION, in_force
from krypton.bootstrap import Krypton
from projections.identity_index.due import clusters_of, due

IDENTITIES: Final = 100_000
ASKED: Final = 1_000
SCHEMA: Final = f"{INDEX}_v{VERSION}"


def run(ours: Krypton, identities: int = IDENTITIES) -> dict[str, float]:
    """Milliseconds of a lookup, and of its CPU in this process."""
    in_force(ours)
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        known = indexed.fill(connection, SCHEMA, identities, keyed=True)
        took: list[float] = []
        cpu = time.process_time()
        for place in Random(1).sample(range(known), ASKED):
            begin = time.perf_counter()
            one = indexed.identity(place)
            due(connection, SCHEMA, within=clusters_of(connection, SCHEMA, [one])[one])
            connection.rollback()
            took.append((time.perf_counter() - begin) * 1000)
        cpu = time.process_time() - cpu
    return {
        "identities": known,
        "lookup: p50 ms": median(took),
        "lookup: p99 ms": sorted(took)[int(len(took) * 0.99)],
        "lookup: mean ms": sum(took) / ASKED,
        "lookup: CPU ms": cpu / ASKED * 1000,
    }
