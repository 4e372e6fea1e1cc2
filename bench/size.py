"""Benchmark of a region's size: what decisions cost with millions of identities and links, beside an empty ledger.

``python -m bench size --identities 13000000`` for a region; without it, 130,000, which shows that it works.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import count, islice
from random import Random
from uuid import UUID

from bench import commands
from bench.region_of_size import connected, fill, identity
from domain.commands.accesses import OpenAccess
from domain.commands.directory import RegisterProfessional
from domain.commands.links import Merge, Unmerge
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton

IDENTITIES = 130_000
TIMES = 1_000
MEMBERS = 5_000
RPPS = "10101201233"
SHAPES = {"chain": "chain of 5,000: ms", "star": "star of 5,000: ms", "bars": "bars of 5,000: ms"}
RATES = {
    "studies one by one, commands/s": "studies one by one, commands/s: of an empty ledger's",
    "registrations one by one, commands/s": "registrations one by one, commands/s: of an empty ledger's",
}


def run(ours: Krypton, identities: int = IDENTITIES, seconds: float = 8.0) -> dict[str, float]:
    """Milliseconds, seconds, MB and ratios; ``seconds``: for each rate."""
    empty = commands.run(ours, seconds)
    site, chance = commands.new_site(ours), Random(1)
    begin = time.perf_counter()
    links = fill(ours, site, identities)
    figures: dict[str, float] = {"identities": identities, "links": links, "filled: s": time.perf_counter() - begin}
    figures |= _process(ours, _pairs(ours, chance, identities))
    ours.execute(RegisterProfessional(rpps=RPPS, name="Dr Essai", profession="physician", sites=(site,)), Envelope())
    opened = [OpenAccess(identity=one, rpps=RPPS, reason="care") for one, _ in _pairs(ours, chance, identities)]
    arrived = (commands.study(site, n) for n in count())
    merged = (Merge(one=a, other=b, reason="same traits") for a, b in _pairs(ours, chance, identities))
    measured: dict[str, Iterable[Command]] = {
        "merge: p99 ms": merged,
        "access decision: p99 ms": opened,
        "study arrival: p99 ms": arrived,
    }
    for name, asked in measured.items():
        figures[name] = _p99(_took(ours, command) for command in islice(asked, TIMES))
    for shape, name in SHAPES.items():
        figures[name] = _of_thousands(ours, site, shape)
    filled = commands.run(ours, seconds)
    return figures | {ratio: filled[rate] / empty[rate] for rate, ratio in RATES.items()}


def _pairs(ours: Krypton, chance: Random, identities: int) -> list[tuple[UUID, UUID]]:
    """Of one person and another: the firsts of two thirteens are never linked. Those alone have keys in the vault."""
    drawn = [identity(13 * group + 1) for group in chance.sample(range(identities // 13), 2 * TIMES)]
    ours.vault.prepare((), [*map(str, drawn)])
    return list(zip(drawn[::2], drawn[1::2], strict=True))


def _took(ours: Krypton, command: Command) -> float:
    begin = time.perf_counter()
    ours.execute(command, Envelope())
    return (time.perf_counter() - begin) * 1000


def _p99(times: Iterable[float]) -> float:
    ordered = sorted(times)
    return ordered[int(len(ordered) * 0.99)]


def _process(ours: Krypton, pairs: list[tuple[UUID, UUID]]) -> dict[str, float]:
    """A process of its own, from its start."""
    env = os.environ | {"KRYPTON_HOME": str(ours.settings.home)}
    command, pipe = [sys.executable, "-m", "bench.decider"], subprocess.PIPE
    begin = time.perf_counter()
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{one} {other}\n" for one, other in pairs[:1]))
        process.stdin.flush()
        assert process.stdout.readline() == "decided\n"
        first_s = time.perf_counter() - begin
        told = json.loads(process.communicate("".join(f"{one} {other}\n" for one, other in pairs[1:]))[0])
    return {"first decision after start: s": first_s, "deciding process: MB": told["mb"]}


def _of_thousands(ours: Krypton, site: str, shape: str) -> float:
    """The slowest of merges and unmerges of one of thousands with somebody new."""
    ids = connected(ours, site, shape, MEMBERS)
    took: list[float] = []
    ours.vault.prepare((), [str(identity(13 * n + 1)) for n in range(10)])
    for n in range(20):
        said: Callable[..., Command] = Unmerge if n % 2 else Merge
        took.append(_took(ours, said(one=ids[0], other=identity(13 * (n // 2) + 1), reason="same traits")))
    return max(took)
