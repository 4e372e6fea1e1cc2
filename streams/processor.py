"""The stream processor: Faust feeds one view, and a record is done when its row and its position are committed.

Delivery: effectively once. Faust acknowledges a message whose handler raised, and commits past unfinished work; so here
it only carries records. The agent puts them on a queue, one task applies what waits in one transaction (``Applier``),
the transaction holds the position (``View.apply``), and reading starts at that position (``positioned_consumer``).
A worker that lost a partition while it was frozen finds the position moved on, and ends.
App id ``krypton-<view>-v<version>``; topics and keys: those of the view.
Ends by ``os._exit`` when anything but a database that is away goes wrong: the supervisor starts it again.
"""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import faust
import uvloop

from domain.errors import OffsetGap, PartitionLost, StoreAway
from schemas.event import Record
from streams.applier import BATCH, Applier, Run
from streams.dead_letter_topic import DeadLetterTopic
from streams.positioned_consumer import PositionedTransport
from streams.view import View

__all__ = ["EXIT_BROKEN", "EXIT_GAP", "EXIT_LOST", "run"]

log = logging.getLogger(__name__)

EXIT_LOST = 75  # EX_TEMPFAIL: another worker owns the partition now; starting again is right
EXIT_GAP = 65  # EX_DATAERR: records are missing in Kafka; someone must look
EXIT_BROKEN = 70  # EX_SOFTWARE
LETTERS_EVERY_S = 1.0

SETTINGS: dict[str, Any] = {
    "web_enabled": False,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "consumer_auto_offset_reset": "earliest",
    "stream_wait_empty": False,  # the applier knows what is unfinished, Faust does not
    "stream_buffer_maxsize": 16,  # fetches, not records
    "table_standby_replicas": 0,  # no tables: partitions are dealt round-robin, not by Faust's own assignor
    "broker_commit_interval": 2.0,
    "broker_session_timeout": 10.0,  # a killed worker's partitions move after that
    "broker_heartbeat_interval": 2.0,
    "broker_rebalance_timeout": 20.0,
    "broker_request_timeout": 30.0,
}


class NoProducer(faust.App.BootStrategy):  # type: ignore[misc]  # the library ships no types
    """Nothing is sent by Faust, so its producer need not be up."""

    enable_kafka_producer = False


class Guarded(faust.App):  # type: ignore[misc]  # the library ships no types
    """A Faust app whose consumer goes by the view's positions."""

    BootStrategy = NoProducer
    seat: Applier

    def _new_transport(self) -> PositionedTransport:
        return PositionedTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Faust keeps no data here, so it gets no folder in the current directory."""

    async def on_stop(self) -> None:
        """Finish the batch under way before the partitions are handed over."""
        await self.seat.close()
        await super().on_stop()


def run(
    view: View,
    *,
    kafka: str,
    stop: threading.Event | None = None,
    batch: int = BATCH,
    instance: str | None = None,
    die: Callable[[int], NoReturn] = os._exit,
) -> None:
    """Keep a view up to date until SIGTERM or SIGINT, or until ``stop`` is set. Call it in the main thread.

    ``kafka``: bootstrap servers. ``batch``: the most records of one transaction. ``instance``: a name that stays the
    same when this worker is started again; the group then gives it its partitions back at once (static membership).
    """
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    letters = DeadLetterTopic(view, kafka)
    app = build(view, kafka, Applier(view, batch=batch), letters, instance, die)
    worker = _Worker(app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
    worker.spinner = None  # it writes to standard output
    worker.die = die
    if stop is not None:
        threading.Thread(target=_stop_with, args=(worker, stop), daemon=True).start()
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            die(EXIT_BROKEN)
    finally:
        letters.close()


def build(
    view: View,
    kafka: str,
    applier: Applier,
    letters: DeadLetterTopic,
    instance: str | None,
    die: Callable[[int], NoReturn],
) -> Guarded:
    """The Faust app of one view version: an agent that queues, a task that applies, one that publishes dead letters."""
    app = Guarded(
        f"krypton-{view.name}-v{view.version}",
        broker=[f"kafka://{server}" for server in kafka.split(",")],
        consumer_group_instance_id=instance,
        **SETTINGS,
    )
    app.seat = applier
    topic = app.topic(*view.topics, key_serializer="raw", value_serializer="raw", acks=False)

    async def feed(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            await applier.put(Run(message.generation_id, [_record(r) for r in message.run]))

    async def apply() -> None:
        try:
            await applier.run()
        except Exception as wrong:
            die(_told(view, wrong))

    async def publish() -> None:
        while True:
            await asyncio.sleep(LETTERS_EVERY_S)
            with contextlib.suppress(StoreAway):
                await applier.beside(letters.publish_new)

    async def shut(*_: Any, **__: Any) -> None:
        await applier.shut()

    app.agent(topic, name=f"{app.conf.id}.feed")(feed)
    app.task(apply)
    app.task(publish)
    app.on_partitions_revoked.connect(shut)
    return app


def _told(view: View, wrong: Exception) -> int:
    """Log why the worker ends; the exit code. Only our own words are logged: a library's may quote a row."""
    if isinstance(wrong, PartitionLost):
        log.warning("%s: another worker took over a partition, so this one ends: %s", view.name, wrong)
        return EXIT_LOST
    if isinstance(wrong, OffsetGap):
        log.error("%s: a record is missing, so nothing more is applied: %s", view.name, wrong)
        return EXIT_GAP
    places = "".join(traceback.format_tb(wrong.__traceback__))
    log.error("%s: ending after %s in\n%s", view.name, type(wrong).__name__, places)
    return EXIT_BROKEN


def _record(fetched: Any) -> Record:
    return Record(fetched.topic, fetched.partition, fetched.offset, fetched.key, fetched.value, tuple(fetched.headers))


class _Worker(faust.Worker):  # type: ignore[misc]  # the library ships no types
    """Faust's worker, which does not linger after a crash.

    Outside the main thread, where no signal can be handled, it is stopped by an event alone.
    """

    die: Callable[[int], NoReturn]

    async def crash(self, reason: BaseException) -> None:
        """Some part of Faust cannot go on: end the process, whatever the other parts do."""
        if not self.should_stop:
            log.error("Faust cannot go on: %s", type(reason).__name__, exc_info=reason)
            self.die(EXIT_BROKEN)

    def install_signal_handlers(self) -> None:
        if threading.current_thread() is threading.main_thread():
            super().install_signal_handlers()


def _stop_with(worker: faust.Worker, stop: threading.Event) -> None:
    stop.wait()
    worker.loop.call_soon_threadsafe(worker._schedule_shutdown, signal.SIGTERM)
