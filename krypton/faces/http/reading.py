"""Gives the body of a request to who reads it while it comes in.

A few hundred KiB of it are in memory at a time.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Final, Protocol

from starlette.responses import Response

from krypton.faces.http.workers import Workers

AT_ONCE: Final = 256 * 1024
"""Bytes that are handed on together: changing threads for each piece of the network costs more than its work."""


class Reading(Protocol):
    """Who reads a body. Called in threads, by one at a time, but for ``close``."""

    def write(self, data: bytes) -> None:
        """The next bytes. Raises Problem."""

    def end(self) -> Response:
        """It is whole: the answer. Raises Problem."""

    def close(self) -> None:
        """It is over, whole or not. May be called while another thread writes."""


async def read(reading: Reading, pieces: AsyncIterator[bytes], threads: Workers) -> Response:
    """Have a body read to its end: what comes next is waited for while a thread reads what came before.

    Raises ClientDisconnect where it breaks off, and as ``reading`` does.
    """
    going: asyncio.Task[None] | None = None
    try:
        held: list[bytes] = []
        size = 0
        async for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= AT_ONCE:
                if going:
                    await going
                going = asyncio.create_task(threads.run(partial(reading.write, b"".join(held))))
                going.add_done_callback(_seen)
                held, size = [], 0
        if going:
            await going
        await threads.run(partial(reading.write, b"".join(held)))
        return await threads.run(reading.end)
    finally:
        threads.soon(reading.close)


def _seen(done: asyncio.Task[None]) -> None:
    """Its error is told where it is awaited; or nobody waits any more, for another one was first."""
    if not done.cancelled():
        done.exception()
