"""Fetches subject keys in bulk for readers of the whole log (rebuild, export); it decrypts only.

Keys are fetched per batch of events, one batch ahead if asked, and cached (240 bytes each), because a
person has events in many partitions, which are read one after the other. The cipher object is built when needed:
caching it would take 2.5 kB per key, and looking it up in memory is slower than building it. A key that is destroyed
meanwhile may therefore be used until the read ends, just as rows of live views keep what it decrypted; readers mask
both at once (``projections.engine.query``), and ``identity.erased`` blanks the identity's own row. A row that does not
open is told when its subject's fields are read, as in ``adapters.vault.postgres``.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.masters import Masters
from adapters.vault.postgres import FETCH
from adapters.vault.ring import Ring
from adapters.vault.sealing import opened
from domain.errors import KeyBroken, SealBroken
from postgres.session import connect

KEPT = 480_000  # about 115 MB
Keys = dict[str, bytes | KeyBroken | None]


class BulkVault:
    """A decrypt-only ``schemas.codec.Sealer`` over one connection; for one thread, plus its own fetching thread."""

    def __init__(self, database: str, ring: Ring, most: int = KEPT) -> None:
        """``most``: keys that are kept."""
        self._most = most
        self._masters = Masters(self._rows, ring)
        self._connection = connect(database, "vault in bulk", autocommit=True)
        self._keys: Keys = {}
        self._whose: str | None = None
        self._cipher: AESGCM | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._asked: deque[Future[Keys]] = deque()

    def close(self) -> None:
        """Close the connection and drop the keys."""
        self._pool.shutdown(cancel_futures=True)
        self._connection.close()
        self._keys, self._whose, self._cipher = {}, None, None

    def ask(self, subjects: Iterable[str]) -> None:
        """Start fetching keys that ``prefetch`` will ask for; errors are raised there."""
        if missing := [subject for subject in subjects if subject not in self._keys]:
            self._asked.append(self._pool.submit(self._fetched, missing))

    def prefetch(self, subjects: Iterable[str]) -> None:
        """See ``Sealer``. Raises WrongMasterKey."""
        if len(self._keys) > self._most:
            self._keys = {}
        missing = [subject for subject in subjects if subject not in self._keys]
        while missing:
            asked = self._asked.popleft() if self._asked else self._pool.submit(self._fetched, missing)
            self._keys.update(asked.result())
            missing = [subject for subject in missing if subject not in self._keys]

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``Sealer``. Raises SealBroken."""
        if subject != self._whose:  # the fields of one event are usually one person's
            key = self._key(subject)
            self._whose, self._cipher = subject, None if key is None else AESGCM(key)
        return None if self._cipher is None else opened(self._cipher, subject, sealed, aad)

    def holds(self, subject: str) -> bool:
        """See ``Sealer``."""
        return self._key(subject) is not None

    def seal(self, subject: str, plain: bytes, aad: bytes) -> NoReturn:
        """Refused: a reader of the log writes nothing."""
        raise SealBroken("the bulk vault only decrypts: seal with the vault itself")

    def _key(self, subject: str) -> bytes | None:
        if subject not in self._keys:
            self.prefetch((subject,))
        if isinstance(held := self._keys[subject], KeyBroken):
            raise KeyBroken(*held.args)
        return held

    def _fetched(self, subjects: list[str]) -> Keys:
        found: Keys = dict.fromkeys(subjects)  # never created, or destroyed: cannot be decrypted
        for subject, wrapped, number in self._rows(FETCH, ("{" + ",".join(subjects) + "}",)):
            if wrapped is not None:
                try:
                    found[subject] = self._masters.unwrapped(subject, bytes(wrapped), number)
                except KeyBroken as bad:
                    found[subject] = bad
        return found

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())
