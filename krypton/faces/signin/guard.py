"""Guards what a browser does by itself: another site makes it ask, under its cookie, for what nobody wanted.

A request with our cookie, or by nobody who shows a certificate or token, is answered under the public name alone. With
a cookie, what changes something comes from a page of this very origin, and what another site's page loads is not
answered. And who navigates is shown a page instead of a problem: to sign in, to say why, or what is wrong.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from krypton.faces.http import exchange, problem
from krypton.faces.http.declared import ELSEWHERE, OF_ANOTHER, SAFE
from krypton.faces.http.exchange import Exchange
from krypton.faces.http.problem import Problem
from krypton.faces.signin import cookies
from krypton.faces.signin.addresses import with_next
from krypton.faces.signin.pages import Pages
from krypton.queries.gate import ReasonNotGiven

OPEN: Final = "/health"
"""Asked by load balancers, which may know no name."""
MISDIRECTED: Final = "this service is not asked under that name"


class Guarded:
    """ASGI middleware. ``origin``: the public address of this service."""

    def __init__(self, app: ASGIApp, origin: str, pages: Pages) -> None:
        self._app, self._origin, self._pages = app, origin, pages
        self._host = urlsplit(origin).netloc
        self._own = (
            None,
            origin,
            "null",
        )  # a form of a page that tells no referrer has null, and Sec-Fetch-Site beside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Raises Problem 403, 421."""
        asked, headers = exchange.of(scope), Headers(scope=scope)
        try:
            self._check(scope, headers, asked)
            await self._app(scope, receive, send)
        except Exception as error:
            page = self._page(scope, headers, error) if asked.status is None else None
            if page is None:
                raise
            await page(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers, asked: Exchange) -> None:
        """Raises Problem."""
        cookie = headers.get("cookie", "")
        ours = any(f"{name}=" in cookie for name in (cookies.SESSION, cookies.BEGUN, cookies.VIEWING))
        if not ours and (asked.names or "authorization" in headers or scope["path"] == OPEN):
            return
        if headers.getlist("host") != [self._host]:
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, MISDIRECTED)
        if not ours:
            return
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if scope["method"] not in SAFE:
            if not (origin in self._own if site == "same-origin" else site is None and origin == self._origin):
                raise Problem(HTTPStatus.FORBIDDEN, ELSEWHERE)
        elif site in OF_ANOTHER and not _opens_a_page(headers):
            raise Problem(HTTPStatus.FORBIDDEN, ELSEWHERE)

    def _page(self, scope: Scope, headers: Headers, error: Exception) -> Response | None:
        """What is shown to who navigates; None: it is no navigation, or a defect, which the log tells."""
        found = problem.of(error)
        if found is None or not navigates(scope, headers):
            return None
        here = scope["path"] + (f"?{query}" if (query := scope["query_string"].decode("latin-1")) else "")
        if found.status == HTTPStatus.UNAUTHORIZED:
            return RedirectResponse(with_next("/sign-in", here), HTTPStatus.SEE_OTHER)
        if isinstance(error, ReasonNotGiven):
            return RedirectResponse(with_next(f"/why/{error.identity}", here), HTTPStatus.SEE_OTHER)
        return self._pages.problem(found)


def _opens_a_page(headers: Headers) -> bool:
    """Whether somebody goes there. A frame in another site's page navigates, too: it asks, and nobody sees that."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"


def navigates(scope: Scope, headers: Headers) -> bool:
    """Whether somebody follows a link or types an address, and is going to see what comes."""
    mode = headers.get("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    return scope["method"] in ("GET", "POST") and headers.get("accept", "").startswith("text/html")
