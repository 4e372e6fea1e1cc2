"""Ends an answer that takes long when what it rests on ends: a session, an account, an access, a consent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger(__name__)
Holds = Callable[[], Awaitable[bool]]
"""Whether an answer may go on. Raises an exception where that cannot be said."""
AGAIN_S: Final = 0.4
"""How often it is looked: bytes stop within a second, also where one look found nothing out."""
LOOK_S: Final = 2.0
"""A look that takes longer has found nothing out: whoever ends a ledger's answers must not keep bytes flowing."""
MISSED: Final = 2
"""Looks in a row that find nothing out end the answer: what is not known does not stand."""


async def shown_while(
    holds: Callable[[], Awaitable[bool]], answering: Awaitable[None], end: Callable[[], None]
) -> None:
    """Await ``answering``; ``end`` it when ``holds`` says no. Most answers are sent before the first look."""
    looking = asyncio.create_task(_look(holds, end))
    try:
        await answering
    finally:
        looking.cancel()


async def _look(holds: Holds, end: Callable[[], None]) -> None:
    missed = 0
    while missed < MISSED:
        await asyncio.sleep(AGAIN_S)
        try:
            async with asyncio.timeout(LOOK_S):
                if not await holds():
                    break
            missed = 0
        except Exception as error:
            missed += 1
            log.warning("whether an answer may go on is not known: %s", type(error).__name__)
    end()
