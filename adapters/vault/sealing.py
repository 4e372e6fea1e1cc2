"""How one person's key is wrapped, and how a sealed field opens: AES-256-GCM, a random nonce before the ciphertext."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import SealBroken

NONCE = 12  # bytes, as NIST SP 800-38D recommends for GCM
FETCH = "SELECT subject::text, wrapped FROM vault.subject_key WHERE subject = ANY(%s::uuid[])"


def unwrapped(master: AESGCM, subject: str, wrapped: bytes) -> bytes:
    """The subject's key, 32 bytes, from what the vault keeps. Raises SealBroken: it is under another master key."""
    try:
        return master.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())
    except InvalidTag:
        raise SealBroken("the master key does not open the vault: it is another one") from None


def opened(key: AESGCM, subject: str, sealed: bytes, aad: bytes) -> bytes:
    """What a sealed field holds. Raises SealBroken."""
    try:
        return key.decrypt(sealed[:NONCE], sealed[NONCE:], aad)
    except InvalidTag:
        raise SealBroken(f"a sealed field of subject {subject} does not open: altered, or another master key") from None
