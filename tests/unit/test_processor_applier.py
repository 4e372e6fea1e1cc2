"""How fetched records reach a view: in batches that form by themselves, and never after a partition was given away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest

from domain.errors import PartitionLost, StoreAway
from schemas.event import Record
from streams.processor.applier import Applier, Run
from streams.processor.view import DeadLetter
from tests.waiting import WITHIN_S, until_others

GENERATION = 3


class FakeView:
    """Keeps what it was given; ``answers`` are raised or passed, one per call."""

    name: str = "fake"
    version: int = 1
    topics: tuple[str, ...] = ("t",)

    def __init__(self, *answers: Exception | None) -> None:
        self.batches: list[list[int]] = []
        self.answers = list(answers)

    def positions(self) -> Mapping[tuple[str, int], int]:
        """See ``View``."""
        self._answer()
        return {("t", 0): 5}

    def apply(self, batch: Sequence[Record]) -> int:
        """See ``View``."""
        self._answer()
        self.batches.append([r.offset for r in batch])
        return len(batch)

    def unpublished(self, limit: int) -> Sequence[DeadLetter]:
        """See ``View``."""
        return ()

    def published(self, ids: Sequence[int]) -> None:
        """See ``View``."""

    def _answer(self) -> None:
        if self.answers and (answer := self.answers.pop(0)):
            raise answer


def fetched(*offsets: int, generation: int = GENERATION) -> Run:
    """A fetch of one partition."""
    return Run(generation, [Record("t", 0, offset, b"k", b"v", ()) for offset in offsets])


def play(applier: Applier, scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene beside an open applier."""

    async def both() -> None:
        applier.open(GENERATION)
        running = asyncio.create_task(applier.run())
        scened = asyncio.ensure_future(scene())
        await asyncio.wait([running, scened], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            scened.cancel()
            running.result()
        await scened
        await applier.close()
        running.cancel()

    asyncio.run(both())


def test_what_waits_is_applied_in_one_batch() -> None:
    """Batches form by themselves under load."""
    view = FakeView()
    applier = Applier(view)

    async def scene() -> None:
        for offset in range(3):
            await applier.put(fetched(offset))
        await until_others(lambda: view.batches, "a batch is applied")

    play(applier, scene)
    assert view.batches == [[0, 1, 2]]


def test_a_batch_is_never_larger_than_asked() -> None:
    """A long fetch is cut, in order."""
    view = FakeView()
    applier = Applier(view, batch=2)

    async def scene() -> None:
        await applier.put(fetched(0, 1, 2, 3, 4))
        await until_others(lambda: len(view.batches) == 3, "all is applied")

    play(applier, scene)
    assert view.batches == [[0, 1], [2, 3], [4]]


def test_what_comes_while_it_rests_goes_together() -> None:
    """Nothing is fetched for a while after few records; a full batch, or none, leaves no time to rest."""
    applier = Applier(FakeView(), batch=2, rest_s=7.0)
    assert [applier.rest_after(records) for records in range(4)] == [0.0, 7.0, 0.0, 0.0]
    assert Applier(FakeView()).rest_after(1) == 0.0


def test_what_was_fetched_before_the_partitions_were_dealt_anew_is_dropped() -> None:
    """Somebody else may have applied it already; whoever owns the partition reads it again."""
    view = FakeView()
    applier = Applier(view)

    async def scene() -> None:
        await applier.put(fetched(0, generation=GENERATION - 1))
        await applier.put(fetched(7))
        await until_others(lambda: view.batches, "a batch is applied")

    play(applier, scene)
    assert view.batches == [[7]]


def test_a_database_that_is_away_is_waited_for() -> None:
    """The same batch is applied again, whole."""
    view = FakeView(StoreAway("away"), StoreAway("away"))
    applier = Applier(view)

    async def scene() -> None:
        await applier.put(fetched(0, 1))
        await until_others(lambda: view.batches, "a batch is applied")

    play(applier, scene)
    assert view.batches == [[0, 1]]


def test_a_batch_that_waits_for_the_database_does_not_hold_up_a_rebalance() -> None:
    """It was not applied, so it can be given up."""
    view = FakeView(*[StoreAway("away")] * 100)
    applier = Applier(view)

    async def scene() -> None:
        await applier.put(fetched(0))
        await until_others(lambda: len(view.answers) < 100, "it was told that the database is away")
        await asyncio.wait_for(applier.shut(), WITHIN_S)

    play(applier, scene)
    assert view.batches == []


def test_a_lost_partition_ends_the_work() -> None:
    """Nothing is applied after it."""
    view = FakeView(PartitionLost("t/0"))
    applier = Applier(view)

    async def scene() -> None:
        await applier.put(fetched(0))
        await applier.put(fetched(1))
        await asyncio.Event().wait()  # until the applier ends

    with pytest.raises(PartitionLost):
        play(applier, scene)
    assert view.batches == []


def test_the_groups_offsets_follow_what_was_applied() -> None:
    """They are the lag figures that operators see."""
    view = FakeView()
    applier = Applier(view)
    offsets: list[Mapping[tuple[str, int], int]] = []

    async def scene() -> None:
        await applier.put(fetched(5, 6))
        await until_others(lambda: view.batches, "a batch is applied")
        await applier.shut()  # the batch is over
        offsets.extend([applier.applied(), applier.applied()])

    play(applier, scene)
    assert offsets == [{("t", 0): 7}, {}]


def test_positions_are_waited_for_too() -> None:
    """A worker that starts before the database is up."""
    applier = Applier(FakeView(StoreAway("away")))
    assert asyncio.run(applier.positions()) == {("t", 0): 5}
