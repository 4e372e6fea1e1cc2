"""Replay: reads topics from a start to a fixed end, fast and without a consumer group.

For rebuilds, notebooks and audits. Live events pass through Faust; here aiokafka's client fetches whole record batches,
one request ahead of the work, and its compiled parser splits them: twice the rate of ``getmany``, which first builds an
object of twelve fields per record. It commits nothing: the caller says where to start and end. Order: as in the
partition. Delivery: each record of the span exactly once, or an error; a gap in the offsets is an error. The request
class and the record parser belong to aiokafka 0.14.0, which is pinned.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

import aiokafka.errors as failures
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from kafka.errors import KafkaError

from domain.errors import OffsetGap
from schemas.event import Record
from streams.broker import broker
from streams.reading.bundle import Bundle, length_of
from streams.reading.spans import Span
from streams.reading.unpacking import BATCH, Fetched, bundled, unpacked

FETCH_BYTES: Final = 2 << 20
WAIT_MS: Final = 500
TIMEOUT_S: Final = 60.0
PAUSE_S: Final = 0.2
MISSING: Final = "records were lost, or somebody's transaction ended there: run krypton recover with the topic"
PASSING: Final = (  # temporary errors while a leader moves or starts
    failures.NotLeaderForPartitionError,
    failures.UnknownTopicOrPartitionError,
    failures.LeaderNotAvailableError,
    failures.ReplicaNotAvailableError,
)


class Unanswered(KafkaError):  # type: ignore[misc]  # the library ships no types
    """Kafka does not answer; the message names the error. One class for both clients' errors."""

    def __str__(self) -> str:
        return str(self.args[0])


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except failures.KafkaError as away:
        raise Unanswered(type(away).__name__) from None


@contextmanager
def _whole(span: Span) -> Iterator[None]:
    """Records that Kafka no longer has, or has damaged, as a gap."""
    try:
        yield
    except failures.OffsetOutOfRangeError:
        raise OffsetGap(f"{span.topic}/{span.partition} no longer has offset {span.start}: {MISSING}") from None
    except failures.CorruptRecordException as damaged:
        raise OffsetGap(f"{damaged.args[0]}: restore the topic before it is replayed") from None


class Replay:
    """Reads spans, in a ``with`` block and one thread. Synchronous: its event loop runs while it waits."""

    def __init__(self, kafka: str, *, fetch_bytes: int = FETCH_BYTES) -> None:
        """``kafka``: bootstrap servers. ``fetch_bytes``: memory of one fetch; two are held at a time.

        A larger record batch is still fetched, alone.
        """
        self._kafka = kafka
        self._fetch_bytes = fetch_bytes
        self._loop = uvloop.new_event_loop()
        self._client: Any = None

    def __enter__(self) -> "Replay":
        async def start() -> Any:
            client = AIOKafkaClient(**broker.options(self._kafka), client_id="krypton-replay")
            try:
                await client.bootstrap()
            except BaseException:
                await client.close()
                raise
            return client

        try:
            with _told():
                self._client = self._loop.run_until_complete(start())
        except BaseException:
            self._loop.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for fetch in asyncio.all_tasks(self._loop):  # still running because the reader stopped early
            fetch.cancel()
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    def batches(self, span: Span, most: int = BATCH, ended: list[int] | None = None) -> Iterator[list[Record]]:
        """The span's records in order, in lists of at most ``most``.

        ``ended``: is given the offsets at which a transaction ended, which hold no record; without it they are a gap.
        Raises OffsetGap (records are missing in Kafka, or damaged), KafkaError (no answer for a minute).
        """
        with _told(), _whole(span):
            yield from self._batches(span, most, ended)

    def bundles(self, span: Span, ended: list[int] | None = None) -> Iterator[Bundle | list[Record]]:
        """The same records as in ``batches``, a record batch at a time: to be followed, or unpacked already.

        ``ended``: see ``batches``. Raises as ``batches`` does.
        """
        with _told(), _whole(span):
            yield from self._bundles(span, ended)

    def _batches(self, span: Span, most: int, ended: list[int] | None) -> Iterator[list[Record]]:
        if not span.size:
            return
        where, expected = f"{span.topic}/{span.partition}", span.start
        held: list[Record] = []
        for records in self._records(span, most):
            if isinstance(records, int):
                if ended is not None and records == expected < span.end:
                    ended.append(records)
                    expected += 1
                continue
            if records[0].offset != expected or records[-1].offset != expected + len(records) - 1:
                raise OffsetGap(f"{where} jumps from offset {expected} on: {MISSING}")
            expected += len(records)
            held = held + records if held else records
            if len(held) >= most:
                yield held[:most]
                held = held[most:]
        if expected != span.end:
            raise OffsetGap(f"{where} ends at offset {expected}, and should at {span.end}: {MISSING}")
        if held:
            yield held

    def _bundles(self, span: Span, ended: list[int] | None) -> Iterator[Bundle | list[Record]]:
        expected = span.start
        for one in self._bundled(span) if span.size else ():
            if isinstance(one, int):
                if ended is not None and one == expected < span.end:
                    ended.append(one)
                    expected += 1
                continue
            begin, end = (one.begin, one.end) if isinstance(one, Bundle) else (one[0].offset, one[-1].offset + 1)
            if begin != expected or (isinstance(one, list) and len(one) != end - begin):
                raise OffsetGap(f"{span.topic}/{span.partition} jumps from offset {expected} on: {MISSING}")
            expected = end
            yield one
        if expected < span.end:
            where = f"{span.topic}/{span.partition} ends at offset {expected}"
            raise OffsetGap(f"{where}, and should at {span.end}: {MISSING}")

    def _bundled(self, span: Span) -> Iterator[Bundle | list[Record] | int]:
        """All records, as ``bundles`` gives them, and the offsets at which transactions ended."""
        for one in self._record_batches(span):
            if one.batch.is_control_batch:
                yield one.batch.base_offset
            else:
                yield from bundled(one, span)

    def _records(self, span: Span, most: int) -> Iterator[list[Record] | int]:
        """All records, in lists, and the offsets at which transactions ended."""
        for one in self._record_batches(span):
            if one.batch.is_control_batch:
                yield one.batch.base_offset
            else:
                yield from unpacked(one.batch, span, one.asked, most)

    def _record_batches(self, span: Span) -> Iterator[Fetched]:
        """All record batches; the next fetch is in flight while the last one is processed."""
        following = span.start
        fetch = self._loop.create_task(self._fetch(span, following))
        while following < span.end:
            content = self._loop.run_until_complete(fetch)
            found, batches, at = MemoryRecords(content), [], 0
            while found.has_next():
                batches.append(Fetched(found.next_batch(), content, at, following))
                at += length_of(content, at)
            if not batches:
                raise failures.KafkaError(f"{span.topic}/{span.partition} answers nothing at offset {following}")
            following = batches[-1].batch.next_offset
            if following < span.end:
                fetch = self._loop.create_task(self._fetch(span, following))
                self._loop.run_until_complete(asyncio.sleep(0))  # lets the request leave before the work starts
            yield from batches

    async def _fetch(self, span: Span, offset: int) -> bytes:
        """The bytes of whole record batches from ``offset`` on. Retries for a minute."""
        wanted = [(span.topic, [(span.partition, offset, self._fetch_bytes)])]
        request = FetchRequest(WAIT_MS, 1, self._fetch_bytes, 0, wanted)
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                return await self._ask(span, request)
            except (*PASSING, failures.KafkaConnectionError, failures.RequestTimedOutError, failures.NodeNotReadyError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(PAUSE_S)
                await self._client.force_metadata_update()

    async def _ask(self, span: Span, request: FetchRequest) -> bytes:
        await self._client._wait_on_metadata(span.topic)
        node = self._client.cluster.leader_for_partition(TopicPartition(span.topic, span.partition))
        if node is None or node == -1:
            raise failures.LeaderNotAvailableError(f"{span.topic}/{span.partition} has no leader just now")
        response = await self._client.send(node, request)
        ((_, ((_, error, *_, content),)),) = response.topics
        if error:
            raise failures.for_code(error)(f"{span.topic}/{span.partition}")
        return content or b""
