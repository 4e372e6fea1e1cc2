"""Sends bodies, one or many, in pieces that threads read: memory is bounded by what is open, not by what is sent.

All that is sent together shares ``ROOM``: a few downloads go in large pieces, hundreds of slow readers in small ones.
What cannot be read to its end breaks off, so that it does not look whole. Source: DICOM PS3.18 8.6.1.2 (multipart).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from krypton.errors import ServiceUnavailable
from krypton.faces.dicomweb import reading_files
from krypton.faces.dicomweb.accept import RELATED
from krypton.faces.dicomweb.parts import Part, Parts
from krypton.faces.http.workers import Workers
from krypton.queries.body import Body

KIB: Final = 1_024
ROOM: Final = 6 * 1_024 * KIB
HELD: Final = 256 * 1_024 * KIB
"""Bytes of what was made, and is being sent: while there are more, nothing more is made."""
FILED: Final = 4 * 1_024 * 1_024 * KIB
"""The same of what lies in files without a name: the disk is others', too."""
LEAST, MOST = 64 * KIB, 1_024 * KIB
"""Bytes of one piece."""
Headers = Mapping[str, str]


@dataclass
class Reading:
    """The threads that read, those that wait for what is made, how many answers are open, and the bytes held for
    them, in memory and in files. One loop uses it.
    """

    threads: Workers
    waiting: Workers
    open: int = 0
    held: int = 0
    filed: int = 0

    async def made(self, part: Part) -> Body:
        """What is sent of it. Raises what making it raises; ServiceUnavailable: too much is held for slow readers."""
        if part.there is not None:
            return part.there
        if self.held > HELD or self.filed > FILED:
            raise ServiceUnavailable("pictures wait for slow readers: ask again")
        assert part.make is not None, "a part is there, or is made"
        return await (self.waiting if part.slow else self.threads).run(part.make)

    @contextmanager
    def holding(self, body: Body) -> Iterator[None]:
        """While what was made of it is sent: that is held till then."""
        in_memory, in_file = len(body.data), body.length if body.file is not None else 0
        self.held += in_memory
        self.filed += in_file
        try:
            yield
        finally:
            self.held -= in_memory
            self.filed -= in_file

    @property
    def piece(self) -> int:
        """Bytes to read at once."""
        return max(LEAST, min(MOST, ROOM // max(1, self.open)))


class Sent(Response):
    """An answer that is read while it is sent."""

    def __init__(self, reading: Reading, headers: Headers, status: int = HTTPStatus.OK) -> None:
        super().__init__(None, status, dict(headers))
        if "Content-Length" not in headers:
            del self.headers["content-length"]  # of no body at all
        self._reading = reading

    async def length(self) -> int | None:
        """How long it is, asked once the first piece is there; None where that is known at the end."""
        return None

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """What is sent."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Raises what reading raises: then it is cut."""
        self._reading.open += 1
        try:
            async with aclosing(self.pieces()) as pieces:
                first = await anext(pieces, b"")  # what cannot be read at all is an error, and no answer that is cut
                length = await self.length()
                if length is not None:
                    self.headers["content-length"] = str(length)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] == "HEAD":  # nobody reads what would come
                    await send({"type": "http.response.body", "body": b""})
                    return
                gone = asyncio.create_task(_gone(receive))
                try:
                    await _all(send, first, pieces, gone)
                finally:
                    gone.cancel()
                    with suppress(asyncio.CancelledError):
                        await gone
        finally:
            self._reading.open -= 1

    async def read(self, body: Body, head: bytes = b"") -> AsyncGenerator[bytes, None]:
        """The bytes of a body, after ``head``."""
        with self._reading.holding(body):
            if body.path is None and body.file is None:
                yield head + body.data
                return
            run = self._reading.threads.run
            if body.path is not None and body.length + len(head) <= self._reading.piece + LEAST:
                yield await run(partial(reading_files.whole, body.path, body.pieces, head))
                return
            if head:
                yield head
            with await run(partial(reading_files.opened, body)) as file:
                for at, length in body.pieces:
                    end = at + length
                    while at < end:
                        size = min(end - at, self._reading.piece)
                        data = await run(partial(reading_files.piece, file.fileno(), size, at))
                        at += len(data)
                        yield data


class Single(Sent):
    """One part, without what would come before it among others."""

    def __init__(self, reading: Reading, part: Part, headers: Headers, status: int = HTTPStatus.OK) -> None:
        super().__init__(reading, {"Content-Type": part.media_type, **headers}, status)
        self._part, self._length = part, part.length

    async def length(self) -> int | None:
        """See ``Sent``."""
        return self._length

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """See ``Sent``."""
        body = await self._reading.made(self._part)
        self._length = body.length
        async with aclosing(self.read(body)) as read:
            async for data in read:
                yield data


class Streamed(Sent):
    """What an iterator makes, in a thread, piece by piece."""

    def __init__(self, reading: Reading, made: Iterable[bytes], media_type: str, headers: Headers) -> None:
        super().__init__(reading, {"Content-Type": media_type, **headers})
        self._made = iter(made)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """See ``Sent``."""
        while data := await self._reading.threads.run(lambda: next(self._made, b"")):
            yield data


class Multipart(Sent):
    """Parts in turn, each made when its turn comes."""

    def __init__(self, reading: Reading, parts: Parts, media_type: str, headers: Headers) -> None:
        self._boundary = token_hex(24)
        told = {"Content-Type": f'{RELATED}; type="{media_type}"; boundary={self._boundary}'}
        self._end = f"--{self._boundary}--\r\n".encode()
        self._parts = parts
        self._only: tuple[int, str | None] | None = None
        super().__init__(reading, {**told, **headers})

    async def length(self) -> int | None:
        """See ``Sent``. One part was made by then."""
        size = len(self._end)
        for part in self._parts:
            length, media_type = self._only or (part.length, None)
            if length is None:
                return None
            size += len(part.head(self._boundary, length, media_type)) + length + 2
        return size

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """See ``Sent``."""
        for part in self._parts:
            body = await self._reading.made(part)
            self._only = (body.length, body.media_type) if len(self._parts) == 1 else None
            async with aclosing(self.read(body, part.head(self._boundary, body.length, body.media_type))) as read:
                async for data in read:
                    yield data
            yield b"\r\n"
        yield self._end


async def _all(send: Send, first: bytes, pieces: AsyncIterator[bytes], gone: "asyncio.Task[None]") -> None:
    """Send what there is, as long as somebody reads it."""
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for data in pieces:
        if gone.done():
            return
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    """Until the client is."""
    while (await receive())["type"] != "http.disconnect":
        pass


def iterate(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Documents as one JSON array, in pieces that are worth a turn of a thread."""
    held, before = bytearray(), b"[\n"
    for line in lines:
        held += before + line
        before = b",\n"
        if len(held) >= LEAST:
            yield bytes(held)
            held.clear()
    yield bytes(held) + (b"\n]\n" if before != b"[\n" else b"[]\n")
