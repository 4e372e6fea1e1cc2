"""Seals what a session keeps, and hashes what only needs to be recognised: each by a key that no database has."""

import hashlib
import hmac
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE: Final = 12
"""Bytes, random: of a key that seals some thousands of things a day, none comes twice (NIST SP 800-38D §8.3)."""


class Broken(Exception):
    """It was sealed for another place, with another key, or altered."""


@dataclass(frozen=True)
class Sealing:
    """AES-256-GCM and HMAC-SHA-256. ``key``, ``naming``: of 32 bytes each, derived from the region's secret."""

    key: bytes = field(repr=False)
    naming: bytes = field(repr=False)

    def seal(self, told: Mapping[str, Any], place: bytes) -> bytes:
        """It opens in that place alone."""
        nonce = os.urandom(NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, json.dumps(told).encode(), place)

    def open(self, sealed: bytes, place: bytes) -> dict[str, Any]:
        """What was sealed. Raises Broken."""
        try:
            found = json.loads(AESGCM(self.key).decrypt(sealed[:NONCE], sealed[NONCE:], place))
        except (InvalidTag, ValueError):
            raise Broken from None
        assert isinstance(found, dict), "mappings alone are sealed"
        return found

    def named(self, *parts: str) -> bytes:
        """The keyed hash of these texts together."""
        return hmac.digest(self.naming, json.dumps(parts).encode(), hashlib.sha256)

    def form_token(self, session: str) -> str:
        """What forms of a session hold, so that nobody else can have written them."""
        return urlsafe_b64encode(self.named("form", session)).rstrip(b"=").decode()
