"""Derives a key for each purpose from the region's secret: HKDF-SHA-256 (RFC 5869), one info text for each purpose.

The master key wraps the keys of persons and the region's secret, and does nothing else: so it can be replaced, and lie
where no program reads it. Whatever else needs a secret adds a ``Purpose`` here and asks for

    derived(ours.region_secret, Purpose.IDS)

which is the same for ever, also after another master key. A purpose's text is stored state: never change it.
"""

from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

BYTES: Final = 32


class Purpose(StrEnum):
    """What a key is for."""

    IDS = "krypton ids v1"
    CONSENT_CODES = "krypton consent codes v1"
    FINGERPRINT = "krypton region fingerprint v1"
    WEB_SESSIONS = "krypton web sessions v1"
    WEB_NAMES = "krypton web names v1"
    OPERATOR_CODES = "krypton operator codes v1"


def derived(secret: bytes, purpose: Purpose) -> bytes:
    """The key for that purpose. ``secret``: the region's, 32 random bytes, so that nothing need be extracted first."""
    return HKDFExpand(SHA256(), BYTES, purpose.encode()).derive(secret)
