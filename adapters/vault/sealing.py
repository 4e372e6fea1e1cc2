"""Encrypts and decrypts under one key: AES-256-GCM, with a random nonce before the ciphertext."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import SealBroken

NONCE = 12  # bytes, as NIST SP 800-38D recommends for GCM


def closed(key: AESGCM, plain: bytes, aad: bytes) -> bytes:
    """The sealed bytes."""
    nonce = os.urandom(NONCE)
    return nonce + key.encrypt(nonce, plain, aad)


def opened(key: AESGCM, subject: str, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext of a sealed field. Raises SealBroken."""
    try:
        return key.decrypt(sealed[:NONCE], sealed[NONCE:], aad)
    except (InvalidTag, ValueError):  # a value that is shorter than a nonce
        raise SealBroken(
            f"a sealed field of subject {subject} cannot be decrypted: it was altered, or sealed under another key"
        ) from None
