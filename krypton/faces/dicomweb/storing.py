"""What a face needs of who keeps the files that are sent to it; ``krypton.services.stow`` does it."""

from typing import Protocol


class Outcome(Protocol):
    """What became of one file. ``status`` 0: it is on disk; else why not, without any value of it."""

    @property
    def status(self) -> int: ...
    @property
    def why(self) -> str: ...
    @property
    def sop_class(self) -> str: ...
    @property
    def sop_uid(self) -> str: ...
    @property
    def study_uid(self) -> str: ...
    @property
    def series_uid(self) -> str: ...


class Incoming(Protocol):
    """One file that is coming in."""

    def write(self, data: memoryview) -> None:
        """The next bytes. Raises EndlessFile."""

    def end(self) -> Outcome:
        """It is whole: keep it, and say what became of it."""

    def discard(self) -> None:
        """It does not come whole."""


class Sending(Protocol):
    """One request of a sender."""

    def file(self, study_uid: str | None) -> Incoming:
        """A file that begins; ``study_uid``: of the study that it must be of."""

    def close(self) -> None:
        """Nothing more comes with this request: what came is recorded soon."""


class Storing(Protocol):
    """Keeps what is sent."""

    def begin(self, actor: str, site: str) -> Sending:
        """Raises UnknownSite (S1); TooManyAtOnce; ServiceUnavailable: nothing can be kept here now."""


class TooManyAtOnce(Exception):
    """As many send already as may at once."""


class EndlessFile(Exception):
    """A file that is refused, and goes on for longer than any that is taken."""
