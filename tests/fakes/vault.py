"""The key vault in memory: really seals (AES-256-GCM), so that what leaks in a test would leak in production."""

import os
from collections.abc import Collection, Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import KeyMissing, SealBroken


class MemoryVault:
    """One key per subject; None once destroyed."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes | None] = {}

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """See ``domain.ports.KeyVault``."""
        if subject not in self.keys:
            raise KeyMissing.of(subject)
        key = self.keys[subject]
        nonce = os.urandom(12)
        return b"" if key is None else nonce + AESGCM(key).encrypt(nonce, plain, aad)

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``domain.ports.KeyVault``."""
        key = self.keys.get(subject)
        try:
            return None if key is None else AESGCM(key).decrypt(sealed[:12], sealed[12:], aad)
        except (InvalidTag, ValueError):
            raise SealBroken(f"a sealed field of subject {subject} cannot be decrypted") from None

    def holds(self, subject: str) -> bool:
        """See ``domain.ports.KeyVault``."""
        return self.keys.get(subject) is not None

    def prefetch(self, subjects: Iterable[str]) -> None:
        """Everything is here already."""

    def prepare(self, subjects: Iterable[str], new: Collection[str] = ()) -> set[str]:
        """See ``domain.ports.KeyVault``."""
        for subject in new:
            self.keys.setdefault(subject, AESGCM.generate_key(256))
        return set(subjects) - self.keys.keys()

    def unflushed(self, subjects: Iterable[str]) -> Collection[str]:
        """None: memory is all there is."""
        return ()

    def forget(self, subjects: Iterable[str]) -> None:
        """There is nothing to fetch."""

    def destroy(self, subject: str) -> None:
        """See ``domain.ports.KeyVault``."""
        self.keys[subject] = None

    def destroyed(self, subjects: Iterable[str]) -> set[str]:
        """See ``domain.ports.KeyVault``."""
        return {s for s in subjects if s in self.keys and self.keys[s] is None}


class EagerVault(MemoryVault):
    """Makes a key whenever it seals: for tests that encode events of people whom no ledger knows."""

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """See ``domain.ports.KeyVault``."""
        self.prepare((), (subject,))
        return super().seal(subject, plain, aad)
