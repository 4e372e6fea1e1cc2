"""Answers a backlog of matching lookups at once: the region is decided as a promotion decides it, each pair once.

A lookup weighs its identity's whole neighbourhood. Where a good part of the region waits for one, as in an import, all
are answered sooner by a decision of the whole region (``projections.identity_index.whole``). What it finds becomes the
commands of these lookups, in one transaction. They are executed like any others, and the ledger refuses what came too
late.

The region is decided where the index has read ``PART`` of it that waits; ``PART_MEANWHILE`` while it has much to read:
more will wait soon, and a region that grows would be decided again and again. Until the index has read so much, the
lookups rest: one by one they would cost what the decision costs anyway. They rest as long as the index reads on. Where
it stands still for ``STILL_S``, what it has read is answered as if it were all.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Final
from uuid import UUID

from psycopg2.extensions import connection as Connection

from adapters.outbox.backlog import Backlog, Sides
from adapters.outbox.outbox import Child
from domain.ledger import Ledger
from domain.times import micros
from krypton.bootstrap import Krypton
from krypton.policies.each import AWAY, reachable
from krypton.policies.looker import Faced, child, kind
from krypton.policies.match import Match, Read
from krypton.policies.stored import SIDES, not_yet_said
from krypton.views.matches import bodies
from policies.matching import LOOKUP, Matching
from policies.policy import Due, Kind
from postgres.session import connect
from projections.engine.query import fetch
from projections.identity_index import due as matching
from projections.identity_index.decided import Due as Decisions

log = logging.getLogger(__name__)

LEAST: Final = 5_000
"""Lookups that wait: fewer are made as soon one by one."""
PART, PART_MEANWHILE = 1 / 8, 3 / 4
"""Of the identities in the index, those that wait."""
MUCH: Final = 1_000
"""Ledger positions: who reads on and has so many to read has more soon."""
STILL_S: Final = 30.0
"""For how long an index that is about to read on reads nothing."""
TOGETHER: Final = UUID(int=0)
"""Stands for the lookup that all of whom neither side waits would be found by."""
AGAIN_S, AGAIN_MOST_S, PAUSE = 1.0, 30.0, 50
"""How long nothing is asked after a backlog was not answered: so many times what asking took, within these bounds."""
KNOWN: Final = """
SELECT greatest(told.n_live_tup, found.reltuples)::bigint AS n
FROM pg_stat_user_tables told JOIN pg_class found ON found.oid = told.relid
WHERE told.schemaname = %(schema)s AND told.relname = 'identity'"""
"""As PostgreSQL has counted: nobody reads millions of rows to learn whether it is worth it. It drops its running count
when it recovers from a crash, and keeps that of the last ANALYZE.
"""


class Stopped(Exception):
    """The process is to end: what was decided is not kept."""


class AtOnce:
    """See the module. ``once`` is called by the thread that makes the lookups, which are those of ``match``."""

    def __init__(self, ours: Krypton, match: Match) -> None:
        self._ours, self._match = ours, match
        self._ask_at = 0.0
        self._faced = Faced.ONE_BY_ONE
        self._upto, self._moved_at = 0, 0.0

    def once(self, go_on: Callable[[], bool]) -> Faced:
        """Answer a backlog, if there is one. ``go_on``: whether the process is still to run.

        Raises one of ``AWAY`` if the server is away; one that ends this decision alone, for the time or memory that
        it takes, is asked for another much later.
        """
        began = time.monotonic()
        if began < self._ask_at:
            return self._faced
        before, self._faced = self._faced, Faced.ONE_BY_ONE
        try:
            self._faced = self._once(go_on)
        except Stopped:
            return self._faced
        except Exception as wrong:  # such as too little memory: what is slower goes on
            if isinstance(wrong, AWAY):
                reachable(self._ours)
            log.error("a backlog cannot be answered at once (%s): lookups are made one by one", kind(wrong))
            self._ask_at = _again_at(began) if isinstance(wrong, AWAY) else math.inf
            return self._faced
        if self._faced is Faced.RESTS and before is not Faced.RESTS:
            log.info("many identities wait to be matched: they rest until the index has read them")
        now = time.monotonic()
        pause = min(AGAIN_MOST_S, max(AGAIN_S, PAUSE * (now - began)))
        self._ask_at = 0.0 if self._faced is Faced.ANSWERED else now + pause
        return self._faced

    def _once(self, go_on: Callable[[], bool]) -> Faced:
        self._match.close()  # its session and this one are one of the budget
        with closing(connect(self._ours.addresses.database, "region", settings={"jit": "off"})) as session:
            session.set_session(isolation_level="REPEATABLE READ", readonly=True)
            backlog = Backlog(session, Matching.name, LOOKUP)
            if isinstance(read := self._worth(session, backlog), Faced):
                return read
            found = self._decided(session, read, go_on)
            session.rollback()
            session.set_session(isolation_level="READ COMMITTED", readonly=False)
            return self._answered(backlog, read.upto, found)

    def _worth(self, index: Connection, backlog: Backlog) -> Read | Faced:
        """What of the index a backlog can be answered by; else what is done about it."""
        if backlog.cause_of(LEAST - 1) is None or (read := self._match.read(index)) is None:
            return Faced.ONE_BY_ONE
        known = fetch(index, KNOWN, schema=read.schema)
        many = known[0]["n"] if known else 0
        if (far := backlog.cause_of(_least(many * PART) - 1)) is None:
            return Faced.ONE_BY_ONE
        reads_on = self._reads_on(read.upto)
        if reads_on and (backlog.last() or 0) - read.newest > MUCH:
            far = backlog.cause_of(_least(many * PART_MEANWHILE) - 1)
        if far is not None and far <= read.upto:
            return read
        return Faced.RESTS if reads_on else Faced.ONE_BY_ONE

    def _reads_on(self, upto: int) -> bool:
        """Whether the index read something lately. ``upto``: so that a part of it that stands still is noticed."""
        now = time.monotonic()
        if upto != self._upto:
            self._upto, self._moved_at = upto, now
        return now - self._moved_at < STILL_S

    def _decided(self, index: Connection, read: Read, go_on: Callable[[], bool]) -> Decisions:
        def tell(*_: object) -> None:
            if not go_on():
                raise Stopped

        log.info("many identities wait to be matched: the region is decided at once")
        return matching.due(index, read.schema, tell=tell)

    def _answered(self, backlog: Backlog, upto: int, found: Decisions) -> Faced:
        rest = enumerate(bodies(found))

        def become(lookup: UUID, place: int) -> Child:
            does, body = next((does, body) for at, (does, _, body) in rest if at == place)
            return child(lookup, place, Due(Kind.COMMAND, does, body))

        ledger, decided = self._ours.ledger, [(does, (one.one, one.other)) for does, one, _ in bodies(found)]
        owed, sides = partial(_owed, ledger, decided), [pair for _, pair in decided]
        answered, raised = backlog.answer(upto, sides, become, micros(ledger.clock()), owed)
        log.info("the region is decided: %d lookups are answered, %d commands follow", answered, raised)
        return Faced.ANSWERED if raised else Faced.ONE_BY_ONE


def _again_at(began: float) -> float:
    """When a decision is tried again that the server ended: what is slower has nearly all the time."""
    now = time.monotonic()
    return now + max(AGAIN_MOST_S, PAUSE * (now - began))


def _least(part: float) -> int:
    return max(LEAST, int(part))


def _owed(ledger: Ledger, decided: Sequence[tuple[str, Sides]], places: Sequence[int]) -> list[int]:
    """Of two of whom neither waits: what a third who waits leads to, such as a twin; and nothing that the ledger has
    done already, and the index not read.
    """
    dues = [
        (place, Due(Kind.COMMAND, does, dict(zip(SIDES, pair, strict=True))))
        for place in places
        for does, pair in [decided[place]]
    ]
    (new,) = not_yet_said({TOGETHER: dues}, ledger.membership).values()
    return [place for place, _ in new]
