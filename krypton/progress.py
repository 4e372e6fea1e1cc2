"""A progress bar for long work: count, rate and time left, on standard error, silent where that is no terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s", style="cyan")


class Bar:
    """Counts up."""

    def __init__(self, bar: Progress, total: int | None, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=total)

    def advance(self, by: int = 1) -> None:
        """So many more are done."""
        self._bar.advance(self._task, by)

    def reach(self, done: int, total: int) -> None:
        """So many are done, of so many."""
        self._bar.update(self._task, completed=done, total=total)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Bar]:
    """``total`` None: not known beforehand."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield Bar(bar, total, what)
