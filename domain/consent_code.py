"""One-time consent codes: made, hashed and compared here; the ledger only ever holds a salted hash.

A code is derived from the command that issues it and a secret of the caller's, so that a repeated command shows the
same code again although it is stored nowhere. 10 signs of Crockford's base 32 are 50 bits: with scrypt, a day to live
and one use, guessing is out of reach.
"""

import hashlib
import hmac
from uuid import UUID

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O and U, which are misread
LENGTH = 10
READ_AS = str.maketrans("ILO", "110")
COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}  # 16 MiB and some 50 ms a try


def derive(command_id: UUID, secret: bytes) -> str:
    """The code of the command that issues it. ``secret``: at least 16 bytes that only the caller knows."""
    if len(secret) < 16:
        raise ValueError("the secret has fewer than 16 bytes: codes made with it could be guessed")
    number = int.from_bytes(hmac.digest(secret, b"krypton consent code|" + command_id.bytes, "sha256"), "big")
    return "".join(SIGNS[(number >> 5 * place) % 32] for place in range(LENGTH))


def normal(typed: str) -> str:
    """A code as it was meant: capitals, no spaces or hyphens, misread signs put right."""
    return "".join(c for c in typed.upper() if c not in " -").translate(READ_AS)


def salted_hash(code: str, salt: bytes) -> str:
    """What is stored of a code: hex of its scrypt hash. ``salt``: 16 random bytes of its own."""
    return hashlib.scrypt(normal(code).encode(), salt=salt, **COST).hex()


def matches(typed: str, salt: str, stored: str) -> bool:
    """Is this the code that was stored? ``salt`` and ``stored`` are hex; compared in constant time."""
    return hmac.compare_digest(salted_hash(typed, bytes.fromhex(salt)), stored)
