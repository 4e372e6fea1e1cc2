"""Signs in by the cookie of a session: the way of browsers, behind the port of every other way."""

from functools import partial

from krypton.faces.http.signing_in import Shown, SignedIn, refused
from krypton.faces.http.workers import Workers
from krypton.faces.signin import cookies
from krypton.faces.signin.ports import Session, Sessions

OVER = "the session has ended: sign in again"
CHOOSING = "choose first from where you act"


class BySession:
    """See ``Authenticator``. ``threads``: in which sessions are looked up."""

    def __init__(self, sessions: Sessions, threads: Workers) -> None:
        self._sessions, self._threads = sessions, threads

    async def who(self, shown: Shown) -> SignedIn | None:
        """None: no cookie. Raises Problem 401."""
        if (id := cookies.read(shown.cookie, cookies.SESSION)) is None:
            return None
        session = await self._threads.run(partial(self._sessions.of, id, using=not shown.again))
        if session is None or session.actor is None:
            raise refused(CHOOSING if session else OVER)
        return signed(self._sessions, session, session.actor)


def signed(sessions: Sessions, session: Session, actor: str) -> SignedIn:
    """Who the session is of."""
    reason = partial(sessions.reason_given, session)
    return SignedIn(actor, session.site, f"session {session.hash.hex()}", reason)
