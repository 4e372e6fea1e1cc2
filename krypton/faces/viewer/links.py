"""Signs in by a link to the viewer: by the cookie that its opening gave, for what the link lets see and nothing else.

The cookie is sent to the link's own path alone. What it lets see is asked of the gate at each request, under the name
and with the reason of whoever asked for the link.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from domain.actors import Caller
from krypton.faces.http.asked import Answer, Asked
from krypton.faces.http.problem import Problem
from krypton.faces.http.signing_in import Authenticator, Shown, SignedIn, refused, signed_in
from krypton.faces.http.workers import Workers
from krypton.faces.signin import cookies
from krypton.faces.viewer.ports import Opened, Viewing, Viewings

COOKIE: Final = cookies.VIEWING
PATH: Final = "/viewer/s"
LASTS_S: Final = 4 * 3_600
LATELY_S: Final = 0.2
"""How long what was looked up of a viewing is taken as it was."""
OVER: Final = "the link to the viewer has ended: open the study again"
NOT_OF_IT: Final = "the link to the viewer does not show that study"
SESSION: Final = "session "


@dataclass(frozen=True)
class Looking(SignedIn):
    """Who looks, by a link."""

    viewing: Viewing | None = field(default=None, repr=False, compare=False)


class ByLink:
    """See ``Authenticator``. ``threads``: in which viewings are looked up; ``still``: whether who asked for a link, by
    another way than a session, may sign in still; ``ways``: by which a session is known.

    A viewing ends by itself after a time alone, so one that was looked up a moment ago is not looked up for each image.
    Its session is, and whether its account is good still.
    """

    def __init__(
        self,
        viewings: Viewings,
        threads: Workers,
        still: Callable[[str], bool],
        ways: Sequence[Authenticator],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._viewings, self._threads, self._still, self._ways = viewings, threads, still, ways
        self._clock = clock
        self._lately = OrderedDict[tuple[str, str | None], tuple[Viewing, float]]()

    async def who(self, shown: Shown) -> SignedIn | None:
        """None: no cookie of a link. Raises Problem 401."""
        if (secret := cookies.read(shown.cookie, COOKIE)) is None:
            return None
        session = cookies.read(shown.cookie, cookies.SESSION)
        viewing = await self._viewing(secret, session, using=not shown.again)
        if viewing is None or not viewing.live or not self._still(viewing.asked.key):
            raise refused(OVER)
        if session_of(viewing.asked.key) and (await signed_in(self._ways, shown)).key != viewing.asked.key:
            raise refused(OVER)
        return looking(viewing)

    async def _viewing(self, secret: str, session: str | None, *, using: bool) -> Viewing | None:
        now, key = self._clock(), (secret, session)
        held = self._lately.get(key)
        if held and now - held[1] < LATELY_S:
            return held[0]
        found = await self._threads.run(partial(self._viewings.of, secret, session, using=using))
        self._lately.pop(key, None)
        if found is not None and found.live:
            self._lately[key] = found, now
        while self._lately and next(iter(self._lately.values()))[1] <= now - LATELY_S:
            self._lately.popitem(last=False)
        return found


def looking(viewing: Viewing) -> Looking:
    """Who it is."""
    return Looking(viewing.asked.actor, viewing.asked.site, f"viewing {viewing.id}", viewing=viewing)


def caller_of(viewing: Viewing) -> Caller:
    """As whom the gate is asked, and why."""
    asked = viewing.asked
    return Caller(asked.actor, asked.reason, asked.site, asked.situation)


def viewing_of(asked: Asked) -> Viewing:
    """The viewing in which something is asked for, at its own address. Raises Problem 401."""
    signed = asked.signed
    if not isinstance(signed, Looking) or signed.viewing is None or signed.viewing.id != asked.path["link"]:
        raise refused(OVER)
    return signed.viewing


def within(answer: Answer) -> Answer:
    """The same answer, about what the link lets see. Raises Problem 401, 404."""

    def scoped(asked: Asked) -> Any:
        viewing = viewing_of(asked)
        if asked.path.get("study", viewing.asked.study_uid) != viewing.asked.study_uid and not viewing.asked.others:
            raise Problem(HTTPStatus.NOT_FOUND, NOT_OF_IT)
        path = {**asked.path, "person": viewing.asked.person}
        return answer(replace(asked, caller=caller_of(viewing), path=path))

    return scoped


def session_of(key: str) -> bytes | None:
    """The session's hash, where that is how somebody signed in."""
    return bytes.fromhex(key.removeprefix(SESSION)) if key.startswith(SESSION) else None


def cookie(opened: Opened) -> str:
    """The header that gives the cookie."""
    flags = f"Path={PATH}/{opened.id}; Secure; HttpOnly; SameSite=Lax; Max-Age={LASTS_S}"
    return f"{COOKIE}={opened.secret}; {flags}"
