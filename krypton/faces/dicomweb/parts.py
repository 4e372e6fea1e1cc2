"""The parts of an answer: each is made when its turn comes, for a study has thousands. Source: RFC 2046 5.1."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from krypton.queries.body import Body

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One part of an answer: a body that is ``there``, or one that ``make`` makes, in a thread; ``length``: None where
    it is known then; ``slow``: it takes long, so that it is made apart from what is read.
    """

    media_type: str
    location: str
    make: Callable[[], Body] | None = None
    length: int | None = None
    slow: bool = False
    there: Body | None = None

    def head(self, boundary: str, length: int, media_type: str | None = None) -> bytes:
        """What comes before its bytes. ``media_type``: where another one was made than was foreseen."""
        return (
            f"--{boundary}\r\nContent-Type: {media_type or self.media_type}\r\nContent-Length: {length}\r\n"
            f"Content-Location: {self.location}\r\n\r\n"
        ).encode("latin-1")


class Parts(Protocol):
    """Parts that are gone through twice: for the length of all, and to be sent."""

    def __len__(self) -> int:
        """How many."""

    def __iter__(self) -> Iterator[Part]:
        """One at a time."""


@dataclass(frozen=True)
class Lazily(Generic[T]):
    """A part of each of several things, made whenever it is asked for."""

    of: Sequence[T]
    make: Callable[[T], Part]

    def __len__(self) -> int:
        """See ``Parts``."""
        return len(self.of)

    def __iter__(self) -> Iterator[Part]:
        """See ``Parts``."""
        return map(self.make, self.of)
