"""Runs the ledger under load and faults for some seconds, lets it come to rest, and says what is wrong."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.dicom.inlet import spool_at
from krypton.errors import ServiceUnavailable
from krypton.policies.settled import wait_for_all
from tests.chaos.blind import unseen
from tests.chaos.checker import findings
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.heal import healed
from tests.chaos.load import Load
from tests.chaos.world import World, world
from tests.integration.live_ledger import LiveLedger
from tests.waiting import WITHIN_S, until

BREAK_S: Final = (1.0, 6.0)
"""Between two faults: some meet a ledger at rest, others one that still recovers."""


@dataclass(frozen=True)
class Report:
    """What happened, and what is wrong."""

    commands: int
    refused: int
    images: int
    faults: Sequence[str]
    findings: Sequence[str]


def chaos(home: Path, seconds: float, seed: int, say: Callable[[str], None], *, see: bool = False) -> Report:
    """The same faults in the same order for one seed; which process each meets depends on the machine too.

    ``see``: damage the ledger in the end, to know that the checker sees it.
    """
    dice = random.Random(seed)
    with world(home) as one:
        ledger = LiveLedger(one.stack, one.ours.addresses.database, home)
        ledger.krypton = one.ours
        load = Load(one.ours, one.dicom_port, seed)
        load.start()
        try:
            struck = _faults(one, load, dice, time.monotonic() + seconds, say)
        finally:
            load.end()
        say(f"{len(load.acknowledged)} commands and {len(load.images)} images acknowledged; coming to rest")
        late = _rest(one, ledger, load, max(WITHIN_S, seconds))
        wrong = [*one.wrong, *(late or findings(ledger, load))]
        if not wrong and see:
            wrong = [f"the checker does not see {what}" for what in unseen(ledger, load)]
    return Report(len(load.acknowledged), load.refused, len(load.images), struck, wrong)


def _faults(one: World, load: Load, dice: random.Random, end: float, say: Callable[[str], None]) -> list[str]:
    struck: list[str] = []
    drawn = _drawn(dice)
    while time.monotonic() < end and load.failure is None:
        time.sleep(dice.uniform(*BREAK_S))  # the load goes on
        fault = next(drawn)
        told = fault(one, random.Random(dice.random()))
        struck.append(f"{fault.__name__}: {told}")
        say(struck[-1])
        one.again()
    return struck


def _drawn(dice: random.Random) -> Iterator[Fault]:
    """Every fault, as often as it weighs, before any comes more often."""
    while True:
        every = [fault for fault, weight in FAULTS.items() for _ in range(weight)]
        dice.shuffle(every)
        yield from every


def _rest(one: World, ledger: LiveLedger, load: Load, within_s: float) -> list[str]:
    """Wait until everything is relayed, read, recorded and settled; before, nothing can be compared.

    What faults held up takes its time: people alike are asked about in pairs, tens of thousands after ten minutes.
    """
    if load.failure is not None:
        return [f"load: an asker was told {type(load.failure).__name__}: {load.failure}"]
    spool = spool_at(one.ours.settings.instances)
    try:
        if one.planted:
            healed(one, ledger)
        until(ledger.relayed, "all events on Kafka")
        until(lambda: not any(spool.pending()), "all images recorded")
        _settled(one, ledger, within_s)
    except (AssertionError, ServiceUnavailable) as late:
        return [f"not at rest: {late}"]
    return []


def _settled(one: World, ledger: LiveLedger, within_s: float) -> None:
    """Wait for views and policies as long as something is settled: how fast that goes is the machine's affair.

    Raises ServiceUnavailable where nothing was within ``within_s``.
    """
    before: list[tuple[int, ...]] = []
    while True:
        try:
            wait_for_all(one.ours, within_s)
            return
        except ServiceUnavailable:
            done = ledger.query("SELECT count(*) FROM policies.outbox WHERE settled_at IS NOT NULL")
            if done == before:
                raise
            before = done
