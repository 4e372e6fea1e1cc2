"""The outermost layer of the HTTP face: names each request, turns errors into answers, counts, and guards browsers.

A log line tells the route, status, time and id of a request: never its path, its headers, or the words of an error.
"""

import logging
import re
import time
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from krypton.faces.http import exchange, problem
from krypton.faces.http.exchange import Exchange
from krypton.faces.http.metrics import NOWHERE, Metrics
from krypton.faces.http.problem import MEDIA_TYPE, Problem

log = logging.getLogger(__name__)
CSP: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Nothing at all: what a route shows to a browser needs more, and says so itself."""
GUARDS: Final[Mapping[str, str]] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
    "cache-control": "no-store",
}
"""Headers of every answer that does not say otherwise."""
HSTS: Final = "max-age=31536000"
REQUEST_ID: Final = "x-request-id"
ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Watched:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            return
        asked, began = exchange.begin(scope, _id(scope)), time.monotonic()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked.status = message["status"]
                message = {**message, "headers": _guarded(message.get("headers", ()), asked)}
            await send(message)

        with self._metrics.open.track_inprogress():
            try:
                await self._app(scope, receive, sending)
            except Exception as error:
                if asked.status is None:
                    await _send(_problem(error, asked), asked, sending)
                else:
                    _tell(error, asked)
                    asked.abort()  # what is half sent must not look whole
            finally:
                self._told(scope, asked, time.monotonic() - began)

    def _told(self, scope: Scope, asked: Exchange, seconds: float) -> None:
        route = getattr(scope.get("endpoint"), "path", NOWHERE)
        self._metrics.answered(route, scope["method"], asked.status or 0, seconds)
        self._metrics.cut.inc(asked.cut)
        log.info("%s %s %s%s %.0f ms", asked.id, route, asked.status or "-", " cut" * asked.cut, seconds * 1_000)


def _id(scope: Scope) -> str:
    """The request's id: the caller's where it is one, so that their log and this one can be read side by side."""
    given = dict(scope["headers"]).get(REQUEST_ID.encode(), b"")
    return given.decode() if ID.fullmatch(given) else str(uuid4())


def _guarded(headers: object, asked: Exchange) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = list(headers)  # type: ignore[call-overload]  # ASGI: any iterable of pairs
    there = {name.lower() for name, _ in found}
    guards = {**GUARDS, REQUEST_ID: asked.id} | ({"strict-transport-security": HSTS} if asked.secure else {})
    return [*found, *((n.encode(), v.encode()) for n, v in guards.items() if n.encode() not in there)]


def _problem(error: Exception, asked: Exchange) -> Problem:
    found = problem.of(error)
    if found is None or (found.status == HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, Problem)):
        _tell(error, asked)
    return found or Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect of Krypton: tell its operator the request's id")


def _tell(error: Exception, asked: Exchange) -> None:
    """Log what failed, and where: the words of an error may hold a name."""
    frames = [f"{at.filename.rpartition('/')[2]}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)[-6:]]
    log.error("%s failed: %s at %s", asked.id, type(error).__name__, " < ".join(reversed(frames)))


async def _send(said: Problem, asked: Exchange, send: Send) -> None:
    body = said.body(asked.id)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **said.headers}
    start = {"type": "http.response.start", "status": said.status}
    await send({**start, "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]})
    await send({"type": "http.response.body", "body": body})


def unreadable() -> bytes:
    """The whole answer to bytes that are no HTTP: a server sends it, for no request is there to be answered."""
    body = Problem(HTTPStatus.BAD_REQUEST, "that is no HTTP/1.1").body("none")
    lines = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), "connection": "close", **GUARDS}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 400 Bad Request\r\n{head}\r\n".encode() + body
