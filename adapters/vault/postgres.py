"""The key vault in PostgreSQL: one AES-256 key per subject, wrapped by a master key kept outside the database.

Keys are in their own schema, apart from the events; only ``subject`` links the two. A destroyed key leaves an empty
row, so that no new key is ever created for that subject.

A new key need not be flushed to disk first if the vault shares the event store's server: the write-ahead log is flushed
in order, so a durable event implies a durable key.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.sealing import FETCH, NONCE, opened, unwrapped
from domain.errors import SealBroken
from postgres.pool import Pool

CACHE = 50_000  # decrypted keys; about 15 MB
FRESH_S = 5.0  # how long a process may still use a key that another one destroyed

DDL = """
SELECT pg_advisory_xact_lock(hashtext('krypton init vault'));
CREATE SCHEMA IF NOT EXISTS vault;
CREATE TABLE IF NOT EXISTS vault.subject_key (
    subject uuid PRIMARY KEY,
    wrapped bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz
);
CREATE INDEX IF NOT EXISTS subject_key_destroyed_idx ON vault.subject_key (subject) WHERE wrapped IS NULL;
"""


class PostgresVault:
    """Implements the ``KeyVault`` port. Thread-safe.

    ``master``: 32 bytes. ``beside_events``: the vault shares the event store's server, see above. ``connections``: how
    many it may hold.
    """

    def __init__(self, database: str, master: bytes, *, beside_events: bool, connections: int = 4) -> None:
        if len(master) != 32:
            raise SealBroken(f"the master key has {len(master)} bytes, 32 are needed: see docs/operations.md")
        self._master = AESGCM(master)
        self._pool = Pool(database, "vault", connections)
        self._insert = (
            f"SET LOCAL synchronous_commit = {'off' if beside_events else 'on'};"
            "WITH made AS (INSERT INTO vault.subject_key (subject, wrapped) VALUES {}"
            " ON CONFLICT DO NOTHING RETURNING subject::text, wrapped)"
            " TABLE made UNION ALL SELECT subject::text, wrapped FROM vault.subject_key WHERE subject IN ({})"
        )
        self._keys: OrderedDict[str, tuple[AESGCM | None, float]] = OrderedDict()
        self._lock = Lock()

    def create(self) -> None:
        """Create the tables; safe to repeat."""
        self._pool.read(DDL)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """See ``domain.ports.KeyVault``."""
        key = self._key(subject, make=True)
        nonce = os.urandom(NONCE)
        return b"" if key is None else nonce + key.encrypt(nonce, plain, aad)

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``domain.ports.KeyVault``. Raises SealBroken."""
        if (key := self._key(subject, make=False)) is None:
            return None
        return opened(key, subject, sealed, aad)

    def holds(self, subject: str) -> bool:
        """See ``domain.ports.KeyVault``."""
        return self._key(subject, make=False) is not None

    def prefetch(self, subjects: Iterable[str]) -> None:
        """See ``domain.ports.KeyVault``."""
        missing = [s for s in subjects if self._cached(s) is None]
        if missing:
            for subject, wrapped in self._pool.read(FETCH, (missing,)):
                self._remember(subject, wrapped)

    def prepare(self, subjects: Iterable[str]) -> None:
        """See ``domain.ports.KeyVault``. One round trip, whether or not the keys exist."""
        if missing := sorted({s for s in subjects if self._cached(s) is None}):
            values = [part for subject in missing for part in (subject, self._new_wrapped(subject))]
            statement = self._insert.format(", ".join(["(%s, %s)"] * len(missing)), ", ".join(["%s"] * len(missing)))
            for subject, wrapped in self._pool.read(statement, (*values, *missing)):
                self._remember(subject, wrapped)

    def destroy(self, subject: str) -> None:
        """See ``domain.ports.KeyVault``."""
        self._pool.read(
            "INSERT INTO vault.subject_key (subject, destroyed_at) VALUES (%s, now()) ON CONFLICT (subject) DO UPDATE"
            " SET wrapped = NULL, destroyed_at = coalesce(vault.subject_key.destroyed_at, now())",
            (subject,),
        )
        self._remember(subject, None)

    def destroyed(self, subjects: Iterable[str]) -> set[str]:
        """See ``domain.ports.KeyVault``."""
        sql = "SELECT subject::text FROM vault.subject_key WHERE wrapped IS NULL AND subject = ANY(%s::uuid[])"
        return {subject for (subject,) in self._pool.read(sql, (list(subjects),))}

    def all_destroyed(self) -> set[str]:
        """Every subject whose key was destroyed."""
        gone = self._pool.read("SELECT subject::text FROM vault.subject_key WHERE wrapped IS NULL")
        return {subject for (subject,) in gone}

    def _key(self, subject: str, *, make: bool) -> AESGCM | None:
        if (held := self._cached(subject)) is not None:
            return held[0]
        if make:
            self.prepare((subject,))
        else:
            self.prefetch((subject,))
        # Still absent: never created, or created by another process this instant (it exists by now).
        held = self._cached(subject)
        if held is None and make:
            self.prefetch((subject,))
            held = self._cached(subject)
        return held[0] if held else None

    def _new_wrapped(self, subject: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._master.encrypt(nonce, AESGCM.generate_key(256), subject.encode())

    def _cached(self, subject: str) -> tuple[AESGCM | None, float] | None:
        held = self._keys.get(subject)
        return held if held and held[1] > time.monotonic() else None

    def _remember(self, subject: str, wrapped: bytes | memoryview | None) -> AESGCM | None:
        key = None if wrapped is None else AESGCM(unwrapped(self._master, subject, bytes(wrapped)))
        with self._lock:
            self._keys[subject] = (key, time.monotonic() + FRESH_S)
            while len(self._keys) > CACHE:
                self._keys.popitem(last=False)
        return key
