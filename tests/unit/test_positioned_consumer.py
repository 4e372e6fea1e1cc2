"""How a fetch passes through Faust: as one message with the records of all partitions, and with a rest where asked."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka.util import commit_structure_validate
from faust.types import TP

from streams.processor.positioned_consumer import PositionedConsumer, PositionedConsumerThread, RunMessage

GENERATION = 3
ONE, OTHER = TP("t", 0), TP("u", 5)
Fetch = Mapping[TP, Sequence[Any]]


def record(offset: int) -> Any:
    """As aiokafka gives it, as far as the consumer looks."""
    return SimpleNamespace(offset=offset, timestamp=None, timestamp_type=None)


class Seat:
    """Rests for as many seconds as it was given records."""

    def rest_after(self, records: int) -> float:
        """See ``Seat``."""
        return float(records)


class Fed(PositionedConsumer):
    """A consumer that is given its fetches, without Kafka."""

    should_stop = False
    flow_active = True

    def __init__(self, *fetches: Fetch, active: set[TP]) -> None:
        self.app = SimpleNamespace(seat=Seat(), consumer_generation_id=GENERATION, in_recovery=False)
        self.rests: list[float] = []
        self._buffered_partitions: set[TP] = set()
        self._read_offset: dict[TP, int | None] = defaultdict(lambda: None)
        self._fetches = list(fetches)
        self._active_partitions = active

    async def sleep(self, n: Any, *_: Any, **__: Any) -> None:
        """Note it."""
        self.rests.append(n)

    async def _wait_next_records(self, timeout: float) -> tuple[Fetch, set[TP]]:
        return self._fetches.pop(0), self._active_partitions

    def read(self) -> list[tuple[TP, RunMessage]]:
        """The messages of the next fetch."""

        async def all_of_it() -> list[tuple[TP, RunMessage]]:
            return [one async for one in self.getmany(1.0)]

        return asyncio.run(all_of_it())


def test_a_fetch_is_one_message() -> None:
    """What was fetched together is applied together, in the order of each partition."""
    fed = Fed({ONE: [record(4), record(5)], OTHER: [record(9)]}, active={ONE, OTHER})
    ((tp, message),) = fed.read()
    assert tp == message.tp == ONE
    assert [one.offset for one in message.run] == [4, 5, 9]
    assert (message.offset, message.generation_id) == (5, GENERATION)


def test_partitions_that_are_not_read_now_are_left_out() -> None:
    """They were given away, or wait: who owns them then reads them from the stored position."""
    fed = Fed({ONE: [record(4)], OTHER: [record(9)]}, {ONE: [record(5)]}, active={OTHER})
    ((tp, message),) = fed.read()
    assert tp == OTHER
    assert [one.offset for one in message.run] == [9]
    assert fed.read() == []


def test_a_backlog_leaves_no_partition_behind() -> None:
    """A message bears the name of one partition. While messages wait, Faust would read all but that one."""
    fed = Fed(active={ONE, OTHER})
    fed.on_buffer_full(ONE)
    assert fed._active_partitions == {ONE, OTHER}
    fed.on_buffer_drop(ONE)
    assert fed._active_partitions == {ONE, OTHER}


def test_it_rests_after_a_fetch_as_long_as_it_is_told() -> None:
    """Before the next one, and not before the first."""
    fed = Fed({ONE: [record(4), record(5)]}, {}, {ONE: [record(6)]}, active={ONE})
    fed.read()
    assert fed.rests == []
    assert fed.read() == []
    fed.read()
    assert fed.rests == [2.0]


def test_nothing_is_passed_on_while_partitions_are_taken_away() -> None:
    """Their next owner reads from the stored position."""
    fed = Fed({ONE: [record(4)]}, active={ONE})
    fed.flow_active = False
    assert fed.read() == []


class Drained(Fed):
    """Read to the end by Faust itself; ``passed`` holds the offsets that came through, of one fetch after the other."""

    def __init__(self, *fetches: Fetch, active: set[TP]) -> None:
        super().__init__(*fetches, active=active)
        self.passed: list[list[int]] = []
        self.app.topics = SimpleNamespace(acks_enabled_for=lambda topic: False)
        self.diag = SimpleNamespace(set_flag=lambda flag: None, unset_flag=lambda flag: None)
        self.log = SimpleNamespace(dev=lambda *said: None)
        self.suspend_flow = asyncio.Event()
        self._commit_every = None
        self._stopped = asyncio.Event()

    async def callback(self, message: RunMessage) -> None:
        """What Faust does with a message: here, noted."""
        self.passed.append([one.offset for one in message.run])

    async def wait_first(self, *some: Any, **_: Any) -> None:
        """The first alone: nothing is suspended here."""
        await some[0]
        some[1].close()
        if not self._fetches:
            self._stopped.set()


def test_what_a_partition_gives_again_does_not_take_the_others_with_it() -> None:
    """A topic that lost its end is read from the beginning, where another partition gives what is new."""
    fed = Drained({ONE: [record(7)]}, {ONE: [record(0)], OTHER: [record(9)]}, {ONE: [record(8)]}, active={ONE, OTHER})
    asyncio.run(fed._drain_messages(SimpleNamespace(_stopped=asyncio.Event())))
    assert fed.passed == [[7], [0, 9], [8]]


class Committing(PositionedConsumerThread):
    """To aiokafka, which takes no empty commit; it has these partitions now."""

    def __init__(self, *assigned: TP) -> None:
        self._assigned, self.committed = {*assigned}, list[Any]()

    def assignment(self) -> set[TP]:
        """See ``ConsumerThread``."""
        return self._assigned

    def _ensure_consumer(self) -> Any:
        async def commit(offsets: Mapping[Any, tuple[int, str]]) -> None:
            self.committed += [(tp.topic, offset) for tp, (offset, _) in commit_structure_validate(offsets).items()]

        return SimpleNamespace(commit=commit)


def test_offsets_of_partitions_that_were_given_away_are_not_committed_and_end_no_worker() -> None:
    """A rebalance may come between what was applied and its commit."""
    some, none = Committing(ONE), Committing()
    assert asyncio.run(some._commit({ONE: 5, OTHER: 7})) is True
    assert asyncio.run(none._commit({ONE: 5, OTHER: 7})) is False
    assert (some.committed, none.committed) == ([("t", 5)], [])
