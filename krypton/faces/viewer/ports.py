"""What the viewer needs of the store of viewings: see ``adapters.web_sessions.viewings``."""

from typing import Any, Protocol
from uuid import UUID


class Asked(Protocol):
    """Who looks at what, and why."""

    @property
    def key(self) -> str:
        """How they signed in."""

    @property
    def actor(self) -> str:
        """As what they act."""

    @property
    def site(self) -> str | None:
        """The establishment that they act from."""

    @property
    def person(self) -> UUID:
        """An identity of whose study it is."""

    @property
    def study_uid(self) -> str:
        """The study."""

    @property
    def others(self) -> bool:
        """The person's other studies may be asked for, too."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def situation(self) -> str | None:
        """In which they act, as the sign-in told it."""


class Viewing(Protocol):
    """One that was opened."""

    @property
    def id(self) -> UUID:
        """In its address."""

    @property
    def asked(self) -> Asked:
        """What it lets see."""

    @property
    def live(self) -> bool:
        """It has not ended."""


class Opened(Protocol):
    """A link that was opened."""

    @property
    def id(self) -> UUID:
        """In its address."""

    @property
    def study_uid(self) -> str:
        """The study that it was asked for."""

    @property
    def secret(self) -> str:
        """For the cookie."""


class Viewings(Protocol):
    """The store."""

    def ask(self, **stated: Any) -> str:
        """A new link's token; ``session``: the hash of the session in which it is asked for, and what ``Asked`` has."""

    def open(self, token: str, session: str | None) -> Opened | None:
        """Open it, once, in the browser that has this session."""

    def of(self, secret: str, session: str | None, *, using: bool = True) -> Viewing | None:
        """The viewing of a cookie, also where it has ended lately."""
