"""A promotion of new matching rules: a region is decided once, and what it calls for is raised through the ledger.

The region is generated (``bench.linkage.region``) and put into the index, its rules are learned from it, and the
ledger knows nobody of it at first. So nearly everybody is due: of these decisions one in ``SHARE`` is raised, as if
all others had been decided under former rules, which a rule change leaves mostly alone. Who is decided about is
registered in the ledger in between, which is not measured. What is measured is what ``krypton views promote`` does:
the diff of the rows, the decision of the whole region, the switch, and commands. A promotion is a process of its own,
here too; the memory is that of it and of the processes that it starts, each at its peak.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import psycopg2

from bench import indexed
from bench.commands import BATCH, new_site
from bench.rebuilt import most_held_kb
from bench.region import processes
from domain.aggregates.identity import Identity
from domain.commands.identities import Register
from domain.commands.rules import PublishRules
from domain.ids import Ids
from domain.matching.limits import Placeless
from domain.ports import Answer
from domain.rules.document import document
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.views import foreseen, lag, promote
from krypton.views.foreseen import Foreseen
from krypton.views.train import Wanted, train
from projections.engine.query import fetch
from projections.identity_index.decided import Decision, Due
from projections.versions import rebuild

IDENTITIES: Final = 200_000
SAMPLE: Final = 100_000
SHARE: Final = 20
LOOK_S: Final = 0.1
READY_S: Final = 60.0
INDEX, VERSION = "identity_index", 2
TAKE_OVER: Final = f"INSERT INTO {INDEX}_v{VERSION}.identity SELECT * FROM {INDEX}_v1.identity"
KNOWN: Final = f"""SELECT identity_id::text AS id, local_id, traits, ins, ins_oid FROM {INDEX}_v{VERSION}.identity
WHERE identity_id = ANY(%(ids)s::uuid[])"""
A_REGION: Final = 2_000_000


def run(ours: Krypton, identities: int = IDENTITIES) -> dict[str, float]:
    """Of so many identities."""
    site = new_site(ours)
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        known = indexed.fill(connection, f"{INDEX}_v1", identities, keyed=False, ids=_Named(ours.ids, site))
    _build(ours)
    with processes(ours, ("relay",)):
        found = _apart(ours, site)
    took = found.pop("decided in s") + found["raised in s"]
    return {
        "identities": known,
        "decided in s": took - found["raised in s"],
        "decided, identities/s": known / (took - found["raised in s"]),
        **found,
        "of 2,000,000 at this rate: min": took * A_REGION / known / 60,
        "peak kB per identity": found["peak MiB"] * 1024 / known,
    }


class _Named:
    """The ledger's ids of the identities at places."""

    def __init__(self, ids: Ids, site: str) -> None:
        self._ids, self._site = ids, site

    def __call__(self, place: int) -> str:
        return str(Identity.create_id(self._ids, self._site, str(place)))


def _build(ours: Krypton) -> None:
    """A version of the index that is ready, with all of the first, and rules that were learned from that."""
    with ours.snapshot() as live:
        wanted = Wanted(version=1, in_force_from="2020-01-01", sample=SAMPLE, placeless=Placeless.LISTED)
        told = train(live, wanted).document
    ours.execute(PublishRules(document=document(told)), Envelope("system:bench"))
    url, projection = ours.addresses.database, ours.projection_with(INDEX, {"matching": 1}, VERSION)
    started = rebuild.begin(url, projection, {})
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TAKE_OVER)
    rebuild.finish(url, projection, started)


def _apart(ours: Krypton, site: str) -> dict[str, float]:
    context = get_context("spawn")
    heard, tells = context.Pipe(duplex=False)
    process = context.Process(target=_promote, args=(ours.settings, ours.addresses, site, tells))
    process.start()
    found: dict[str, float] = heard.recv()
    process.join()
    return found


def _promote(settings: Any, addresses: Any, site: str, tells: Any) -> None:
    with closing(Krypton(settings, addresses)) as ours, _helpers() as held_kb:
        head = ours.ledger.recorder.max_notification_id() or 0
        assert not lag.lacks(ours, INDEX, head, READY_S, VERSION), "the relay has begun"
        begin = time.perf_counter()
        summary, found = foreseen.compared(ours, INDEX, VERSION, timeout_s=READY_S)
        decided = time.perf_counter() - begin
        assert found, "nothing was stored meanwhile"
        some = _registered(ours, site, _some(found.found))
        upto = ours.ledger.recorder.max_notification_id() or 0
        begin = time.perf_counter()
        kept = Foreseen(INDEX, VERSION, upto, some)
        done = promote.promote(ours, INDEX, VERSION, "system:bench", summary=summary, foreseen=kept)
        raised = time.perf_counter() - begin
        mib = (most_held_kb("self") + sum(held_kb.values())) / 1024
    assert done["decided"].get("merged", 0) + done["decided"].get("proposed", 0) == len(some), done["decided"]
    told = {"merges": len(found.found.merges), "proposals": len(found.found.proposals), "raised": len(some)}
    rate = {"raised in s": raised, "raised, decisions/s": len(some) / raised}
    tells.send({"decided in s": decided, **told, **rate, "peak MiB": mib})


def _some(found: Due) -> Due:
    return replace(found, merges=found.merges[::SHARE], proposals=found.proposals[::SHARE])


def _registered(ours: Krypton, site: str, due: Due) -> Due:
    """What is due of those whom the ledger takes: a slip may be a sign that no typed name has."""
    taken = {one for first in range(0, len(due), BATCH) for one in _register(ours, site, [*_all(due)][first:][:BATCH])}

    def kept(decisions: Sequence[Decision]) -> list[Decision]:
        return [one for one in decisions if {one.one, one.other} <= taken]

    return replace(due, merges=kept(due.merges), proposals=kept(due.proposals))


def _all(due: Due) -> list[Decision]:
    return [*due.merges, *due.proposals]


def _register(ours: Krypton, site: str, decisions: Sequence[Decision]) -> list[str]:
    """Register the sides of these; returns who is registered by now."""
    sides = sorted({side for one in decisions for side in (one.one, one.other)})
    with ours.snapshot() as connection:
        rows = fetch(connection, KNOWN, ids=sides)
    asked = [
        Register(assigner=site, local_id=r["local_id"], stated=r["traits"], ins=r["ins"], ins_oid=r["ins_oid"])
        for r in rows
    ]
    answers = ours.ledger.execute_many([(one, Envelope("system:bench")) for one in asked])
    return [row["id"] for row, answer in zip(rows, answers, strict=True) if isinstance(answer, Answer)]


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
