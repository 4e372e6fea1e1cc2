"""Makes ids from names with the region's secret: whoever has a name and the secret finds the id; an id gives no name.

An id is a uuid of version 8 (RFC 9562): 122 bits of HMAC-SHA-256 over its kind and names. Without the secret nobody can
try out names, however many they know. The secret never changes, for ids are stored state. Establishments, views and
rule sets are named in public, and have ids that anybody can make (uuid5).
"""

import hmac
from typing import Final
from uuid import UUID

LEAST_BYTES: Final = 32
VERSION: Final = 0x8 << 76
VARIANT: Final = 0b10 << 62
FREE: Final = ~(0xF << 76 | 0b11 << 62)


class Ids:
    """Makes ids. ``secret``: at least 32 bytes that only the region has."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_BYTES:
            raise ValueError(f"the secret of ids has fewer than {LEAST_BYTES} bytes: names could be tried out")
        self._secret = secret

    def of(self, kind: str, *names: str) -> UUID:
        """The id of what is named so; ``kind`` keeps equal names of different things apart."""
        parts = [part.encode() for part in (kind, *names)]
        # Each with its length: ("ab", "c") and ("a", "bc") are different names.
        said = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        number = int.from_bytes(hmac.digest(self._secret, said, "sha256")[:16], "big")
        return UUID(int=number & FREE | VERSION | VARIANT)
