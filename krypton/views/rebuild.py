"""``krypton views rebuild``: builds a new version of a view from Kafka, in one or several processes.

Each process takes one partition at a time, at a lower priority than the workers and the relay, so that the live version
is not slowed down. If it is killed, the same command resumes.

V4  A view is built under rules of its own kinds, one version of each.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from kafka.errors import KafkaError

from domain.errors import RuleBroken
from domain.rules.document import RuleId
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.vaults import open_vault
from krypton.views.lag import kafka_away
from postgres.session import connect
from projections.declared import VIEWS, refuse_unknown
from projections.engine.positions import Partition
from projections.engine.processes import NICE, end_with_parent
from projections.engine.query import fetch
from projections.versions import catalog, rebuild
from projections.versions.bounds import Bounds
from projections.versions.build_log import Build, Part
from projections.versions.indexing import Indexer
from projections.versions.rebuild import Builder
from schemas.bulk import BulkCodec
from schemas.event import Record
from schemas.registry import registry
from streams.reading.replay import Replay
from streams.reading.spans import Span, spans

LOOK_S = 0.2
MOST_PROCESSES = 3  # default limit: each takes up to KRYPTON_REBUILD_MIB, and a host with many cores may have 4 GiB


class OtherRules(RuleBroken):
    """The named rules do not belong to this view."""

    rule = "V4"


@dataclass(frozen=True)
class Wish:
    """What to build. ``until``: the last ledger position; None: all that Kafka holds now.

    ``rules``: versions of these kinds; for other kinds those of the live version.
    """

    view: str
    until: int | None = None
    processes: int | None = None
    aside: bool = False  # temporary: for comparison only, never promoted or kept up to date
    rules: tuple[RuleId, ...] = ()


@dataclass(frozen=True)
class Built:
    """A version that is ready. ``events``: folded in this run; ``seconds``: to fold and write, and to build indexes.

    ``dead_letters``: events that could not be read or applied, or are parked behind one.
    """

    view: str
    version: int
    events: int
    fold_s: float
    index_s: float
    dead_letters: int = 0


def yield_to_others() -> None:
    """Lower the priority of this process and its children below that of workers and relay."""
    os.nice(NICE)


def begin(ours: Krypton, wish: Wish, ends: Mapping[Partition, int] | None = None) -> Build:
    """Start or resume the build of the view's next version. ``ends``: the end offset of each partition; None: all.

    Raises NotFound, OtherRules, ServiceUnavailable, WrongMasterKey.
    """
    refuse_unknown(wish.view)
    open_vault(ours)
    projection = ours.projection_with(wish.view, _rules(ours, wish))
    with ours.snapshot() as connection:
        version = rebuild.next_version(connection, wish.view, projection.version, aside=wish.aside)
    ends = _ends(ours, projection.topics) if ends is None else ends
    projection.version = version
    return rebuild.begin(ours.addresses.database, projection, ends, until=wish.until, aside=wish.aside)


def _ends(ours: Krypton, topics: Collection[str]) -> dict[Partition, int]:
    """The end offsets of all topics now. Raises ServiceUnavailable."""
    try:
        return {(span.topic, span.partition): span.end for span in spans(ours.addresses.kafka, topics)}
    except KafkaError as away:
        raise kafka_away(ours, away) from None


def _rules(ours: Krypton, wish: Wish) -> dict[str, int]:
    """Rule kind to version. Raises OtherRules."""
    kinds = VIEWS[wish.view].kinds
    for asked in wish.rules:
        if asked.kind not in kinds:
            made_with = f"it uses {' and '.join(kinds)}" if kinds else "no rules make it"
            raise OtherRules(f"{asked} does not apply to {wish.view}: {made_with}")
    if len({asked.kind for asked in wish.rules}) < len(wish.rules):
        raise OtherRules(f"two versions of one kind were given: give one of each kind for {wish.view}")
    with ours.snapshot() as connection:
        live = catalog.live_version(connection, wish.view)
        held = catalog.rules_of(connection, wish.view, live) if live else None
    return {**(held or {}), **{asked.kind: asked.version for asked in wish.rules}}


def run(ours: Krypton, wish: Wish, started: Build, advance: Callable[[int], None]) -> Built:
    """Build the remaining partitions and make the version ready. ``advance`` is called with the number of events
    folded.

    Raises BuilderReplaced, OffsetGap, StoreAway, ServiceUnavailable.
    """
    begun = time.perf_counter()
    usual = min(MOST_PROCESSES, max(1, (os.cpu_count() or 2) - 1))
    count = min(wish.processes or usual, max(1, len(started.todo)))
    try:
        with Indexer(ours.addresses.database, ours.projection(wish.view, started.version), started) as indexer:
            if count == 1:
                _build(ours, wish, started, started.todo, advance, indexer.written)
            else:
                _in_processes(ours, wish, started, count, advance)
            folded = time.perf_counter()
        events = rebuild.built_events(ours.addresses.database, started) - started.resumed
        erased = sorted(ours.vault.all_destroyed())
        rebuild.finish(ours.addresses.database, ours.projection(wish.view, started.version), started, erased)
    except KafkaError as away:
        again = "" if wish.aside else ", it goes on"
        raise ServiceUnavailable(
            f"kafka does not answer any more ({away}): run the same command again{again}"
        ) from None
    index_s = time.perf_counter() - folded
    with ours.snapshot() as connection:
        letters = catalog.dead_letters(connection).get((wish.view, started.version), 0)
    return Built(wish.view, started.version, events, folded - begun, index_s, letters)


def _build(
    ours: Krypton,
    wish: Wish,
    started: Build,
    parts: Iterable[Part],
    advance: Callable[[int], None],
    written: Callable[[Part], None] = lambda _: None,
) -> None:
    database, kafka = ours.addresses.database, ours.addresses.kafka
    kept = Bounds.within(ours.settings.rebuild_mib)
    with closing(ours.bulk_vault(kept.keys)) as keys:
        projection = ours.projection(wish.view, started.version)
        builder = Builder(
            database,
            projection,
            BulkCodec(registry(), keys, projection.reads, keys.ask),
            started,
            lambda part: _records(kafka, part, kept.fetch_bytes),
            most_rows=kept.rows,
            away_bytes=kept.away_bytes,
            until=wish.until,
            head=_head(database),
            advance=advance,
            written=written,
        )
        builder.build(parts)


def _head(database: str) -> int:
    """The ledger's last position: later than every record that a build reads, for their ends were asked before."""
    with closing(connect(database, "head", autocommit=True)) as connection:
        return int(fetch(connection, "SELECT coalesce(max(id), 0) AS head FROM ledger.ledger_events")[0]["head"])


def _records(kafka: str, part: Part, fetch_bytes: int) -> Iterator[list[Record]]:
    with Replay(kafka, fetch_bytes=fetch_bytes) as replay:
        yield from replay.batches(Span(part.topic, part.partition, 0, part.end))


_shared: Any = None
"""In a child process: the queue of partitions, and the shared count of folded events."""


def _in_processes(ours: Krypton, wish: Wish, started: Build, count: int, advance: Callable[[int], None]) -> None:
    context = get_context("spawn")  # a fork would share connections and threads
    parts, folded = context.Queue(), context.Value("q", 0)
    for part in (*started.todo, *[None] * count):
        parts.put(part)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_share, initargs=(parts, folded)) as pool:
        working = {pool.submit(_work, ours.settings, ours.addresses, wish, started) for _ in range(count)}
        _follow(working, folded, advance)


def _follow(working: set[Future[None]], folded: Any, advance: Callable[[int], None]) -> None:
    """Report progress until all processes are done. Raises the error of any of them."""
    told = 0
    while working:
        done, working = wait(working, LOOK_S)
        if folded.value > told:
            advance(folded.value - told)
            told = folded.value
        for one in done:
            one.result()


def _share(parts: Any, folded: Any) -> None:
    global _shared
    _shared = parts, folded
    end_with_parent()


def _work(settings: Any, addresses: Any, wish: Wish, started: Build) -> None:
    """In a child process: build partitions until none is left."""
    parts, folded = _shared

    def advance(events: int) -> None:
        with folded.get_lock():
            folded.value += events

    _build(Krypton(settings, addresses), wish, started, iter(parts.get, None), advance)
