"""Keys by the thousand, for those who read the whole log: a rebuild, an export. Opens only; makes and destroys nothing.

Keys are fetched per batch of events, a batch ahead where they are asked for, and kept as they are (``KEPT`` of them,
about 120 MB), for a person has events in many partitions, which are read one after the other. What decrypts is made of
a key when it is needed: one that is kept takes 2.5 kB, and is slower to find in memory than to make anew.
A key that is destroyed meanwhile may so be used until the reading ends, as rows of live views still hold what it
opened; readers mask both at once (``projections.engine.query``), and ``identity.erased`` blanks the identity's own
row.
"""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NoReturn

import psycopg2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.sealing import FETCH, opened, unwrapped
from domain.errors import SealBroken

KEPT = 500_000
Keys = dict[str, bytes | None]


class BulkVault:
    """``schemas.codec.Sealer`` that opens, over one connection; for one thread, and one of its own that fetches."""

    def __init__(self, database: str, master: bytes) -> None:
        self._master = AESGCM(master)
        self._connection = psycopg2.connect(database, application_name="krypton bulk keys")
        self._connection.autocommit = True
        self._keys: Keys = {}
        self._whose: str | None = None
        self._cipher: AESGCM | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._asked: deque[Future[Keys]] = deque()

    def close(self) -> None:
        """Give the connection back, and forget the keys."""
        self._pool.shutdown(cancel_futures=True)
        self._connection.close()
        self._keys, self._whose, self._cipher = {}, None, None

    def ask(self, subjects: Iterable[str]) -> None:
        """Begin to fetch keys that ``prefetch`` is going to be asked for; what goes wrong is raised there."""
        if missing := [subject for subject in subjects if subject not in self._keys]:
            self._asked.append(self._pool.submit(self._fetched, missing))

    def prefetch(self, subjects: Iterable[str]) -> None:
        """See ``Sealer``. Raises SealBroken where the master key is another one."""
        if len(self._keys) > KEPT:
            self._keys = {}
        missing = [subject for subject in subjects if subject not in self._keys]
        while missing:
            asked = self._asked.popleft() if self._asked else self._pool.submit(self._fetched, missing)
            self._keys.update(asked.result())
            missing = [subject for subject in missing if subject not in self._keys]

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``Sealer``. Raises SealBroken."""
        if subject != self._whose:  # the fields of one event, most often, are one person's
            key = self._key(subject)
            self._whose, self._cipher = subject, None if key is None else AESGCM(key)
        return None if self._cipher is None else opened(self._cipher, subject, sealed, aad)

    def holds(self, subject: str) -> bool:
        """See ``Sealer``."""
        return self._key(subject) is not None

    def seal(self, subject: str, plain: bytes, aad: bytes) -> NoReturn:
        """Refuse: whoever reads the log writes nothing."""
        raise SealBroken("bulk keys only open: seal with the vault itself")

    def _key(self, subject: str) -> bytes | None:
        try:
            return self._keys[subject]
        except KeyError:
            self.prefetch((subject,))
            return self._keys[subject]

    def _fetched(self, subjects: list[str]) -> Keys:
        found: Keys = dict.fromkeys(subjects)  # never made, or destroyed: nothing opens
        with self._connection.cursor() as cursor:
            cursor.execute(FETCH, ("{" + ",".join(subjects) + "}",))
            for subject, wrapped in cursor:
                if wrapped is not None:
                    found[subject] = unwrapped(self._master, subject, bytes(wrapped))
        return found
