"""Limits of a request and of its answer: how large, how long, and how many from one address.

What is too large or too slow is answered with an error, or ended where the answer has begun; nothing is kept in memory
but the body of a request, and that within its bound. A route that takes more says so where it is declared (``Takes``).
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from krypton.faces.http import exchange, proxies
from krypton.faces.http.buckets import Buckets
from krypton.faces.http.problem import Problem

KIB: Final = 1_024
PIECE: Final = 1_024 * KIB
"""The most of an answer that is handed to the server at once; a ``MANY``th of it is sent whole."""
MANY: Final = 16
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
class Takes:
    """What comes in of a request, in bytes: so much at most, and ``slowest`` a second over all of it.

    ``answer_s``: what its answer may take once all is there, and the work between two pieces.
    """

    most: int
    answer_s: float
    slowest: int = 16 * KIB


TakesOf = Callable[[Scope], Takes | None]
"""What the route of a request takes; None where it says nothing of it."""


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

    def __init__(self, app: ASGIApp, limits: Limits, addresses: Buckets, takes: TakesOf = lambda _: None) -> None:
        self._app, self._limits, self._addresses, self._takes = app, limits, addresses, takes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Raises Problem 400, 408, 413, 414, 429, 431, 503."""
        asked = exchange.of(scope)
        rated(self._addresses, proxies.key_of(asked.client))
        takes = self._takes(scope) or Takes(self._limits.body, self._limits.answer_s)
        self._check(scope, takes.most)
        loop, begun = asyncio.get_running_loop(), False
        try:
            async with asyncio.timeout(self._limits.answer_s) as timeout:
                body = Body(receive, takes, timeout, self._limits.answer_s)

                async def sending(message: Message) -> None:
                    nonlocal begun
                    begun = body.answering = True
                    for piece in in_pieces(message):
                        timeout.reschedule(loop.time() + self._limits.taken_s)
                        await send(piece)
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

    def _check(self, scope: Scope, most: int) -> None:
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
        if len(length) > DIGITS or int(length) > most:
            raise too_large(most)


def in_pieces(message: Message) -> Iterator[Message]:
    """A large part of an answer, in pieces, and its end by itself: so that the peer has taken nearly all of it before
    the answer counts as sent, and what must be cut can be cut.
    """
    body = message.get("body", b"")
    if len(body) <= PIECE // MANY:
        yield message
        return
    for at in range(0, len(body), PIECE):
        yield {**message, "body": body[at : at + PIECE], "more_body": True}
    if not message.get("more_body", False):
        yield {**message, "body": b"", "more_body": False}


class Body:
    """What comes in of a request, within ``takes``. ``awaited``: more of it is being waited for, ``piece_s`` at most;
    ``answering``: the answer has begun, so that nothing more of it is waited for.
    """

    def __init__(self, receive: Receive, takes: Takes, timeout: asyncio.Timeout, piece_s: float) -> None:
        self._receive, self._takes, self._timeout, self._piece_s = receive, takes, timeout, piece_s
        self._read, self._began = 0, asyncio.get_running_loop().time()
        self.awaited = self.answering = False

    async def receive(self) -> Message:
        """See ASGI. Raises Problem 413."""
        if self.answering:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self.awaited = True
        slow = self._began + self._piece_s + self._read / self._takes.slowest
        self._timeout.reschedule(min(now + self._piece_s, slow))
        message = await self._receive()
        self.awaited, self.answering = False, not message.get("more_body", False)
        self._timeout.reschedule(asyncio.get_running_loop().time() + self._takes.answer_s)
        self._read += len(message.get("body", b""))
        if self._read > self._takes.most:
            raise too_large(self._takes.most)
        return message


def too_large(most: int) -> Problem:
    """A body past its bound."""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {most} bytes", headers=CLOSE)
