"""Progress reporting of the development stack: shown by the command line, silent in tests and programs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Teller(Protocol):
    """Receives each step that takes time."""

    def say(self, text: str) -> None:
        """Report one step in one line."""
        ...

    def downloading(self, what: str, size_bytes: int) -> AbstractContextManager[Advance]:
        """Report a download of about ``size_bytes``; call the returned function with the bytes received."""
        ...


class Silent:
    """Reports nothing."""

    def say(self, text: str) -> None:
        """Ignored."""

    @contextmanager
    def downloading(self, what: str, size_bytes: int) -> Iterator[Advance]:
        """Ignored."""
        yield lambda _bytes: None
