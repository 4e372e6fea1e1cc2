"""A Faust consumer that starts at the positions stored in PostgreSQL, not at Kafka's committed offsets.

On every assignment it seeks to the view's positions. Group offsets are committed too, but only to show lag: each is
what the view has applied. A fetch passes through Faust as one message with the records of all partitions: Faust's cost
of a message is paid once, and what was fetched together is applied together. What comes again, as it does from a topic
that lost its end, the view leaves out. After a fetch with few records the next one may rest, so that more comes with
it. In a backlog, too, all partitions are read alike: who is far behind in one of them has read nothing whole. The
internals overridden here belong to faust-streaming 0.15.3 and aiokafka 0.14.0, which are pinned.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

FETCH_WAIT_MS = 250  # a fetch omits partitions whose last fetch is still being processed: this bounds their delay

Positions = Mapping[tuple[str, int], int]


class Seat(Protocol):
    """What the consumer feeds: it knows the positions and accepts records only between ``open`` and ``shut``."""

    async def positions(self) -> Positions:
        """(topic, partition) to the offset to read next."""

    def open(self, generation: int) -> None:
        """Accept records fetched under this group generation."""

    def applied(self) -> Positions:
        """(topic, partition) to the offset after the last applied record, for partitions that moved."""

    def rest_after(self, records: int) -> float:
        """Seconds to rest after a fetch of so many records."""


class RunMessage(ConsumerMessage):  # type: ignore[misc]  # the library ships no types
    """The records of one fetch: ``run`` holds aiokafka's records, those of each partition in order."""

    run: Sequence[Any]


class PositionedConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # the library ships no types
    """aiokafka in its thread; a failed commit only means stale lag figures and never stops the worker."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # Faust fixes 1.5 s
        return consumer

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """To the log, which knows what is a defect: the library prints a traceback beside it."""
        self.log.error("%s", msg.format(*fmt), exc_info=True)

    def _stopped_set(self) -> None:
        """A thread that crashed has closed its loop: nobody waits in it any more."""
        try:
            super()._stopped_set()
        except RuntimeError:
            if not self.thread_loop.is_closed():
                raise
            self._stopped.set()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        assigned = self.assignment()
        ours = {driver.ensure_aiokafka_TP(tp): (offset, "") for tp, offset in offsets.items() if tp in assigned}
        if not ours:  # all were given away meanwhile, and aiokafka takes an empty commit for a defect
            return False
        try:
            await self._ensure_consumer().commit(ours)
        except driver.KafkaError as away:
            self.log.info("the group's offsets were not written (%s): lag figures are old", type(away).__name__)
            return False
        return True


class PositionedConsumer(driver.Consumer):  # type: ignore[misc]  # the library ships no types
    """Seeks to the view's positions and passes on whole fetches."""

    _rest_s = 0.0
    """Seconds before the next fetch is asked for."""

    @property
    def seat(self) -> Seat:
        """Set on the app before it starts."""
        return self.app.seat  # type: ignore[no-any-return]

    def _new_consumer_thread(self) -> PositionedConsumerThread:
        return PositionedConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Called on every assignment, before fetching starts: go to the positions in PostgreSQL."""
        generation = self.app.consumer_generation_id
        assigned = self.assignment()
        known = await self.seat.positions()
        await self.seek_wait({tp: known.get((tp.topic, tp.partition), 0) for tp in assigned})
        self.seat.open(generation)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, RunMessage]]:
        """The records of a fetch as one message, which bears the name of one of its partitions."""
        if self._rest_s:
            await self.sleep(self._rest_s)
        records, active = await self._wait_next_records(timeout)
        if self.should_stop or not self.flow_active:
            return  # the partitions are being revoked; their next owner reads from the stored position
        runs = {tp: run for tp, run in (records or {}).items() if self._takes(tp, active)}
        fetched = list(chain.from_iterable(runs.values()))
        self._rest_s = self.seat.rest_after(len(fetched))
        if runs:
            # By these Faust drops what it has read before, and with it what the fetch has of other partitions.
            self._read_offset.clear()
            tp, run = next(iter(runs.items()))
            yield tp, self._message(tp, run[-1], fetched)

    def _takes(self, tp: TP, active: Collection[TP] | None) -> bool:
        return active is None or tp in active or tp in self._buffered_partitions

    def _message(self, tp: TP, last: Any, fetched: Sequence[Any]) -> RunMessage:
        stamp = (last.timestamp or 0) / 1000
        message = RunMessage(
            tp.topic, tp.partition, last.offset, stamp, last.timestamp_type, None, None, None, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip
        message.run = fetched
        return message

    async def force_commit(self, *_: Any, **__: Any) -> bool:
        """Commit what the view has applied as the group's offsets."""
        applied = {TP(topic, partition): offset for (topic, partition), offset in self.seat.applied().items()}
        return bool(applied) and await self._thread.commit(applied)

    def on_buffer_full(self, tp: TP) -> None:
        """Takes no partition out. Faust's queue holds a few messages, and who would add one waits (``conductor``): that
        is enough. A message is of all partitions, so the one whose name it bears would be left out until the queue is
        empty: in a backlog, until all others are read.
        """

    def on_buffer_drop(self, tp: TP) -> None:
        """None was taken out."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Disables Faust's watchdog, which relies on acknowledgements that are not used here."""


class PositionedTransport(driver.Transport):  # type: ignore[misc]  # the library ships no types
    """Makes a Faust app use this consumer (``App._new_transport``)."""

    Consumer = PositionedConsumer
