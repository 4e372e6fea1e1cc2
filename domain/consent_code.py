"""Makes, hashes and compares one-time consent codes; the ledger stores only a salted hash.

A code is derived from the id of the issuing command and a secret of the caller, so that a repeated command shows the
same code again although it is stored nowhere. 10 characters of Crockford's base 32 are 50 bits: with scrypt, one day of
validity and one use, guessing is infeasible.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.errors import BadLimit

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O and U, which are misread
LENGTH = 10
READ_AS = str.maketrans("ILO", "110")
COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}  # 16 MiB and some 50 ms per try
WEEK: Final = 7 * 24 * 3600 * 1_000_000  # µs


def derive(command_id: UUID, secret: bytes) -> str:
    """The code for the issuing command. ``secret``: at least 16 bytes known only to the caller."""
    if len(secret) < 16:
        raise ValueError("the secret has fewer than 16 bytes: codes made with it could be guessed")
    number = int.from_bytes(hmac.digest(secret, b"krypton consent code|" + command_id.bytes, "sha256"), "big")
    return "".join(SIGNS[(number >> 5 * place) % 32] for place in range(LENGTH))


def normal(typed: str) -> str:
    """A typed code in canonical form: capitals, no spaces or hyphens, look-alike characters corrected."""
    return "".join(c for c in typed.upper() if c not in " -").translate(READ_AS)


def salted_hash(code: str, salt: bytes) -> str:
    """The stored form of a code: hex of its scrypt hash. ``salt``: 16 random bytes."""
    return hashlib.scrypt(normal(code).encode(), salt=salt, **COST).hex()


def matches(typed: str, salt: str, stored: str) -> bool:
    """Whether the typed code equals the stored one. ``salt`` and ``stored`` are hex; compared in constant time."""
    return hmac.compare_digest(salted_hash(typed, bytes.fromhex(salt)), stored)


def refuse_life(expires_at: int, now: int) -> None:
    """Raises BadLimit (C5). Both in µs since 1970, UTC."""
    if not now < expires_at <= now + WEEK:
        raise BadLimit("a code lives up to a week, from now on: give another duration")


@dataclass(frozen=True)
class Code:
    """An unused code as it was issued: its salt and hash, hex."""

    id: UUID
    salt: str
    hash: str
    expires_at: int

    def is_typed(self, typed: str, now: int) -> bool:
        """Whether it was typed, and has not expired (C6)."""
        return now < self.expires_at and matches(typed, self.salt, self.hash)
