"""The cookies of a browser: its session, what it began of a sign-in, and a link to the viewer.

The first two have the prefix ``__Host-``: a browser takes them over TLS alone, for this host and its whole path, so no
other host of the same domain can set them. No script reads any; no other site's request brings them, but for a link.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

SESSION: Final = "__Host-krypton"
BEGUN: Final = "__Host-krypton-begun"
VIEWING: Final = "__Secure-krypton-viewing"
"""Of a link to the viewer (``krypton.faces.viewer.links``): sent to its own path alone, so it has another prefix."""
FLAGS: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"
VALUE: Final = re.compile("[A-Za-z0-9_-]{1,4000}")


def read(header: str, name: str) -> str | None:
    """The value of a cookie; None where there is none, or two that differ."""
    found = {value for key, _, value in (one.strip().partition("=") for one in header.split(";")) if key == name}
    (value,) = found if len(found) == 1 else ("",)
    return value if VALUE.fullmatch(value) else None


def put(name: str, value: str, max_age_s: int | None = None) -> str:
    """The header that sets it: until the browser ends, or for so many seconds."""
    return f"{name}={value}; {FLAGS}" + (f"; Max-Age={max_age_s}" if max_age_s is not None else "")


def drop(name: str) -> str:
    """The header that takes it away."""
    return put(name, "", 0)


def as_value(sealed: bytes) -> str:
    """Bytes, as a cookie holds them."""
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def as_bytes(value: str) -> bytes:
    """The bytes that a cookie's value stands for."""
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
