"""The event store's time in one process: exact without asking, never backwards (T2), and a wrong clock named (T1)."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.eventstore.clock import DRIFT, REFRESH_US, SECOND, Heard, StoreClock
from domain.errors import ClockDiffers
from domain.times import micros

NOON = micros(datetime(2026, 1, 5, 12, tzinfo=UTC))
HOURS = 3600 * SECOND
LATENCY = 300


class World:
    """A store and a machine whose clocks are set by hand; the true time goes on with each question."""

    def __init__(self, bound_s: float = 60) -> None:
        self.passed = 0
        self.store_off = self.wall_off = self.steady_off = 0
        self.last = 0
        self.asked = 0
        self.away = False
        self.clock = StoreClock(self.ask, bound_s, steady=self.steady, wall=lambda: NOON + self.passed + self.wall_off)

    def steady(self) -> int:
        return 77 * SECOND + self.passed + self.steady_off

    @property
    def store(self) -> int:
        return NOON + self.passed + self.store_off

    def ask(self) -> Heard:
        if self.away:
            raise OSError
        self.asked += 1
        self.passed += LATENCY
        heard = Heard(self.store, self.last)
        self.passed += LATENCY
        return heard

    def insert(self, waits: int = 0) -> bool:
        """What an insert tells; ``waits`` of the way there are spent waiting for a lock."""
        sent = self.steady()
        self.passed += waits
        return self.clock.heard(sent, self.ask())

    @property
    def now(self) -> int:
        return micros(self.clock())

    @property
    def behind(self) -> int:
        """By how much the time told is behind the store's clock."""
        told = self.now
        return self.store - told


@pytest.fixture
def world() -> World:
    return World()


def test_the_store_is_asked_once_and_its_time_then_told_from_here(world: World) -> None:
    assert 0 <= world.behind <= LATENCY
    for _ in range(1_000):
        world.passed += 10_000
        assert 0 <= world.behind <= LATENCY
    assert world.asked == 1


def test_inserts_keep_it_right_without_any_question(world: World) -> None:
    _ = world.now
    for _ in range(100):
        world.passed += 10 * SECOND
        assert not world.insert()
        assert 0 <= world.behind <= LATENCY + DRIFT
    assert world.asked == 101


def test_of_two_measures_the_faster_one_counts(world: World) -> None:
    world.insert(waits=4 * SECOND)  # a lock was waited for, before the store told its clock
    world.insert()
    assert 0 <= world.behind <= LATENCY
    world.insert(waits=4 * SECOND)
    assert 0 <= world.behind <= LATENCY + 5 * DRIFT


def test_where_nothing_is_written_it_is_asked_again_from_time_to_time(world: World) -> None:
    _ = world.now
    world.passed += REFRESH_US + 1
    world.store_off = 100_000
    assert 0 <= world.behind <= 100_000 + LATENCY
    assert world.asked == 2


def test_while_the_store_is_away_what_is_known_goes_on(world: World) -> None:
    _ = world.now
    world.away = True
    world.passed += 2 * REFRESH_US
    assert 0 <= world.behind <= LATENCY


def test_where_nothing_is_known_and_the_store_is_away_that_is_said(world: World) -> None:
    world.away = True
    with pytest.raises(OSError):
        world.clock()


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wall_clock_that_is_set_wrong_changes_nothing_of_the_time_and_is_named(world: World, hours: int) -> None:
    _ = world.now
    world.wall_off = hours * HOURS
    assert 0 <= world.behind <= LATENCY
    said = rf"\(pid {os.getpid()}\) is 10,800 s {'ahead of' if hours > 0 else 'behind'} the event store's, more than 60"
    with pytest.raises(ClockDiffers, match=said):
        world.insert()
    world.wall_off = 0
    assert not world.insert()


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wrong_clock_is_found_at_the_first_question(world: World, hours: int) -> None:
    world.wall_off = hours * HOURS
    with pytest.raises(ClockDiffers):
        world.clock()


def test_a_wrong_clock_is_found_where_nothing_is_written_too(world: World) -> None:
    _ = world.now
    world.wall_off = 3 * HOURS
    world.passed += REFRESH_US + 1
    with pytest.raises(ClockDiffers):
        world.clock()


def test_the_bound_is_a_setting_and_an_answer_that_was_long_on_its_way_is_no_wrong_clock() -> None:
    world = World(bound_s=5)
    world.wall_off = 4 * SECOND
    assert not world.insert(waits=20 * SECOND)
    world.wall_off = 6 * SECOND
    with pytest.raises(ClockDiffers, match=re.escape("more than 5 s")):
        world.insert()


@pytest.mark.parametrize("steady_off", [-3 * HOURS, 3 * HOURS])
def test_a_clock_that_jumps_is_told_so_that_what_was_decided_by_it_is_decided_again(
    world: World, steady_off: int
) -> None:
    """A machine that was restored from a snapshot, for one."""
    _ = world.now
    world.steady_off = steady_off
    assert world.insert()
    assert 0 <= world.behind <= LATENCY
    assert not world.insert()


def test_where_the_stores_own_clock_is_set_back_the_time_stands_still_until_it_has_caught_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """So that what is decided and what is stamped agree; it is logged, once."""
    world.last = stamped = world.now
    world.store_off = world.wall_off = -3 * HOURS
    world.insert()
    for _ in range(5):
        assert world.now == stamped
        world.passed += 10 * SECOND
        world.insert()
    assert len([r for r in caplog.records if "before its last event" in r.message]) == 1
    world.passed += 3 * HOURS
    world.insert()
    assert world.now > stamped


@given(st.lists(st.tuples(st.integers(0, 90 * SECOND), st.integers(0, 5 * SECOND), st.integers(-400, 400))))
def test_it_never_runs_ahead_of_a_store_that_drifts_and_never_further_behind_than_an_answer_took(
    steps: list[tuple[int, int, int]],
) -> None:
    """Pauses, waits for locks, and drift in millionths."""

    def times() -> Iterator[tuple[int, int]]:
        world = World()
        for pause, waits, drift in steps:
            world.passed += pause
            world.store_off += pause * drift // SECOND
            assert not world.insert(waits)
            assert -(LATENCY + DRIFT) <= world.behind <= waits + 2 * LATENCY + DRIFT
            yield world.now, world.store

    for (before, _), (after, _) in pairwise(times()):
        assert after >= before - DRIFT * 90
