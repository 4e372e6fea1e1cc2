"""A Faust app for one view, with a clean shutdown and a watchdog that ends a hung worker.

Faust 0.15.3 can stay alive without working: if reading the positions takes longer than a request, or a partition is
revoked at the wrong moment, its recovery service ends silently. So the watchdog (``watch``) ends a worker that is
assigned no partitions, or that lags without progress; the supervisor restarts it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import faust
from aiokafka.errors import KafkaError

from streams.processor.applier import Applier
from streams.processor.positioned_consumer import PositionedTransport

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
ASSIGNED_WITHIN_S = 40.0  # a dead member's session timeout and the rebalance take at most 30 s

SETTINGS: dict[str, Any] = {
    "web_enabled": False,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "consumer_auto_offset_reset": "earliest",
    "stream_wait_empty": False,  # the applier knows what is unfinished, Faust does not
    "stream_buffer_maxsize": 2,  # fetches, not records
    "table_standby_replicas": 0,  # no tables: partitions are assigned round-robin, not by Faust's own assignor
    "broker_commit_interval": 2.0,
    "broker_session_timeout": 10.0,  # a killed worker's partitions are reassigned after this
    "broker_heartbeat_interval": 2.0,
    "broker_rebalance_timeout": 20.0,
    "broker_request_timeout": 30.0,
    # aiokafka asks again for partitions that it could not learn of only when this is over: meanwhile a worker has none.
    "consumer_metadata_max_age_ms": 3_000,
}

Offsets = Mapping[tuple[str, int], int]


class NoProducer(faust.App.BootStrategy):  # type: ignore[misc]  # the library ships no types
    """Faust sends nothing here, so its producer is not started."""

    enable_kafka_producer = False


class GuardedApp(faust.App):  # type: ignore[misc]  # the library ships no types
    """A Faust app whose consumer uses the view's positions. Set ``seat`` before it starts."""

    BootStrategy = NoProducer
    seat: Applier
    _dealing_since: float | None = None

    def _new_transport(self) -> PositionedTransport:
        return PositionedTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Faust stores no data here, so it needs no folder in the current directory."""

    async def on_start(self) -> None:
        """Partitions are expected from now on."""
        self._dealing_since = time.monotonic()
        await super().on_start()

    def on_rebalance_start(self) -> None:
        """A rebalance begins."""
        self._dealing_since = time.monotonic()
        super().on_rebalance_start()

    def on_rebalance_end(self) -> None:
        """The rebalance is over: the consumer is at the view's positions and reading resumes."""
        self._dealing_since = None
        super().on_rebalance_end()

    async def on_stop(self) -> None:
        """Finish the running batch before the partitions are released."""
        await self.seat.close()
        await super().on_stop()

    async def watch(self, hung: Callable[[str], None]) -> None:
        """The watchdog: call ``hung`` if the worker makes no progress although Kafka answers."""
        before: Offsets = {}
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            since = self._dealing_since
            if since is not None and time.monotonic() - since > ASSIGNED_WITHIN_S:
                hung(f"no partitions were assigned to this worker for {ASSIGNED_WITHIN_S:.0f} s")
            behind = await self._behind() if since is None and self.seat.idle else {}
            if still := {partition for partition, at in behind.items() if before.get(partition) == at}:
                hung(f"nothing came from {len(still)} partitions for {LOOK_EVERY_S:.0f} s, though they hold more")
            before = behind

    async def _behind(self) -> Offsets:
        """The next offset of each partition that has more records; empty while Kafka does not answer."""
        assigned = self.consumer.assignment()
        try:
            ends = await self.consumer.highwaters(*assigned) if assigned else {}
        except KafkaError:
            return {}
        heads = self.seat.heads
        return {
            (tp.topic, tp.partition): heads.get((tp.topic, tp.partition), 0)
            for tp, end in ends.items()
            if end > heads.get((tp.topic, tp.partition), 0)
        }


class GuardedWorker(faust.Worker):  # type: ignore[misc]  # the library ships no types
    """Faust's worker, without console output, ending at once when part of Faust fails.

    Outside the main thread, where no signal can be handled, it is stopped by an event alone.
    """

    def __init__(self, app: GuardedApp, loop: asyncio.AbstractEventLoop, broken: Callable[[], NoReturn]) -> None:
        super().__init__(app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
        self.spinner = None  # it writes to standard output
        self._broken = broken

    async def crash(self, reason: BaseException) -> None:
        """See ``mode.Service``."""
        if not self.should_stop:
            log.error("Faust cannot go on: %s", type(reason).__name__, exc_info=reason)
            self._broken()

    def install_signal_handlers(self) -> None:
        """See ``mode.Worker``."""
        if threading.current_thread() is threading.main_thread():
            super().install_signal_handlers()
