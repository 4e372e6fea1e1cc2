"""A master key that the process holds: 32 bytes, from a file or a variable. The default adapter of ``MasterKey``."""

from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.sealing import NONCE, closed
from domain.errors import KeyBroken

BYTES = 32


class FileKey:
    """Implements ``domain.ports.MasterKey`` with AES-256-GCM; the subject is the associated data."""

    def __init__(self, key: bytes) -> None:
        """``key``: 32 random bytes."""
        if len(key) != BYTES:
            raise ValueError(f"a master key has {BYTES} bytes, not {len(key)}")
        self._key = AESGCM(key)
        self.name = sha256(b"krypton master key\0" + key).hexdigest()[:16]

    def wrap(self, subject: str, key: bytes) -> bytes:
        """See ``domain.ports.MasterKey``."""
        return closed(self._key, key, subject.encode())

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """See ``domain.ports.MasterKey``."""
        try:
            return self._key.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())
        except (InvalidTag, ValueError):
            raise broken(subject) from None


def broken(subject: str) -> KeyBroken:
    """What is wrong with a row that its master key does not open."""
    return KeyBroken(
        f"the vault's key of subject {subject} does not open: its row was altered, or is another subject's; bring the "
        "row back from a backup of the vault"
    )
