"""The outbox for senders: claims due entries and records their outcome in one transaction.

A claim is a row lock and no state: who dies holding it gives it back, other senders skip those rows meanwhile, and a
sender that is frozen loses them after ``FROZEN_S``. What it did by then is not done twice, for ids are the same.
What was decided is counted in the same transaction, so each decision counts once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json, execute_values

from postgres.session import connect

WAITING, DONE, REFUSED, PARKED = "waiting", "done", "refused", "parked"
"""States of an entry; an operator makes another, ``dropped``."""
LEFT: Final = "left"
"""What a lookup decided where nothing is to be done."""

FROZEN_S: Final = 30
SESSION: Final = {"idle_in_transaction_session_timeout": f"{FROZEN_S}s", "lock_timeout": "15s", "jit": "off"}
RETRY_S: Final = (1, 5, 30, 120, 600, 1_800, 3_600)
"""Pauses after each failure, in seconds; after the last the entry is parked."""
KEEP_DAYS: Final = 30
LEAST_US: Final = 1_000_000
"""The shortest time by which an entry is put off."""
DAY_US: Final = 24 * 3600 * 1_000_000
COLUMNS = "id, kind, does, body, cause, correlation_id, attempts, error IS NOT NULL"
CLAIM = f"""SELECT {COLUMNS} FROM policies.outbox
WHERE policy = %s AND state = 'waiting' AND {{which}} AND try_at <= %s
ORDER BY try_at, place, cause, id LIMIT %s FOR UPDATE SKIP LOCKED"""
OF_KIND: Final = "kind = %s AND kind <> 'lookup'"
LOOKUPS: Final = "kind = 'lookup' AND does = %s"
"""As the indexes are: a million lookups that wait are not read to find one command."""
SETTLE = """UPDATE policies.outbox o
SET state = v.state, error = v.error, positions = v.positions::jsonb, settled_at = v.at
FROM (VALUES %s) v(id, state, error, positions, at) WHERE o.id = v.id::uuid"""
LEAVE = "DELETE FROM policies.outbox WHERE id = ANY(%s::uuid[])"
POSTPONE = "UPDATE policies.outbox SET due_at = %s, try_at = %s WHERE id = %s"
PUT_OFF = "UPDATE policies.outbox SET try_at = %s WHERE id = ANY(%s::uuid[])"
FAIL = "UPDATE policies.outbox SET state = %s, attempts = %s, error = %s, try_at = %s WHERE id = %s"
ADD = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts)
SELECT v.id::uuid, o.policy, o.version, v.kind, v.does, v.body::jsonb, coalesce(v.cause, o.cause), o.correlation_id,
v.place, v.at, v.at, 'waiting', 0
FROM (VALUES %s) v(parent, id, kind, does, body, at, place, cause) JOIN policies.outbox o ON o.id = v.parent::uuid
ON CONFLICT DO NOTHING"""
ADDED: Final = "(%s, %s, %s, %s, %s, %s::bigint, %s, %s::bigint)"
NEXT_TRY = "(SELECT min(try_at) FROM policies.outbox WHERE policy = %s AND state = 'waiting' AND {which})"
PRUNE = "DELETE FROM policies.outbox WHERE settled_at < %s AND state IN ('done', 'refused', 'dropped')"
COUNT = """INSERT INTO policies.tally AS told (policy, decision, rule, n) VALUES %s
ON CONFLICT (policy, decision, rule) DO UPDATE SET n = told.n + EXCLUDED.n"""


class Entry(NamedTuple):
    """One thing to do. ``id``: a command's command id; ``cause``: position of the event that led to it.

    ``failed_before``: at least once; once an operator retries it, ``attempts`` begin at 0 again.
    """

    id: UUID
    kind: str
    does: str
    body: dict[str, Any]
    cause: int
    correlation_id: UUID
    attempts: int
    failed_before: bool = False


class Child(NamedTuple):
    """What an entry becomes. ``place``: its order among all made together; ``at``: µs; None: at once.

    ``cause``: ledger position that it goes back to; None: that of the entry.
    """

    id: UUID
    kind: str
    does: str
    body: dict[str, Any]
    place: int
    at: int | None = None
    cause: int | None = None


def row_of(parent: str, one: Child, now: int) -> tuple[Any, ...]:
    """As ``ADD`` takes it. ``parent``: the id of the entry that became it."""
    return parent, str(one.id), one.kind, one.does, Json(one.body), one.at or now, one.place, one.cause


class Claim:
    """Entries held by this sender until the transaction ends. What becomes of them is written together, at the end."""

    def __init__(self, cursor: Cursor, entries: Sequence[Entry], now: int) -> None:
        self.entries = entries
        self._cursor = cursor
        self._now = now
        self._decided: Counter[tuple[str, str]] = Counter()
        self._children: list[tuple[Any, ...]] = []
        self._settled: list[tuple[Any, ...]] = []
        self._left: list[str] = []

    def done(
        self, entry: Entry, positions: Sequence[int] = (), decision: str = "", children: Sequence[Child] = ()
    ) -> None:
        """It was executed and wrote these positions. ``decision``: what was decided, if anything; ``children``: what
        is to be done because of that.
        """
        if decision:
            self._decided[decision, ""] += 1
        self._add(entry, children)
        self._settle(entry, DONE, None, positions)

    def refused(self, entry: Entry, code: str, children: Sequence[Child] = ()) -> None:
        """A rule refused it: a final answer. ``children``: what is to be done because of that."""
        self._decided[REFUSED, code] += 1
        self._add(entry, children)
        self._settle(entry, REFUSED, code, ())

    def postponed(self, entry: Entry, at: int) -> None:
        """It came too early: due again at ``at`` (µs), and not at once."""
        later = max(at, self._now + LEAST_US)
        self._cursor.execute(POSTPONE, (later, later, str(entry.id)))

    def put_off(self, entries: Sequence[Entry], by: int) -> None:
        """They are due, and cannot be done yet: tried again so many µs later, behind those that are due by then."""
        self._cursor.execute(PUT_OFF, (self._now + by, [str(entry.id) for entry in entries]))

    def hold(self) -> None:
        """Say that its holder is there still, before ``FROZEN_S`` are over."""
        self._cursor.execute("SELECT 1")

    def failed(self, entry: Entry, code: str) -> bool:
        """It failed: retried later, and parked after the last attempt; returns whether it is."""
        last = entry.attempts >= len(RETRY_S)
        pause = 0 if last else RETRY_S[entry.attempts] * 1_000_000
        state = PARKED if last else WAITING
        self._cursor.execute(FAIL, (state, entry.attempts + 1, code, self._now + pause, str(entry.id)))
        return last

    def became(self, entry: Entry, children: Sequence[Child]) -> None:
        """A lookup was made: its commands follow. A lookup without result leaves no entry."""
        if not children:
            self._decided[LEFT, ""] += 1
            self._left.append(str(entry.id))
            return
        self._add(entry, children)
        self.done(entry)

    def _add(self, entry: Entry, children: Sequence[Child]) -> None:
        self._children += [row_of(str(entry.id), one, self._now) for one in children]

    def write(self, policy: str) -> None:
        """Write what became of the entries, and add to the policy's tally; then commit: other senders of the policy
        wait for it.
        """
        decided = [(policy, *one, n) for one, n in sorted(self._decided.items())]
        for sql, rows, template in (
            (ADD, self._children, ADDED),
            (SETTLE, self._settled, "(%s, %s, %s, %s, %s::bigint)"),
            (COUNT, decided, None),
        ):
            if rows:
                execute_values(self._cursor, sql, rows, template, page_size=len(rows))
        if self._left:
            self._cursor.execute(LEAVE, (self._left,))

    def _settle(self, entry: Entry, state: str, code: str | None, positions: Sequence[int]) -> None:
        self._settled.append((str(entry.id), state, code, Json(list(positions)), self._now))


class Outbox:
    """One policy's outbox, for one sender. Every call may raise psycopg2.OperationalError or InterfaceError."""

    def __init__(self, url: str, policy: str) -> None:
        self.policy = policy
        self._url = url
        self._connection: Connection | None = None

    @contextmanager
    def claim(self, kind: str, now: int, limit: int, does: str = "") -> Iterator[Claim]:
        """Claim the next entries due at ``now`` (µs) that no other sender holds: commands or deliveries of any name, or
        the lookups of one; commits at the end or rolls back.
        """
        which, of = _which(kind, does)
        with self._transaction() as cursor:
            cursor.execute(CLAIM.format(which=which), (self.policy, of, now, limit))
            entries = [
                Entry(UUID(ident), kind, does, body, cause, UUID(correlation), attempts, failed_before)
                for ident, kind, does, body, cause, correlation, attempts, failed_before in cursor.fetchall()
            ]
            claim = Claim(cursor, entries, now)
            yield claim
            claim.write(self.policy)

    def next_due(self, lookups: Sequence[str], kinds: Sequence[str]) -> int | None:
        """When the next entry is due (µs), of these kinds or one of these lookups; None if none is waiting."""
        asked = [*map(_which, kinds), *(_which("lookup", does) for does in lookups)]
        tries = ", ".join(NEXT_TRY.format(which=which) for which, _ in asked)
        with self._transaction() as cursor:
            cursor.execute(f"SELECT least({tries})", [value for _, of in asked for value in (self.policy, of)])
            ((found,),) = cursor.fetchall()
            return found if found is None else int(found)

    def prune(self, now: int) -> None:
        """Delete entries settled long ago: the ledger has them."""
        with self._transaction() as cursor:
            cursor.execute(PRUNE, (now - KEEP_DAYS * DAY_US,))

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
        self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        try:
            connection = self._connected()
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException:
            self.close()  # whatever was open is rolled back with the session
            raise

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._url, f"outbox {self.policy}", settings=SESSION)
        return self._connection


def _which(kind: str, does: str = "") -> tuple[str, str]:
    """The condition that an index answers, and its value."""
    return (LOOKUPS, does) if kind == "lookup" else (OF_KIND, kind)
