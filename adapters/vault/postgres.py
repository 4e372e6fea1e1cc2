"""The key vault in PostgreSQL: one AES-256 key per subject, wrapped by a master key kept outside the database.

Keys are in their own schema, apart from the events, or in a database of their own; only ``subject`` links the two. A
destroyed key leaves an empty row, so that no new key is ever created for that subject. A row that does not open is told
when its subject's fields are read, and costs nobody else anything; a wrong master key stops the process
(``adapters.vault.masters``).

A new key need not be flushed to disk first if the vault shares the event store's server: the write-ahead log is flushed
in order, so an event whose transaction found the key implies a durable key. It has to look: a crash between the two
takes the key back, and processes that hold it would go on sealing with it.
"""

import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from threading import Lock
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault import tables
from adapters.vault.masters import Masters
from adapters.vault.ring import Ring
from adapters.vault.sealing import closed, opened
from domain.errors import KeyBroken, KeyMissing
from domain.ports import MasterKey
from postgres.pool import Pool

CACHE = 50_000  # decrypted keys; about 15 MB
FRESH_S = 5.0  # how long a process may still use a key that another one destroyed
TRIES = 3  # to make a key while the master key is changed

FETCH: Final = "SELECT subject::text, wrapped, master FROM vault.subject_key WHERE subject = ANY(%s::uuid[])"
MAKE: Final = f"""WITH made AS (INSERT INTO vault.subject_key (subject, wrapped, master)
    SELECT new.subject, new.wrapped, wrapping.id
    FROM unnest(%s::uuid[], %s::bytea[]) AS new (subject, wrapped), vault.master_key wrapping
    WHERE wrapping.id = %s::integer AND wrapping.retired_at IS NULL
    ON CONFLICT DO NOTHING RETURNING subject::text, wrapped, master)
TABLE made UNION ALL {FETCH}"""
# In the order of subjects, as a rewrap goes through them: two who lock rows in two orders would wait for each other.
DESTROY: Final = """INSERT INTO vault.subject_key (subject, destroyed_at)
SELECT DISTINCT gone.subject, now() FROM ({}) AS gone (subject)
WHERE NOT EXISTS (SELECT FROM vault.subject_key held WHERE held.subject = gone.subject AND held.wrapped IS NULL)
ORDER BY 1
ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, destroyed_at = now()
RETURNING subject::text"""
THESE: Final = "SELECT unnest(%s::uuid[])"

Held = AESGCM | KeyBroken | None
"""A subject's key; why its row does not open; None: it was destroyed."""


class PostgresVault:
    """Implements the ``KeyVault`` port. Thread-safe.

    ``beside_events``: the vault shares the event store's server, see above. ``connections``: how many it may hold.
    """

    def __init__(self, database: str, ring: Ring, *, beside_events: bool, connections: int = 4) -> None:
        self._pool = Pool(database, "vault", connections)
        self.masters = Masters(self._pool.read, ring)
        self._beside_events = beside_events
        self._flush = f"SET LOCAL synchronous_commit = {'off' if beside_events else 'on'};"
        self._keys: OrderedDict[str, tuple[Held, float]] = OrderedDict()
        self._lock = Lock()

    def create(self) -> None:
        """Create the tables; safe to repeat. Raises WrongMasterKey."""
        with self._pool.transaction() as cursor:
            tables.create(cursor, self.masters.ring)
        self.check()

    def check(self) -> None:
        """Hold the master key to its canary. Raises WrongMasterKey."""
        self.masters.look()
        self.masters.current()

    def reach(self) -> None:
        """Ask the vault's database and the master key something. Raises as both do while they are away."""
        self.masters.look()
        self.masters.current()[1].wrap(tables.CANARY, tables.CANARY_BYTES)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """See ``domain.ports.KeyVault``. Raises KeyBroken."""
        if (held := self._look_up(subject)) is None:
            raise KeyMissing.of(subject)
        key = _usable(held[0])
        return b"" if key is None else closed(key, plain, aad)

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``domain.ports.KeyVault``. Raises SealBroken."""
        held = self._look_up(subject)
        if held is None or (key := _usable(held[0])) is None:
            return None
        return opened(key, subject, sealed, aad)

    def holds(self, subject: str) -> bool:
        """See ``domain.ports.KeyVault``. Raises KeyBroken."""
        held = self._look_up(subject)
        return held is not None and _usable(held[0]) is not None

    def prefetch(self, subjects: Iterable[str]) -> None:
        """See ``domain.ports.KeyVault``. Raises WrongMasterKey."""
        if missing := self._missing(subjects):
            self._remember_all(self._pool.planned(FETCH, missing))

    def prepare(self, subjects: Iterable[str], new: Collection[str] = ()) -> set[str]:
        """See ``domain.ports.KeyVault``. One round trip, whether or not the keys exist. Raises WrongMasterKey."""
        missing = self._missing({*subjects, *new})
        for _ in range(TRIES):
            if not (made := [subject for subject in missing if subject in new]):
                break
            number, master = self.masters.current()
            wrapped = [_new(master, subject) for subject in made]
            self._remember_all(self._pool.planned(MAKE, made, wrapped, number, missing, first=self._flush))
            if not (new := self._missing(made)):
                return set(self._missing(missing))
            # What was to be made is still absent: another process made it this instant, and it exists by now; or the
            # master key was changed meanwhile.
            self.masters.look()
            self.prefetch(new)
            new = self._missing(new)
        self.prefetch(missing)
        return set(self._missing(missing))

    def unflushed(self, subjects: Iterable[str]) -> Collection[str]:
        """See ``domain.ports.KeyVault``."""
        return list(subjects) if self._beside_events else ()

    def forget(self, subjects: Iterable[str]) -> None:
        """See ``domain.ports.KeyVault``."""
        with self._lock:
            for subject in subjects:
                self._keys.pop(subject, None)

    def destroy(self, subject: str) -> None:
        """See ``domain.ports.KeyVault``."""
        self.destroy_all([subject])

    def destroy_all(self, subjects: Sequence[str]) -> set[str]:
        """Destroy the keys of many; returns those that were not destroyed before."""
        return self.destroy_selected(THESE, (list(subjects),))

    def destroy_selected(self, query: str, values: Sequence[Any]) -> set[str]:
        """The same for those that a query names (trusted SQL, in the vault's database), in one statement."""
        gone = {subject for (subject,) in self._pool.read(DESTROY.format(query), values)}
        for subject in gone:
            self._remember(subject, None)
        return gone

    def destroyed(self, subjects: Iterable[str]) -> set[str]:
        """See ``domain.ports.KeyVault``."""
        sql = "SELECT subject::text FROM vault.subject_key WHERE wrapped IS NULL AND subject = ANY(%s::uuid[])"
        return {subject for (subject,) in self._pool.planned(sql, list(subjects))}

    def all_destroyed(self) -> set[str]:
        """Every subject whose key was destroyed."""
        gone = self._pool.read("SELECT subject::text FROM vault.subject_key WHERE wrapped IS NULL")
        return {subject for (subject,) in gone}

    def region_secret(self) -> bytes | None:
        """The region's secret, which ids are made with (``krypton.region``); None where it was never made.

        Raises KeyBroken, WrongMasterKey.
        """
        found = self._pool.read("SELECT wrapped, master FROM vault.region_secret")
        return self.masters.unwrapped(tables.REGION, bytes(found[0][0]), found[0][1]) if found else None

    def make_region_secret(self) -> bytes:
        """Make it, where there is none, and wait for the disk; returns the one that is kept. Raises WrongMasterKey."""
        number, master = self.masters.current()
        wrapped = master.wrap(tables.REGION, AESGCM.generate_key(256))
        self._pool.read(
            "INSERT INTO vault.region_secret (wrapped, master) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (wrapped, number),
        )
        made = self.region_secret()
        assert made is not None, "it was stored just now"
        return made

    def _look_up(self, subject: str) -> tuple[Held, float] | None:
        """What is held of the subject's key; None: the vault has no row of it."""
        if (held := self._cached(subject)) is None:
            self.prefetch((subject,))
            held = self._cached(subject)
        return held

    def _missing(self, subjects: Iterable[str]) -> list[str]:
        return sorted({subject for subject in subjects if self._cached(subject) is None})

    def _cached(self, subject: str) -> tuple[Held, float] | None:
        held = self._keys.get(subject)
        return held if held and held[1] > time.monotonic() else None

    def _remember_all(self, rows: Iterable[tuple[str, memoryview | None, int]]) -> None:
        for subject, wrapped, number in rows:
            self._remember(subject, None if wrapped is None else self._unwrapped(subject, bytes(wrapped), number))

    def _unwrapped(self, subject: str, wrapped: bytes, number: int) -> AESGCM | KeyBroken:
        try:
            return AESGCM(self.masters.unwrapped(subject, wrapped, number))
        except KeyBroken as bad:
            return bad

    def _remember(self, subject: str, held: Held) -> None:
        with self._lock:
            self._keys[subject] = (held, time.monotonic() + FRESH_S)
            while len(self._keys) > CACHE:
                self._keys.popitem(last=False)


def _new(master: MasterKey, subject: str) -> bytes:
    return master.wrap(subject, AESGCM.generate_key(256))


def _usable(held: Held) -> AESGCM | None:
    """The key; None: it was destroyed. Raises KeyBroken."""
    if isinstance(held, KeyBroken):
        raise KeyBroken(*held.args)
    return held
