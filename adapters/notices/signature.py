"""Signs what is sent to a webhook, so that its receiver knows who sent it, and when.

Standard Webhooks 1.0.0 (standardwebhooks.com): HMAC-SHA-256 over id, time and body, under a key that both sides have. A
receiver refuses an old time, and drops an id that it knows.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

PREFIX: Final = "whsec_"
LEAST, MOST = 24, 64
"""Bytes of a key."""


def key_of(text: str) -> bytes:
    """The key, written as ``whsec_`` and base64. Raises ValueError."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        key = b""
    if not LEAST <= len(key) <= MOST:
        raise ValueError(f"{PREFIX} and base64 of {LEAST} to {MOST} bytes")
    return key


def signed(key: bytes, ident: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """The headers. ``seconds``: since 1970, of this sending."""
    content = f"{ident}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, sha256)).decode()
    return {"webhook-id": ident, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
