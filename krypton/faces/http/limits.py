"""Limits of a request and of its answer: how large, how long, and how many from one address.

What is too large or too slow is answered with an error, or ended where the answer has begun; nothing is kept in memory
but the body of a request, and that within its bound.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from krypton.faces.http import exchange, proxies
from krypton.faces.http.buckets import Buckets
from krypton.faces.http.problem import Problem

KIB: Final = 1_024
VERSIONS: Final = ("1.0", "1.1")
DIGITS: Final = 18
"""More than these no length has."""
CLOSE: Final = {"Connection": "close"}
"""Where what is left of a request is not read."""
SECONDS_AT_ONCE: Final = 2
"""A caller who was silent may make the requests of so many seconds at once."""
OF_AN_ADDRESS: Final = 10
"""Callers that may be behind one address, at their full rate."""


@dataclass(frozen=True)
class Limits:
    """``answer_s``: until the answer begins, and between two parts of it; ``taken_s``: for the peer to take a part.

    ``headers``, ``header_bytes``: of a request; ``path``, ``query``: their length; ``body``: its length, in bytes.
    ``rate``: requests a second of one caller; ``waiting``: that wait for their turn to ask the ledger.
    """

    answer_s: float = 30.0
    taken_s: float = 30.0
    headers: int = 100
    header_bytes: int = 16 * KIB
    path: int = 2 * KIB
    query: int = 4 * KIB
    body: int = 64 * KIB
    rate: float = 300.0
    waiting: int = 200

    def buckets(self, callers: int = 1) -> Buckets:
        """For so many callers together."""
        return Buckets(self.rate * callers, self.rate * callers * SECONDS_AT_ONCE)


def rated(buckets: Buckets, key: str) -> None:
    """Count a request. Raises Problem 429."""
    if wait_s := buckets.take(key):
        later = {"Retry-After": str(ceil(wait_s))}
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too many requests: ask more slowly", headers=later)


class Limited:
    """ASGI middleware. ``addresses``: the buckets of each address."""

    def __init__(self, app: ASGIApp, limits: Limits, addresses: Buckets) -> None:
        self._app, self._limits, self._addresses = app, limits, addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Raises Problem 400, 408, 413, 414, 429, 431, 503."""
        asked = exchange.of(scope)
        rated(self._addresses, proxies.key_of(asked.client))
        self._check(scope)
        loop, begun, body = asyncio.get_running_loop(), False, Body(receive, self._limits.body)
        try:
            async with asyncio.timeout(self._limits.answer_s) as timeout:

                async def sending(message: Message) -> None:
                    nonlocal begun
                    begun = True
                    timeout.reschedule(loop.time() + self._limits.taken_s)
                    await send(message)
                    timeout.reschedule(loop.time() + self._limits.answer_s)

                await self._app(scope, body.receive, sending)
        except TimeoutError:
            if not timeout.expired():
                raise
            if begun:
                asked.abort()
                return
            if body.awaited:
                raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time", headers=CLOSE) from None
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "it took too long: ask again", headers=CLOSE) from None

    def _check(self, scope: Scope) -> None:
        """Raises Problem for a request that is too large, or can be read in two ways."""
        headers, limits = scope["headers"], self._limits
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > limits.headers or size > limits.header_bytes:
            raise Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too many", headers=CLOSE)
        if len(scope.get("raw_path") or b"") > limits.path or len(scope["query_string"]) > limits.query:
            raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long", headers=CLOSE)
        if scope["http_version"] not in VERSIONS:
            raise Problem(HTTPStatus.BAD_REQUEST, "that is no HTTP/1.1", headers=CLOSE)
        path = scope["path"]
        if not path.startswith("/") or not path.isprintable() or "\ufffd" in path:
            raise Problem(HTTPStatus.BAD_REQUEST, "the path is none: percent-encode UTF-8", headers=CLOSE)
        names = [name for name, _ in headers]
        if b"transfer-encoding" in names and b"content-length" in names:
            raise Problem(HTTPStatus.BAD_REQUEST, "the body has two lengths", headers=CLOSE)
        length = dict(headers).get(b"content-length", b"0")
        if len(length) > DIGITS or int(length) > limits.body:
            raise too_large(limits.body)


class Body:
    """What comes in of a request: ``most`` bytes. ``awaited``: more of it is being waited for."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._read = receive, most, 0
        self.awaited = False

    async def receive(self) -> Message:
        """See ASGI. Raises Problem 413."""
        self.awaited = True
        message = await self._receive()
        self.awaited = False
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            raise too_large(self._most)
        return message


def too_large(most: int) -> Problem:
    """A body past its bound."""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {most} bytes", headers=CLOSE)
