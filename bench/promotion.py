"""What a promotion of new matching rules has to decide: a whole region, from the index's rows alone.

The region is generated (``bench.linkage.region``), its rules are learned from it, and nobody is linked yet: every merge
is due. A promotion is a process of its own, here too; the memory is that of it and of the processes that it starts,
each at its peak.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import psycopg2

from bench import indexed
from bench.rebuilt import most_held_kb
from domain.commands.rules import PublishRules
from domain.matching.limits import Placeless
from domain.rules.document import document
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.views.train import Wanted, train
from projections.identity_index.due import due
from projections.versions import rebuild

IDENTITIES: Final = 200_000
SAMPLE: Final = 100_000
LOOK_S: Final = 0.1
INDEX, VERSION = "identity_index", 2
TAKE_OVER: Final = f"INSERT INTO {INDEX}_v{VERSION}.identity SELECT * FROM {INDEX}_v1.identity"


def run(ours: Krypton, identities: int = IDENTITIES) -> dict[str, float]:
    """Of so many identities."""
    url = ours.addresses.database
    with closing(psycopg2.connect(url)) as connection:
        known = indexed.fill(connection, f"{INDEX}_v1", identities, keyed=False)
    with ours.snapshot() as live:
        wanted = Wanted(version=1, in_force_from="2020-01-01", sample=SAMPLE, placeless=Placeless.LISTED)
        told = train(live, wanted).document
    ours.execute(PublishRules(document=document(told)), Envelope("system:bench"))
    rebuild.begin(url, ours.projection_with(INDEX, {"matching": 1}, VERSION), {})
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TAKE_OVER)
    found = _apart(url)
    return {
        "identities": known,
        "decided in s": found["s"],
        "decided, identities/s": known / found["s"],
        "merges": found["merges"],
        "proposals": found["proposals"],
        "peak MiB": found["mib"],
        "peak kB per identity": found["mib"] * 1024 / known,
    }


def _apart(url: str) -> dict[str, float]:
    context = get_context("spawn")
    heard, tells = context.Pipe(duplex=False)
    process = context.Process(target=_decide, args=(url, tells))
    process.start()
    found: dict[str, float] = heard.recv()
    process.join()
    return found


def _decide(url: str, tells: Any) -> None:
    begin = time.perf_counter()
    with closing(psycopg2.connect(url)) as connection, _helpers() as held_kb:
        found = due(connection, f"{INDEX}_v{VERSION}")
    took, merges, proposals = time.perf_counter() - begin, len(found.merges), len(found.proposals)
    mib = (most_held_kb("self") + sum(held_kb.values())) / 1024
    tells.send({"s": took, "merges": merges, "proposals": proposals, "mib": mib})


@contextmanager
def _helpers() -> Iterator[dict[str, int]]:
    """The most memory that each process which this one starts has held so far, in KiB."""
    held: dict[str, int] = {}
    over = Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            for threads_own in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                with suppress(OSError):  # that thread has just ended
                    held.update(
                        (pid, max(held.get(pid, 0), most_held_kb(pid))) for pid in threads_own.read_text().split()
                    )

    watch = Thread(target=look)
    watch.start()
    try:
        yield held
    finally:
        over.set()
        watch.join()
