"""Keys by the thousand, for those who read the whole log: a rebuild, an export. Opens only; makes and destroys nothing.

Keys are fetched per batch of events and held while they are likely to be used again (``HELD`` keys, about 30 MB). A key
that is destroyed meanwhile may so be used for a little longer, as rows of live views still hold what it opened; readers
mask both at once (``projections.reading``), and ``identity.erased`` blanks the identity's own row.
"""

from collections.abc import Iterable
from typing import NoReturn

import psycopg2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.postgres import NONCE
from domain.errors import SealBroken

HELD = 60_000
FETCH = "SELECT subject::text, wrapped FROM vault.subject_key WHERE subject = ANY(%s::uuid[])"


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
        try:
            return key.decrypt(sealed[:NONCE], sealed[NONCE:], aad)
        except InvalidTag:
            raise SealBroken(
                f"a sealed field of subject {subject} does not open: altered, or another master key"
            ) from None

    def seal(self, subject: str, plain: bytes, aad: bytes) -> NoReturn:
        """Refuse: whoever reads the log writes nothing."""
        raise SealBroken("bulk keys only open: seal with the vault itself")

    def _fetch(self, subjects: list[str]) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(FETCH, ("{" + ",".join(subjects) + "}",))
            try:
                for subject, wrapped in cursor:
                    if wrapped is not None:
                        raw = bytes(wrapped)
                        self._young[subject] = AESGCM(self._master.decrypt(raw[:NONCE], raw[NONCE:], subject.encode()))
            except InvalidTag:
                raise SealBroken("the master key does not open the vault: it is another one") from None
