"""Benchmark of refused commands in a batch: 2,000 registrations with four refused, compared with none refused.

The two alternate and the ratio uses medians, so that a busy moment of the machine affects both.
"""

import time
from dataclasses import replace
from statistics import median
from uuid import uuid4

from bench.commands import BATCH, new_site, register
from domain.commands.identities import Register
from domain.ports import Answer
from domain.work import Envelope
from krypton.bootstrap import Krypton

ROWS = 2_000
BAD = (7, 600, 601, 1_999)
TURNS = 15


def run(ours: Krypton) -> dict[str, float]:
    """Seconds of each, and their ratio."""
    took: dict[tuple[int, ...], list[float]] = {(): [], BAD: []}
    _seconds(ours, bad=())  # the first batch plans statements and makes connections
    for turn in range(TURNS):
        for bad in ((), BAD) if turn % 2 else (BAD, ()):
            took[bad].append(_seconds(ours, bad=bad))
    whole, refused = took[()], took[BAD]
    return {
        "2,000 registrations, s": median(whole),
        "2,000 registrations with four refused, s": median(refused),
        "with four refused, of without": median(refused) / median(whole),
    }


def _seconds(ours: Krypton, bad: tuple[int, ...]) -> float:
    site = new_site(ours)
    rows = [_row(site, number, bad=number in bad) for number in range(ROWS)]
    start = time.perf_counter()
    answered = 0
    for first in range(0, ROWS, BATCH):
        asked = [(row, Envelope(command_id=uuid4())) for row in rows[first : first + BATCH]]
        answered += sum(isinstance(answer, Answer) for answer in ours.ledger.execute_many(asked))
    assert answered == ROWS - len(bad), "another number of rows was refused"
    return time.perf_counter() - start


def _row(site: str, number: int, *, bad: bool) -> Register:
    row = register(site, number)
    return replace(row, stated={**row.stated, "birth_date": "1970-02-30"}) if bad else row
