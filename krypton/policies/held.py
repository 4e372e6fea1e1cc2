"""Delivers a notice while the claim on its entry is held.

A receiver may take longer than the database waits for a holder that says nothing (``adapters.outbox.outbox.FROZEN_S``).
Without this, what a slow one took would never be noted, and would come to it again and again.
"""

import time
from collections.abc import Callable
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
