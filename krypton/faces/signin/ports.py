"""What sign-in needs of a provider, and of the store of sessions."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol


class Tokens(Protocol):
    """What a provider gave."""

    @property
    def access(self) -> str:
        """The access token."""

    @property
    def refresh(self) -> str | None:
        """The refresh token."""

    @property
    def id_token(self) -> str | None:
        """The ID token, by which the provider knows its session again at sign-out."""

    @property
    def until(self) -> float:
        """The access token is good, in seconds since 1970."""


class Identified(Protocol):
    """Who signed in."""

    @property
    def claims(self) -> Mapping[str, Any]:
        """Of the ID token."""

    @property
    def told(self) -> Mapping[str, Any]:
        """What the provider says of the access token (introspection)."""

    @property
    def shown(self) -> Mapping[str, Any]:
        """What it says of the person (userinfo)."""

    @property
    def tokens(self) -> Tokens:
        """What it gave."""


class EndedThere(Protocol):
    """Whose session, or which one, ended at the provider."""

    @property
    def id(self) -> str:
        """Of the logout token."""

    @property
    def until(self) -> float:
        """The token is good, in seconds since 1970."""

    @property
    def subject(self) -> str | None:
        """Whose sessions ended, as the provider names them."""

    @property
    def session(self) -> str | None:
        """Which session ended, as the provider names it."""


class Provider(Protocol):
    """See ``adapters.oidc.provider``; the errors of its methods are in the group ``Unproven``."""

    def begin(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser that signs in."""

    def identified(self, code: str, *, nonce: str, verifier: str) -> Identified:
        """Who signed in, verified in full."""

    def ended(self, logout_token: str) -> EndedThere:
        """Which session ended there."""

    def renewed(self, refresh: str) -> Tokens:
        """Tokens in the place of those before."""

    def leave(self, id_token: str | None, back: str, state: str) -> str | None:
        """Where to send a browser that signs out."""


class Session(Protocol):
    """One session."""

    @property
    def hash(self) -> bytes:
        """Names it, and lets nobody in."""

    @property
    def provider(self) -> str:
        """By which they signed in."""

    @property
    def actor(self) -> str | None:
        """As what they act; None while they choose."""

    @property
    def site(self) -> str | None:
        """The establishment that they act from."""

    @property
    def kept(self) -> Mapping[str, Any]:
        """What was kept in it."""

    @property
    def due(self) -> bool:
        """The provider is to be asked whether its own session goes on."""


class Sessions(Protocol):
    """See ``adapters.web_sessions.sessions``."""

    def open(
        self,
        provider: str,
        *,
        subject: str,
        session: str | None,
        actor: str | None,
        site: str | None,
        kept: Mapping[str, Any],
    ) -> str:
        """A new session's id."""

    def of(self, id: str, *, using: bool = True) -> Session | None:
        """The session with that id, while it is one."""

    def become(self, id: str, session: Any, *, actor: str, site: str | None, kept: Mapping[str, Any]) -> str | None:
        """It goes on under another id."""

    def claim(self, session: Any) -> bool:
        """Whether the caller is to ask the provider."""

    def keep(self, session: Any, kept: Mapping[str, Any]) -> None:
        """Keep what the provider gave in its place."""

    def end(self, id: str) -> None:
        """End it, if it is there."""

    def end_of(self, provider: str, token: str, until: float, subject: str | None, session: str | None) -> int | None:
        """End what ended at the provider; None: that token was used before."""

    def give_reason(self, session: Any, identity: str, reason: str) -> None:
        """Keep why they ask about a person."""

    def reason_given(self, session: Any, identities: Collection[str]) -> str | None:
        """Why they ask about a person."""


class Sealing(Protocol):
    """See ``adapters.web_sessions.sealed``."""

    def seal(self, told: Mapping[str, Any], place: bytes) -> bytes:
        """It opens in that place alone."""

    def open(self, sealed: bytes, place: bytes) -> dict[str, Any]:
        """What was sealed. Raises an exception where it was not, or elsewhere."""

    def form_token(self, session: str) -> str:
        """What forms of a session hold."""
