"""Asks for many things together, and for each by itself where that fails: one that always fails holds no other up.

A server that is away for everybody is waited for, and is no failure of anything. Whether it is away is asked of the
server itself; if it answers, what failed has failed by itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import psycopg2
import sqlalchemy.exc
from eventsourcing import persistence

from domain.errors import Contended, StoreAway, WrongMasterKey
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable

AWAY: Final = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    persistence.OperationalError,
    persistence.InterfaceError,
    StoreAway,
    Contended,
    ServiceUnavailable,
    WrongMasterKey,
)
"""Errors of a server that cannot be reached, or not just now; also of one thing that a server never takes. A master key
that is missing is waited for likewise: it is nothing's own fault, and an operator brings it.
"""
ALONE_S: Final = 10.0
"""For how long things are asked for one by one: no sender holds its claim much longer."""
T = TypeVar("T")
R = TypeVar("R")
Reachable = Callable[[], object]


def reachable(ours: Krypton) -> None:
    """Raises as the ledger, the vault or its master key does while it is away."""
    ours.ledger.recorder.max_notification_id()
    ours.vault.reach()


def each(
    things: Sequence[T], ask: Callable[[Sequence[T]], R], reachable: Reachable
) -> Iterator[tuple[Sequence[T], R | Exception]]:
    """The answer, or the failure, for all together or for one after the other; what time does not suffice for is left.

    Raises one of ``AWAY`` if ``reachable`` does: the server is away.
    """
    answer = _asked(things, ask, reachable)
    if len(things) == 1 or not isinstance(answer, Exception):
        yield things, answer
        return
    end = time.monotonic() + ALONE_S
    for one in things:
        if time.monotonic() > end:
            return
        yield [one], _asked([one], ask, reachable)


def _asked(things: Sequence[T], ask: Callable[[Sequence[T]], R], reachable: Reachable) -> R | Exception:
    try:
        return ask(things)
    except Exception as wrong:
        if isinstance(wrong, AWAY):
            reachable()
        return wrong
