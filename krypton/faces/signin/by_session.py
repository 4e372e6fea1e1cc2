"""Signs in by the cookie of a session: the way of browsers, behind the port of every other way."""

from functools import partial
from typing import Final

from krypton.faces.http.signing_in import Shown, SignedIn, refused
from krypton.faces.http.workers import Workers
from krypton.faces.signin import cookies
from krypton.faces.signin.situations import situation_of
from krypton.faces.signin.steps import SignIn

OVER: Final = "the session has ended: sign in again"
CHOOSING: Final = "choose first from where you act"


class BySession:
    """See ``Authenticator``. ``looking``: threads in which sessions are looked up; ``asking``: and their providers."""

    def __init__(self, sign_in: SignIn, looking: Workers, asking: Workers) -> None:
        self._sign_in, self._looking, self._asking = sign_in, looking, asking

    async def who(self, shown: Shown) -> SignedIn | None:
        """None: no cookie. Raises Problem 401."""
        if (id := cookies.read(shown.cookie, cookies.SESSION)) is None:
            return None
        session = await self._looking.run(partial(self._sign_in.session, id, using=not shown.again))
        if session is None or session.actor is None:
            raise refused(CHOOSING if session else OVER)
        if session.due and not shown.again and not await self._asking.run(partial(self._sign_in.goes_on, id, session)):
            raise refused(OVER)
        reason = partial(self._sign_in.sessions.reason_given, session)
        return SignedIn(
            session.actor, session.site, f"session {session.hash.hex()}", reason, situation_of(session.kept)
        )
