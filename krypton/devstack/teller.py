"""How the stack tells what it is doing: the command line shows it, tests and programs need not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Teller(Protocol):
    """Hears of each step that takes time."""

    def say(self, text: str) -> None:
        """Tell one finished or coming step, in one line."""
        ...

    def downloading(self, what: str, size_bytes: int) -> AbstractContextManager[Advance]:
        """Follow a download of about ``size_bytes``; the function given takes the bytes that came in."""
        ...


class Silent:
    """Tells nobody."""

    def say(self, text: str) -> None:
        """Drop the line."""

    @contextmanager
    def downloading(self, what: str, size_bytes: int) -> Iterator[Advance]:
        """Count nothing."""
        yield lambda _bytes: None
