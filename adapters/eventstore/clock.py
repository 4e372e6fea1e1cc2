"""Tells the event store's time without asking each time: commands decide by it, and their events are stamped with it.

T1  A writer's clock differs from the event store's by no more than a bound (KRYPTON_CLOCK_BOUND_S): one that does is
    named, and writes nothing until its clock is set.
T2  ``recorded_at`` never runs backwards along positions: an event is stamped with the time that its command decided by,
    and with the last event's where that is later.

The time is a steady clock of this machine plus its distance from the store's clock. The distance is measured with each
insert, which brings the store's clock back with it, and asked for only where nothing was written for a while. Of
several measures the one that was answered fastest counts most, and the time never runs ahead of the store's. No reading
is earlier than a stored event's stamp: so a rule such as "expired" and the stamp agree, also where the store's own
clock was set back; its time then stands still until the clock has caught up.
"""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

from domain.errors import ClockDiffers
from domain.times import EPOCH

log = logging.getLogger(__name__)

REFRESH_US: Final = 60_000_000  # without an insert the store is asked so often
STEP_US: Final = 1_000_000  # a distance that changes by more was no drift: a clock was set
DRIFT: Final = 1_000  # µs that the distance may change in a second: both clocks are slewed by 500 ppm at most
SECOND: Final = 1_000_000
BOUND_S: Final = 60.0


def steady_us() -> int:
    """Microseconds on a clock that nobody sets, and that also runs while the machine sleeps."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000


def wall_us() -> int:
    """Microseconds since 1970 on this machine's clock."""
    return time.time_ns() // 1_000


class Heard(NamedTuple):
    """What the store said of its time: its clock, and the stamp of its last event (0: it has none), in µs."""

    clock: int
    last: int


class StoreClock:
    """The store's time, as one process knows it. Safe to share between threads."""

    def __init__(
        self,
        ask: Callable[[], Heard],
        bound_s: float = BOUND_S,
        *,
        steady: Callable[[], int] = steady_us,
        wall: Callable[[], int] = wall_us,
    ) -> None:
        """``ask``: asks the store, for which a command waits only where nothing is known yet."""
        self._ask, self._bound_us = ask, round(bound_s * SECOND)
        self.steady, self._wall = steady, wall
        self._lock = Lock()
        self._distance: int | None = None
        self._heard_at = 0
        self._reached = 0
        self._told_back = False

    def __call__(self) -> datetime:
        """The time now. Raises ClockDiffers (T1), and what ``ask`` raises where nothing is known yet."""
        if self._distance is None:
            self._refresh()
        elif self.steady() - self._heard_at > REFRESH_US:
            self._try_refresh()
        assert self._distance is not None
        return EPOCH + timedelta(microseconds=max(self.steady() + self._distance, self._reached))

    def heard(self, sent: int, heard: Heard) -> bool:
        """Take in what the store answered to something sent at that reading of ``steady``. Raises ClockDiffers (T1).

        Returns whether a clock was set meanwhile: what was decided by the time before is to be decided again.
        """
        received, wall = self.steady(), self._wall()
        self._check(heard.clock, wall, received - sent)
        with self._lock:
            low, high = heard.clock - received, heard.clock - sent
            before, drifted = self._distance, DRIFT * (received - self._heard_at) // SECOND
            stepped = before is not None and not low - STEP_US <= before <= high + STEP_US
            known = low if before is None or stepped else before - drifted
            self._distance, self._heard_at = min(max(known, low), high), received
            self._reached = max(self._reached, heard.last)
            self._tell_back(heard)
        return stepped

    def _refresh(self) -> None:
        sent = self.steady()
        self.heard(sent, self._ask())

    def _try_refresh(self) -> None:
        """Measure again; while the store is away, what is known is good enough: nothing can be written meanwhile."""
        try:
            self._refresh()
        except ClockDiffers:
            raise
        except Exception as away:
            log.debug("the event store's clock cannot be asked just now (%s)", type(away).__name__)

    def _check(self, store: int, wall: int, took: int) -> None:
        """Raise ClockDiffers where this machine's clock is off by more than the bound (T1)."""
        off = wall - store
        if abs(off) > self._bound_us + took:
            raise ClockDiffers(
                f"the clock of {socket.gethostname()} (pid {os.getpid()}) is {abs(off) / SECOND:,.0f} s "
                f"{'ahead of' if off > 0 else 'behind'} the event store's, more than {self._bound_us / SECOND:,.0f} s: "
                "nothing was written; set both machines' clocks by NTP, then ask again"
            )

    def _tell_back(self, heard: Heard) -> None:
        """Log once that the store's clock is before its last event."""
        behind = heard.last - heard.clock > self._bound_us
        if behind and not self._told_back:
            log.warning(
                "the event store's clock is %s s before its last event: the ledger's time stands still until then; "
                "see that the database's clock is right",
                f"{(heard.last - heard.clock) / SECOND:,.0f}",
            )
        self._told_back = behind
