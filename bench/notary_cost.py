"""Benchmark of the notary's cost to the relay: the same backlog relayed with and without it, alternating.

The order is alone, beside, beside, alone, so that drift of the machine affects both. The notary starts with the same
backlog as the relay, and its start-up counts. Normally both have far less to do at a time: this is the most that
checkpoints cost.
"""

import math
from collections.abc import Callable
from statistics import median

from bench import backlog
from bench.region import processes
from krypton.bootstrap import Krypton
from krypton.services import notary

ALONE, BESIDE = "relay without a notary, events/s", "relay beside a notary that catches up, events/s"
RELAY, NOTARY = ("relay",), ("serve", "notary")
TURNS = (ALONE, BESIDE, BESIDE, ALONE)


def run(ours: Krypton, events: int) -> dict[str, float]:
    """The two rates and their ratio; afterwards all is relayed and signed. ``events``: of all turns together."""
    rates: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    with backlog.published(ours) as counter:
        for turn in TURNS:
            done = counter()
            stored = backlog.fill(ours, math.ceil(events / len(TURNS)))
            with processes(ours, RELAY, *((NOTARY,) if turn == BESIDE else ())):
                rates[turn].append(backlog.rate(_since(counter, done), stored - done))
            notary.sign_now(ours)
    figures = {turn: median(found) for turn, found in rates.items()}
    return figures | {"relay beside the notary: of alone": figures[BESIDE] / figures[ALONE]}


def _since(counter: Callable[[], int], done: int) -> Callable[[], int]:
    return lambda: counter() - done
