"""Keys by the thousand, for those who read the whole log: a rebuild, an export. Opens only; makes and destroys nothing.

Keys are fetched per batch of events and held while they are likely to be used again (``HELD`` keys, about 30 MB). A key
that is destroyed meanwhile may so be used for a little longer, as rows of live views still hold what it opened; readers
mask both at once (``projections.reading``), and ``identity.erased`` blanks the identity's own row.
"""

from collections.abc import Iterable
from typing import NoReturn

import psycopg2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.sealing import FETCH, opened, unwrapped
from domain.errors import SealBroken

HELD = 60_000


class BulkVault:
    """``schemas.codec.Sealer`` that opens, over one connection; for one thread."""

    def __init__(self, database: str, master: bytes) -> None:
        self._master = AESGCM(master)
        self._connection = psycopg2.connect(database, application_name="krypton bulk keys")
        self._connection.autocommit = True
        self._young: dict[str, AESGCM | None] = {}
        self._old: dict[str, AESGCM | None] = {}

    def close(self) -> None:
        """Give the connection back, and forget the keys."""
        self._connection.close()
        self._young, self._old = {}, {}

    def prefetch(self, subjects: Iterable[str]) -> None:
        """See ``Sealer``. Raises SealBroken where the master key is another one."""
        if len(self._young) > HELD:
            self._young, self._old = {}, self._young
        young, old = self._young, self._old
        missing = []
        for subject in subjects:
            if subject not in young:
                if subject in old:
                    young[subject] = old[subject]
                else:
                    missing.append(subject)
        if missing:
            young.update(dict.fromkeys(missing))  # never made, or destroyed: nothing opens
            self._fetch(missing)

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``Sealer``. Raises SealBroken."""
        try:
            key = self._young[subject]
        except KeyError:
            self.prefetch((subject,))
            key = self._young[subject]
        if key is None:
            return None
        return opened(key, subject, sealed, aad)

    def seal(self, subject: str, plain: bytes, aad: bytes) -> NoReturn:
        """Refuse: whoever reads the log writes nothing."""
        raise SealBroken("bulk keys only open: seal with the vault itself")

    def _fetch(self, subjects: list[str]) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(FETCH, ("{" + ",".join(subjects) + "}",))
            for subject, wrapped in cursor:
                if wrapped is not None:
                    self._young[subject] = unwrapped(self._master, subject, bytes(wrapped))
