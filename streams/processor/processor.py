"""The stream processor: Faust feeds one view; rows and position are committed in one transaction.

Delivery: effectively once. Faust acknowledges messages whose handler raised, and commits past unfinished work; so here
it only transports records. The agent queues them, one task applies all waiting records in one transaction (``Applier``)
that also moves the position (``View.apply``), and reading starts at that position (``positioned_consumer``). A worker
that lost a partition while frozen finds the position moved, and ends. App id ``krypton-<view>-v<version>``; topics and
keys: those of the view. An unavailable service is waited for. Any other error ends the process, and the supervisor
restarts it.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import uvloop

from domain.errors import OffsetGap, PartitionLost, StoreAway, WrongMasterKey
from schemas.event import Record
from streams.broker import broker, quiet
from streams.broker.backoff import Backoff
from streams.processor.applier import BATCH, Applier, Run
from streams.processor.dead_letter_topic import DeadLetterTopic
from streams.processor.guarded_app import SETTINGS, GuardedApp, GuardedWorker
from streams.processor.view import View

__all__ = ["EXIT_BROKEN", "EXIT_GAP", "EXIT_LOST", "run"]

log = logging.getLogger(__name__)

EXIT_LOST = 75  # EX_TEMPFAIL: another worker owns the partition now; a restart is right
EXIT_GAP = 65  # EX_DATAERR: records are missing in Kafka; an operator must look
EXIT_BROKEN = 70  # EX_SOFTWARE
LETTERS_EVERY_S = 1.0
KNOCK_S = 3.0


def run(
    view: View,
    *,
    kafka: str,
    stop: threading.Event | None = None,
    batch: int = BATCH,
    rest_s: float = 0.0,
    die: Callable[[int], NoReturn] = os._exit,
) -> None:
    """Keep a view up to date until SIGTERM, SIGINT, or ``stop`` is set. Call it in the main thread.

    ``kafka``: bootstrap servers. ``batch``: the most records per transaction; ``rest_s``: how long nothing
    is fetched after fewer.
    """
    quiet.rate_limit()
    if not _kafka_answers(kafka, stop or threading.Event()):
        return
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    letters = DeadLetterTopic(view, kafka)
    app = build(view, kafka)
    app.seat = Applier(view, batch=batch, rest_s=rest_s)
    feed(app, view, letters, die)
    worker = GuardedWorker(app, loop, broken=lambda: die(EXIT_BROKEN))
    if stop is not None:
        threading.Thread(target=_stop_with, args=(worker, stop), daemon=True).start()
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            die(EXIT_BROKEN)
    finally:
        letters.close()


def build(view: View, kafka: str) -> GuardedApp:
    """The Faust app of one version of a view, without agent and tasks."""
    return GuardedApp(f"krypton-{view.name}-v{view.version}", **broker.faust_options(kafka), **SETTINGS)


def feed(app: GuardedApp, view: View, letters: DeadLetterTopic, die: Callable[[int], NoReturn]) -> None:
    """Add the agent, which queues records, and the background tasks."""
    applier = app.seat
    topic = app.topic(*view.topics, key_serializer="raw", value_serializer="raw", acks=False)

    async def queue(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            await applier.put(Run(message.generation_id, [_record(r) for r in message.run]))

    async def apply() -> None:
        try:
            await applier.run()
        except Exception as wrong:
            die(_exit_code(view, wrong))

    async def publish() -> None:
        while True:
            await asyncio.sleep(LETTERS_EVERY_S)
            with contextlib.suppress(StoreAway):
                await applier.beside(letters.publish_new)

    async def watch() -> None:
        def hung(why: str) -> None:
            log.error("%s: %s; ending, to start again", view.name, why)
            die(EXIT_BROKEN)

        await app.watch(hung)

    async def shut(*_: Any, **__: Any) -> None:
        await applier.shut()

    app.agent(topic, name=f"{app.conf.id}.queue")(queue)
    for task in (apply, publish, watch):
        app.task(task)
    app.on_partitions_revoked.connect(shut)


def _exit_code(view: View, wrong: Exception) -> int:
    """Log why the worker ends; returns the exit code. Only Krypton's own messages are logged: a library's may quote a
    row.
    """
    if isinstance(wrong, PartitionLost):
        log.warning("%s: another worker took over a partition, so this one ends: %s", view.name, wrong)
        return EXIT_LOST
    if isinstance(wrong, OffsetGap):
        log.error("%s: a record is missing, so nothing more is applied: %s", view.name, wrong)
        return EXIT_GAP
    if isinstance(wrong, WrongMasterKey):
        log.error("%s: no sealed field can be read, so nothing more is applied: %s", view.name, wrong)
        return EXIT_BROKEN
    places = "".join(traceback.format_tb(wrong.__traceback__))
    log.error("%s: ending after %s in\n%s", view.name, type(wrong).__name__, places)
    return EXIT_BROKEN


def _record(fetched: Any) -> Record:
    return Record(fetched.topic, fetched.partition, fetched.offset, fetched.key, fetched.value, tuple(fetched.headers))


def _kafka_answers(kafka: str, stop: threading.Event) -> bool:
    """Wait until a server accepts connections, which Faust does not; False if told to stop meanwhile."""
    backoff = Backoff(stop)
    while not stop.is_set():
        for server in broker.servers(kafka):
            host, _, port = server.rpartition(":")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), KNOCK_S):
                return True
        backoff.wait("waiting for Kafka")
    return False


def _stop_with(worker: GuardedWorker, stop: threading.Event) -> None:
    stop.wait()
    worker.loop.call_soon_threadsafe(worker._schedule_shutdown, signal.SIGTERM)
