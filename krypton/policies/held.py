"""Delivers a notice, or makes lookups, while the claim on the entries is held.

Both may take longer than the database waits for a holder that says nothing (``adapters.outbox.outbox.FROZEN_S``).
Without this, what a slow receiver took would never be noted, and would come to it again and again; and lookups of which
a batch takes so long would be begun again without end.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

from domain.errors import NotDelivered

EVERY_S: Final = 5.0
LONGEST_S: Final = 600.0
"""A server may think about a mail for ten minutes (RFC 5321, 4.5.3.2.6)."""


def held_while(deliver: Callable[[], None], hold: Callable[[], None]) -> None:
    """Deliver; ``hold`` says now and then that the claim's holder is there.

    Raises what ``deliver`` raises, what ``hold`` raises, and NotDelivered after ``LONGEST_S``: what the receiver takes
    after that comes to it again under the same id.
    """
    done, wrong = Event(), list[Exception]()

    def work() -> None:
        try:
            deliver()
        except Exception as failed:
            wrong.append(failed)
        finally:
            done.set()

    end = time.monotonic() + LONGEST_S
    Thread(target=work, name="delivery", daemon=True).start()
    while not done.wait(EVERY_S):
        if time.monotonic() > end:
            raise NotDelivered("too slow")
        hold()
    if wrong:
        raise wrong[0]


@contextmanager
def kept(hold: Callable[[], None]) -> Iterator[None]:
    """While this lasts, for ``LONGEST_S`` at most, ``hold`` says now and then that the claim's holder is there.

    Another thread says it: what is done meanwhile must not ask the claim for anything. What ``hold`` raises is not told
    here: the claim is lost then, and raises the same to whoever asks it next.
    """
    done, end = Event(), time.monotonic() + LONGEST_S

    def say() -> None:
        with suppress(Exception):
            while not done.wait(EVERY_S) and time.monotonic() < end:
                hold()

    saying = Thread(target=say, name="claim", daemon=True)
    saying.start()
    try:
        yield
    finally:
        done.set()
        saying.join()
