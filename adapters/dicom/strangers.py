"""Reports callers that are not enrolled, in a thread of its own: who is turned away waits for no database.

A caller that calls every second is reported once a day, and of one address so many AE titles a day at most: strangers
must not grow the ledger. The log has them all.
"""

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from queue import Full, Queue
from threading import Thread

log = logging.getLogger(__name__)

TITLES_A_DAY = 50  # of one address
ADDRESSES_A_DAY = 1_000
AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A refused caller, as it described itself: untrusted text."""

    ae_title: str
    called: str
    address: str


class Strangers:
    """Call ``start``, ``report`` from one thread, then ``stop``. ``tell``: records a caller."""

    def __init__(self, tell: Callable[[Caller], None]) -> None:
        self._tell = tell
        self._queue: Queue[Caller | None] = Queue(AT_ONCE)
        self._thread = Thread(target=self._run, name="dicom-strangers", daemon=True)
        self._day: date | None = None
        self._known: set[tuple[str, str]] = set()
        self._titles: Counter[str] = Counter()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Report what waits, then end."""
        self._queue.put(None)
        self._thread.join()

    def report(self, caller: Caller) -> None:
        """Have it recorded, unless it was today; never waits."""
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day = today
            self._known.clear()
            self._titles.clear()
        key = (caller.address, caller.ae_title)
        many = self._titles[caller.address] >= TITLES_A_DAY or len(self._titles) > ADDRESSES_A_DAY
        if key in self._known or many:
            return
        with suppress(Full):  # at its next call, then
            self._queue.put_nowait(caller)
            self._known.add(key)
            self._titles[caller.address] += 1

    def _run(self) -> None:
        while (caller := self._queue.get()) is not None:
            try:
                self._tell(caller)
            except Exception as failed:  # it was turned away all the same
                log.error("refused caller %r could not be recorded (%s)", caller.ae_title, type(failed).__name__)
                self._known.discard((caller.address, caller.ae_title))
