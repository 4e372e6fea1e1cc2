"""Keys by the thousand, for those who read the whole log: a rebuild, an export. Opens only; makes and destroys nothing.

Keys are fetched per batch of events, and kept as they are (``KEPT`` of them, about 120 MB), for a person has events in
many partitions, which are read one after the other. What decrypts is made of a key when it is needed, which takes six
times as long as decrypting, and held while it is likely to be needed again (``HELD`` twice, at 2.5 kB each 150 MB).
A key that is destroyed meanwhile may so be used until the reading ends, as rows of live views still hold what it
opened; readers mask both at once (``projections.reading``), and ``identity.erased`` blanks the identity's own row.
"""

from collections.abc import Iterable
from typing import NoReturn

import psycopg2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.sealing import FETCH, opened, unwrapped
from domain.errors import SealBroken

HELD = 30_000
KEPT = 500_000


class BulkVault:
    """``schemas.codec.Sealer`` that opens, over one connection; for one thread."""

    def __init__(self, database: str, master: bytes) -> None:
        self._master = AESGCM(master)
        self._connection = psycopg2.connect(database, application_name="krypton bulk keys")
        self._connection.autocommit = True
        self._young: dict[str, AESGCM | None] = {}
        self._old: dict[str, AESGCM | None] = {}
        self._keys: dict[str, bytes | None] = {}

    def close(self) -> None:
        """Give the connection back, and forget the keys."""
        self._connection.close()
        self._young, self._old, self._keys = {}, {}, {}

    def prefetch(self, subjects: Iterable[str]) -> None:
        """See ``Sealer``. Raises SealBroken where the master key is another one."""
        if len(self._young) > HELD:
            self._young, self._old = {}, self._young
        if len(self._keys) > KEPT:
            self._keys = {}
        young, old, keys = self._young, self._old, self._keys
        wanted = []
        for subject in subjects:
            if subject not in young:
                if subject in old:
                    young[subject] = old[subject]
                else:
                    wanted.append(subject)
        if missing := [subject for subject in wanted if subject not in keys]:
            keys.update(self._fetched(missing))
        for subject in wanted:
            young[subject] = None if (key := keys[subject]) is None else AESGCM(key)

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``Sealer``. Raises SealBroken."""
        key = self._key(subject)
        return None if key is None else opened(key, subject, sealed, aad)

    def holds(self, subject: str) -> bool:
        """See ``Sealer``."""
        return self._key(subject) is not None

    def seal(self, subject: str, plain: bytes, aad: bytes) -> NoReturn:
        """Refuse: whoever reads the log writes nothing."""
        raise SealBroken("bulk keys only open: seal with the vault itself")

    def _key(self, subject: str) -> AESGCM | None:
        try:
            return self._young[subject]
        except KeyError:
            self.prefetch((subject,))
            return self._young[subject]

    def _fetched(self, subjects: list[str]) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = dict.fromkeys(subjects)  # never made, or destroyed: nothing opens
        with self._connection.cursor() as cursor:
            cursor.execute(FETCH, ("{" + ",".join(subjects) + "}",))
            for subject, wrapped in cursor:
                if wrapped is not None:
                    found[subject] = unwrapped(self._master, subject, bytes(wrapped))
        return found
