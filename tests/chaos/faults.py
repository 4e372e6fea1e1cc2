"""The faults: what each does to the world, and how it is healed."""

import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import psutil

from tests.chaos.world import World
from tests.integration.live_ledger import kill_kafka, stop_database

FROZEN_S: Final = (2.0, 14.0)
Fault = Callable[[World, random.Random], str]
"""Strikes, heals, and says what was struck; a process that is killed is started again by its supervisor or ours."""


def kill(world: World, dice: random.Random) -> str:
    """kill -9 of any process, the supervisor too."""
    return _struck(world, dice, signal.SIGKILL)


def terminate(world: World, dice: random.Random) -> str:
    """SIGTERM of any process."""
    return _struck(world, dice, signal.SIGTERM)


def freeze(world: World, dice: random.Random) -> str:
    """Any process stands still for some seconds, while others may take its place."""
    one = dice.choice(world.running())
    seconds = dice.uniform(*FROZEN_S)
    with suppress(psutil.Error):
        one.suspend()
        time.sleep(seconds)  # as long as the fault lasts
        one.resume()
    return f"{_name(one)} for {seconds:.0f} s"


def broker_killed(world: World, dice: random.Random) -> str:
    """A power cut of Kafka."""
    kill_kafka(world.stack)
    away = dice.uniform(0.0, 6.0)
    time.sleep(away)  # as long as the fault lasts
    world.stack.start_kafka()
    return f"for {away:.0f} s"


def database_killed(world: World, dice: random.Random) -> str:
    """A power cut of PostgreSQL: recovery at its start."""
    stop_database(world.stack)
    away = dice.uniform(0.0, 6.0)
    time.sleep(away)  # as long as the fault lasts
    world.stack.start_database()
    return f"for {away:.0f} s"


def broker_frozen(world: World, dice: random.Random) -> str:
    """Kafka takes connections and answers nothing, as behind a network that was cut."""
    broker, seconds = world.broker(), dice.uniform(*FROZEN_S)
    broker.suspend()
    try:
        time.sleep(seconds)  # as long as the fault lasts
    finally:
        broker.resume()
    return f"for {seconds:.0f} s"


def _struck(world: World, dice: random.Random, number: signal.Signals) -> str:
    one = dice.choice(world.running())
    name = _name(one)
    with suppress(psutil.Error):
        one.send_signal(number)
    return name


def _name(process: psutil.Process) -> str:
    """The words behind ``krypton``."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return "a process that had ended"
    return " ".join(words[words.index("krypton.cli.main") + 1 :] if "krypton.cli.main" in words else words[-2:])


FAULTS: Final[Mapping[Fault, int]] = {
    kill: 8,
    terminate: 2,
    freeze: 4,
    broker_killed: 2,
    broker_frozen: 1,
    database_killed: 2,
}
"""Each with its weight."""
