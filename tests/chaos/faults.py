"""The faults: what each does to the world, and how it is healed."""

import random
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import psutil

from krypton.errors import ServiceUnavailable
from tests.chaos.poison import plant
from tests.chaos.world import World
from tests.fakes.clocks import library
from tests.integration.live_ledger import kill_kafka, stop_database
from tests.waiting import WITHIN_S, until

FROZEN_S: Final = (2.0, 14.0)
BYTES: Final = (0, 4_096, 65_536)
"""What files may still hold where a disk is full."""
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
    _up(world.stack.start_kafka)
    return f"for {away:.0f} s"


def database_killed(world: World, dice: random.Random) -> str:
    """A power cut of PostgreSQL: recovery at its start."""
    stop_database(world.stack)
    away = dice.uniform(0.0, 6.0)
    time.sleep(away)  # as long as the fault lasts
    _up(world.stack.start_database)
    return f"for {away:.0f} s"


def broker_frozen(world: World, dice: random.Random) -> str:
    """Kafka takes connections and answers nothing, as behind a network that was cut."""
    broker, seconds = world.stack.server("kafka"), dice.uniform(*FROZEN_S)
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


def network(world: World, dice: random.Random) -> str:
    """The line to the broker or to the database is cut, stands still, or stands still and is cut then."""
    name, how = dice.choice(("kafka", "database")), dice.choice(("cut", "stalled", "stalled and cut"))
    line, seconds = world.stack.lines[name], dice.uniform(*FROZEN_S)
    if how != "cut":
        with line.stalled():
            time.sleep(seconds)  # as long as the fault lasts
    if how != "stalled":
        line.cut(seconds if how == "cut" else 0.0)
    return f"{name} {how} for {seconds:.0f} s"


def disk_full(world: World, dice: random.Random) -> str:
    """No file of a process grows: half the time of one that takes images in."""
    every = world.running()
    takers = [one for one in every if "dicom" in _name(one)]
    one = dice.choice(takers if takers and dice.random() < 0.5 else every)
    name, seconds = _name(one), dice.uniform(*FROZEN_S)
    _bound([one], dice.choice(BYTES))
    time.sleep(seconds)  # as long as the fault lasts
    _bound([one], psutil.RLIM_INFINITY)
    return f"{name} for {seconds:.0f} s"


def database_full(world: World, dice: random.Random) -> str:
    """PostgreSQL cannot write; it ends at the first page of its log."""
    server, seconds = world.stack.server("database"), dice.uniform(*FROZEN_S)
    _bound(_family(server), dice.choice(BYTES))
    time.sleep(seconds)  # as long as the fault lasts
    with suppress(psutil.Error):
        _bound(_family(server), psutil.RLIM_INFINITY)
    _up(world.stack.start_database)
    return f"for {seconds:.0f} s"


def broker_full(world: World, dice: random.Random) -> str:
    """Kafka cannot write: it ends, and is started again when there is room."""
    server, seconds = world.stack.server("kafka"), dice.uniform(*FROZEN_S)
    _bound([server], dice.choice(BYTES))
    time.sleep(seconds)  # as long as the fault lasts
    kill_kafka(world.stack)
    _up(world.stack.start_kafka)
    return f"for {seconds:.0f} s"


def clock(world: World, dice: random.Random) -> str:
    """A role, or all, has a clock that is hours wrong; of one role it is a second process, and the first is killed."""
    hours, seconds = dice.choice((-3, 3)), dice.uniform(*FROZEN_S)
    one = dice.choice([None, *world.roles()])
    words = _name(one).split() if one else ["run"]
    if one is None:
        world.end("run")
    world.start("wrong", *words, hours=hours)
    with suppress(psutil.Error):
        if one is not None:
            one.kill()
    time.sleep(seconds)  # as long as the fault lasts
    world.end("wrong")
    return f"{' '.join(words)} {hours:+d} h for {seconds:.0f} s"


def writer_clock(world: World, dice: random.Random) -> str:
    """A writer of commands whose clock is hours wrong is refused, and by name."""
    hours = dice.choice((-3, 3))
    code = f"C{dice.randrange(1_000_000)}"
    said = f"s {'ahead of' if hours > 0 else 'behind'} the event store's"
    writes = world.start("writer", "site", "enroll", code, "--name", "Hospital", hours=hours)
    ended = writes.wait(WITHIN_S)
    del world.processes["writer"]
    if ended == 0 or said not in world.log("writer").read_text():
        world.wrong.append(f"a writer whose clock is {hours:+d} h wrong was not refused for it: exit code {ended}")
    return f"{hours:+d} h"


def poison(world: World, dice: random.Random) -> str:
    """Records that the ledger did not write are among its own."""
    planted = plant(world.ours.addresses.kafka, dice)
    world.planted.append(planted)
    return f"{planted.topic}: {', '.join(planted.kinds)}"


def _bound(processes: Iterable[psutil.Process], most: int) -> None:
    """No write beyond so many bytes of a file succeeds: EFBIG, which is treated as ENOSPC is."""
    for one in processes:
        with suppress(psutil.Error, ProcessLookupError):
            one.rlimit(psutil.RLIMIT_FSIZE, (most, psutil.RLIM_INFINITY))


def _family(server: psutil.Process) -> list[psutil.Process]:
    return [server, *server.children(recursive=True)]


def _up(start: Callable[[], None]) -> None:
    """Start a server until it serves: recovery on a busy machine takes longer than one start waits for."""

    def came_up() -> bool:
        try:
            start()
        except ServiceUnavailable:
            return False
        return True

    until(came_up, "the server is up again")


FAULTS: Final[Mapping[Fault, int]] = {
    kill: 8,
    terminate: 2,
    freeze: 4,
    broker_killed: 2,
    broker_frozen: 1,
    database_killed: 2,
    network: 4,
    disk_full: 3,
    database_full: 1,
    broker_full: 1,
    **({clock: 3, writer_clock: 1} if library() else {}),
    poison: 1,
}
"""Each with its weight."""
