"""Progress of long work on standard error: a bar on a terminal, elsewhere an occasional line.

Count, rate and time left. A line comes every ``EVERY_S`` seconds at most, and once a minute at least where the work
goes on by less than a percent meanwhile.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Protocol, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

EVERY_S: Final = 5.0
AT_LEAST_EVERY_S: Final = 60.0
PERCENT: Final = 100


class Bar(Protocol):
    """Counts up."""

    def advance(self, by: int = 1) -> None:
        """So many more are done."""

    def reach(self, done: int, total: int) -> None:
        """So many are done, of so many."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s", style="cyan")


class _Drawn:
    """On a terminal."""

    def __init__(self, bar: Progress, total: int | None, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=total)

    def advance(self, by: int = 1) -> None:
        """See ``Bar``."""
        self._bar.advance(self._task, by)

    def reach(self, done: int, total: int) -> None:
        """See ``Bar``."""
        self._bar.update(self._task, completed=done, total=total)


class Lines:
    """In a log, a pipe or a file. ``clock``: seconds; ``say`` is given each line."""

    def __init__(
        self,
        what: str,
        total: int | None,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._say, self._clock = what, total, say, clock
        self._start = self._said_at = clock()
        self._done = self._said = 0

    def advance(self, by: int = 1) -> None:
        """See ``Bar``."""
        self._done += by
        self._perhaps_say()

    def reach(self, done: int, total: int) -> None:
        """See ``Bar``."""
        self._done, self._total = done, total
        self._perhaps_say()

    def end(self) -> None:
        """The work is done, or was given up; said only where a line was said before."""
        if self._said and self._said != self._done:
            self._say(self._line(self._clock()))

    def _perhaps_say(self) -> None:
        now = self._clock()
        waited = now - self._said_at
        little = self._total is not None and (self._done - self._said) * PERCENT < self._total
        if waited < EVERY_S or (little and waited < AT_LEAST_EVERY_S) or self._done == self._said:
            return
        self._said, self._said_at = self._done, now
        self._say(self._line(now))

    def _line(self, now: float) -> str:
        rate = self._done / max(now - self._start, 1e-9)
        if not self._total:
            return f"{self._what}: {self._done:,}, {rate:,.0f}/s"
        left = max(self._total - self._done, 0)
        percent = min(self._done * PERCENT // self._total, PERCENT)
        more = f", {_duration(left / rate)} left" if left and rate else ""
        return f"{self._what}: {self._done:,} of {self._total:,} ({percent} %), {rate:,.0f}/s{more}"


def _duration(seconds: float) -> str:
    """The largest two units."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minute:02} min"
    return f"{minute} min {second:02} s" if minute else f"{second} s"


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Bar]:
    """``total`` None: not known beforehand."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = Lines(what, total, lambda line: print(line, file=sys.stderr, flush=True))
        try:
            yield lines
        finally:
            lines.end()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        yield _Drawn(bar, total, what)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Of work in stages, a bar for each: it is told what is being done, how many of it are done, and of how many."""
    with ExitStack() as shown:
        said, bar = "", cast("Bar | None", None)

        def tell(what: str, done: int, total: int) -> None:
            nonlocal said, bar
            if bar is None or what != said:
                shown.close()
                said, bar = what, shown.enter_context(progress(what, total))
            bar.reach(done, total)

        yield tell
