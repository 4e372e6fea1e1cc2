"""Wraps a subject's key and decrypts sealed fields: AES-256-GCM, with a random nonce before the ciphertext."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import SealBroken

NONCE = 12  # bytes, as NIST SP 800-38D recommends for GCM
FETCH = "SELECT subject::text, wrapped FROM vault.subject_key WHERE subject = ANY(%s::uuid[])"


def unwrapped(master: AESGCM, subject: str, wrapped: bytes) -> bytes:
    """The subject's key, 32 bytes, unwrapped. Raises SealBroken if it was wrapped by another master key."""
    try:
        return master.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())
    except (InvalidTag, ValueError):
        raise SealBroken("the master key is not the one this vault was created with") from None


def opened(key: AESGCM, subject: str, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext of a sealed field. Raises SealBroken."""
    try:
        return key.decrypt(sealed[:NONCE], sealed[NONCE:], aad)
    except (InvalidTag, ValueError):  # a value that is shorter than a nonce
        raise SealBroken(
            f"a sealed field of subject {subject} cannot be decrypted: it was altered, or the master key is another one"
        ) from None
