"""The steps of a sign-in: a browser is sent to a provider, comes back, and chooses from where it acts; and the way out.

What a browser began is sealed in a cookie of its own, so that nothing is kept for browsers that never come back, and
only the one that began can end it: nobody signs another's browser in under their own name.
"""

import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from krypton.faces.signin import cookies
from krypton.faces.signin.addresses import local
from krypton.faces.signin.ports import Identified, Provider, Sealing, Session, Sessions, Tokens
from krypton.faces.signin.providers import Stated
from krypton.faces.signin.situations import Ledger, NobodyHere, Situation, situations

log = logging.getLogger(__name__)
BEGUN: Final = b"begun"
BEGUN_S: Final = 600
"""How long a sign-in at a provider may take."""
RANDOM: Final = 32
"""Bytes of state, nonce and PKCE's verifier, each."""


class NotSignedIn(Exception):
    """A sign-in that came to nothing. ``args[0]``: why, for who signs in."""


@dataclass(frozen=True)
class Known:
    """A provider: what the file says of it, and how it is asked."""

    stated: Stated
    asked: Provider


@dataclass(frozen=True)
class Opened:
    """A session that was opened: its id, for the browser, and where to go on; ``chosen``: as what they act is known."""

    id: str
    next: str
    chosen: bool


@dataclass(frozen=True)
class SignIn:
    """The steps. ``origin``: the one public address of this service; ``unproven``: what a provider's answers raise;
    ``over``: that of them by which it says that its session has ended.
    """

    origin: str
    providers: Mapping[str, Known]
    sessions: Sessions
    sealing: Sealing
    ledger: Ledger
    unproven: tuple[type[Exception], ...]
    over: type[Exception]
    now: Callable[[], float] = field(default=time.time)

    def begin(self, name: str, next: str) -> tuple[str, str]:
        """Where to send the browser, and what it keeps meanwhile. Raises as the provider does."""
        made = {one: secrets.token_urlsafe(RANDOM) for one in ("state", "nonce", "verifier")}
        address = self.providers[name].asked.begin(**made)
        begun = {**made, "provider": name, "next": local(next), "at": self.now()}
        return address, cookies.as_value(self.sealing.seal(begun, BEGUN))

    def back(self, name: str, begun: str | None, told: Mapping[str, str]) -> Opened:
        """Open a session for who comes back from the provider. Raises NotSignedIn, NobodyHere; as the provider does."""
        held = self._held(name, begun, told.get("state", ""))
        if "error" in told or "code" not in told:
            raise NotSignedIn("the provider did not sign you in")
        known = self.providers[name]
        if told.get("iss", known.stated.issuer) != known.stated.issuer:  # RFC 9207
            raise NotSignedIn("the answer is another provider's")
        try:
            who = known.asked.identified(told["code"], nonce=held["nonce"], verifier=held["verifier"])
        except self.unproven as not_good:
            log.warning("a sign-in by %s came to nothing: %s", name, not_good)
            raise NotSignedIn("the provider did not answer, or what it answered is not good (any more)") from None
        found = situations(known.stated, who, self.ledger)
        return self._opened(name, who, found, str(held["next"]))

    def _held(self, name: str, begun: str | None, state: str) -> dict[str, Any]:
        """What this browser began. Raises NotSignedIn: it began nothing, something else, or too long ago."""
        try:
            held = self.sealing.open(cookies.as_bytes(begun or ""), BEGUN)
        except Exception:  # no cookie, or another's
            held = {"at": 0.0}
        if self.now() - held["at"] > BEGUN_S or held["provider"] != name:
            raise NotSignedIn("this browser began no sign-in here, or too long ago")
        if not hmac.compare_digest(str(held["state"]).encode(), state.encode()):
            raise NotSignedIn("the answer is to another sign-in")
        return held

    def _opened(self, name: str, who: Identified, found: list[Situation], next: str) -> Opened:
        only = found[0] if len(found) == 1 else None
        tokens = _kept(who.tokens, who.tokens.id_token)
        id = self.sessions.open(
            name,
            subject=str(who.claims["sub"]),
            session=who.claims.get("sid") if isinstance(who.claims.get("sid"), str) else None,
            actor=only.actor if only else None,
            site=only.site if only else None,
            kept={
                "tokens": tokens,
                "next": next,
                "choices": [one.kept() for one in found],
                "chosen": 0 if only else None,
            },
        )
        return Opened(id, next, only is not None)

    def session(self, id: str, *, using: bool = True) -> Session | None:
        """The session with that id, while it is one, of a provider that is stated."""
        found = self.sessions.of(id, using=using)
        return found if found and found.provider in self.providers else None

    def goes_on(self, id: str, session: Session) -> bool:
        """Whether the provider's own session goes on, as far as it says; where it does not, this one ends.

        Its tokens are renewed by that: one that a program is asked with is good for minutes.
        """
        tokens = session.kept["tokens"]
        if tokens["refresh"] is None or not self.sessions.claim(session):
            return True
        try:
            given = self.providers[session.provider].asked.renewed(tokens["refresh"])
        except self.over:
            self.sessions.end(id)
            return False
        except self.unproven as away:
            log.warning("whether a session at %s goes on is not known: %s", session.provider, away)
            return True
        self.sessions.keep(session, {**session.kept, "tokens": _kept(given, tokens["id_token"])})
        return True

    def chosen(self, id: str, session: Session, which: int) -> Opened:
        """Go on as one of those that there are to choose from, under a new id. Raises NotSignedIn."""
        choices = session.kept["choices"]
        if session.actor is not None or not 0 <= which < len(choices):
            raise NotSignedIn("that cannot be chosen: sign in again to act as another")
        one, next = choices[which], str(session.kept["next"])
        kept = {**session.kept, "chosen": which}
        made = self.sessions.become(id, session, actor=one["actor"], site=one["site"], kept=kept)
        if made is None:
            raise NotSignedIn("the session has ended")
        return Opened(made, next, True)

    def out(self, id: str) -> str:
        """End the session here; returns where its browser goes to end it at the provider, too."""
        session = self.session(id, using=False)
        self.sessions.end(id)
        return (self.leaving(session) if session else None) or SIGNED_OUT

    def leaving(self, session: Session) -> str | None:
        """Where the session ends at its provider; None: nowhere, or it is away."""
        known = self.providers[session.provider]
        try:
            id_token = session.kept["tokens"]["id_token"]
            return known.asked.leave(id_token, self.origin + SIGNED_OUT, secrets.token_urlsafe(RANDOM))
        except self.unproven as not_there:
            log.warning("%s is not told of a sign-out: %s", session.provider, not_there)
            return None

    def ended_there(self, name: str, logout_token: str) -> bool:
        """End what a provider says has ended; whether it said so in a token that is good, and new."""
        try:
            told = self.providers[name].asked.ended(logout_token)
        except self.unproven as not_good:
            log.warning("a logout token of %s is not good: %s", name, not_good)
            return False
        ended = self.sessions.end_of(name, told.id, told.until, told.subject, told.session)
        log.info("%s ended %s sessions", name, ended)
        return ended is not None


def _kept(given: Tokens, id_token: str | None) -> dict[str, Any]:
    """Tokens, as a session keeps them. ``id_token``: the one that was verified."""
    return {"access": given.access, "refresh": given.refresh, "id_token": id_token, "until": given.until}


SIGNED_OUT: Final = "/signed-out"
__all__ = ["BEGUN_S", "SIGNED_OUT", "Known", "NobodyHere", "NotSignedIn", "Opened", "SignIn"]
