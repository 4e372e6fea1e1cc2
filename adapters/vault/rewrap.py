"""Changes the master key while processes go on: ``krypton vault rewrap``.

The new key first becomes the one that wraps: the table of keys is locked for that moment, so no key is wrapped by the
old one afterwards. Then the region's secret is wrapped again, and each row, a page in a transaction. A run that was
killed leaves some rows to each of the two keys, and the next run goes on with what is left. Readers need no word of it:
each row says which master key wrapped it.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2.extensions import connection as Connection

from adapters.vault.masters import Masters
from adapters.vault.ring import Ring
from adapters.vault.tables import CANARY, CANARY_BYTES, REGION
from domain.errors import Contended, KeyBroken
from domain.ports import MasterKey
from postgres.session import connect

PAGE: Final = 1_000
LOCK: Final = "SELECT pg_try_advisory_lock(hashtext('krypton vault rewrap'))"
BEGIN: Final = """SET LOCAL lock_timeout = 5000; LOCK TABLE vault.subject_key IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO vault.master_key (name, canary) VALUES (%(name)s, %(canary)s)
    ON CONFLICT (name) DO UPDATE SET retired_at = NULL;
UPDATE vault.master_key SET retired_at = now() WHERE name <> %(name)s AND retired_at IS NULL"""
REGION_BY_OLD: Final = "SELECT wrapped, master FROM vault.region_secret WHERE master <> %s"
WRAP_REGION: Final = "UPDATE vault.region_secret SET wrapped = %s, master = %s RETURNING 1"
LEFT: Final = "FROM vault.subject_key WHERE wrapped IS NOT NULL AND master <> %s"
SOME: Final = (
    f"SELECT subject::text, wrapped, master {LEFT} AND subject > %s::uuid ORDER BY subject LIMIT %s FOR UPDATE"
)
STORE: Final = """UPDATE vault.subject_key held SET wrapped = new.wrapped, master = %s
FROM unnest(%s::uuid[], %s::bytea[]) AS new (subject, wrapped) WHERE held.subject = new.subject"""
STATES: Final = """SELECT stated.id, stated.name, stated.made_at, stated.retired_at,
    count(held.subject) FILTER (WHERE held.wrapped IS NOT NULL),
    EXISTS (SELECT FROM vault.region_secret secret WHERE secret.master = stated.id)
FROM vault.master_key stated LEFT JOIN vault.subject_key held ON held.master = stated.id
GROUP BY stated.id ORDER BY stated.id"""
FIRST: Final = "00000000-0000-0000-0000-000000000000"
Reach = Callable[[int, int], None]


class MasterState(NamedTuple):
    """A master key of the vault: since when it wraps, until when it did, and how many keys it wraps now.

    ``secret``: whether it wraps the region's secret.
    """

    number: int
    name: str
    made_at: datetime
    retired_at: datetime | None
    keys: int
    secret: bool

    @property
    def is_needed(self) -> bool:
        """Whether the vault as it is now needs this key; backups of it may need others."""
        return self.retired_at is None or self.keys > 0 or self.secret


@dataclass
class Rewrapped:
    """``keys``: wrapped again in this run; ``broken``: subjects whose rows do not open, which stay as they are."""

    name: str
    keys: int = 0
    broken: list[str] = field(default_factory=list)


def states(database: str) -> list[MasterState]:
    """Every master key that the vault ever had. Raises psycopg2.Error."""
    with closing(connect(database, "vault master keys", autocommit=True)) as connection:
        return [MasterState(*row) for row in _ask(connection, STATES)]


def rewrap(database: str, ring: Ring, reach: Reach = lambda _done, _of: None) -> Rewrapped:
    """Wrap every key by the first master key of the ring. ``reach``: is told how many are done, and of how many.

    Raises WrongMasterKey where one that is needed is missing, before anything is changed; Contended; psycopg2.Error.
    """
    with closing(connect(database, "vault rewrap", autocommit=True)) as connection:
        if _ask(connection, LOCK) != [(True,)]:
            raise Contended("another krypton vault rewrap runs: nothing was changed, wait for it")
        masters, new = Masters(lambda sql: _ask(connection, sql), ring), ring.first
        for state in (MasterState(*row) for row in _ask(connection, STATES)):
            if state.is_needed or state.name == new.name:  # another key of that name is told before it wraps
                masters.of(state.number)
        number = _begun(connection, masters, new)
        done = Rewrapped(new.name)
        for wrapped, old in _ask(connection, REGION_BY_OLD, number):
            _ask(connection, WRAP_REGION, new.wrap(REGION, masters.unwrapped(REGION, bytes(wrapped), old)), number)
        ((total,),) = _ask(connection, f"SELECT count(*) {LEFT}", number)
        last = FIRST
        while last:
            last = _page(connection, masters, new, number, last, done)
            reach(done.keys, total)
        return done


def _begun(connection: Connection, masters: Masters, new: MasterKey) -> int:
    """The number of the key that wraps from now on."""
    masters.look()
    if (current := masters.current())[1].name != new.name:
        given = {"name": new.name, "canary": new.wrap(CANARY, CANARY_BYTES)}
        with _transaction(connection) as opened, opened.cursor() as cursor:
            try:
                cursor.execute(BEGIN, given)
            except psycopg2.errors.LockNotAvailable:
                raise Contended("the vault's keys are in use: nothing was changed, run the command again") from None
        masters.look()
        current = masters.current()
    return current[0]


def _page(connection: Connection, masters: Masters, new: MasterKey, number: int, last: str, done: Rewrapped) -> str:
    """Wrap the next rows again; returns the last subject, or nothing at the end."""
    with _transaction(connection) as opened, opened.cursor() as cursor:
        cursor.execute(SOME, (number, last, PAGE))
        found = cursor.fetchall()
        wrapped: dict[str, bytes] = {}
        for subject, old, master in found:
            try:
                wrapped[subject] = new.wrap(subject, masters.unwrapped(subject, bytes(old), master))
            except KeyBroken:
                done.broken.append(subject)
        cursor.execute(STORE, (number, list(wrapped), list(wrapped.values())))
    done.keys += len(wrapped)
    return str(found[-1][0]) if found else ""


class _transaction:
    """One transaction of a session that is in autocommit otherwise."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Connection:
        self._connection.autocommit = False
        return self._connection

    def __exit__(self, failed: object, *_: object) -> None:
        self._connection.rollback() if failed else self._connection.commit()
        self._connection.autocommit = True


def _ask(connection: Connection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return list(cursor.fetchall())
