"""Addresses of this service that a browser is sent to: of its one public origin, and never anywhere else."""

from typing import Final
from urllib.parse import quote, urlsplit

HOME: Final = "/"
LONGEST: Final = 1_500


def local(address: str) -> str:
    """An address within this service: a path and a query; the start page where it is none.

    A browser reads ``//other.example``, ``/\\other.example`` and one with a control character as another site's.
    """
    if not _plain(address) or not address.startswith("/") or address.startswith("//"):
        return HOME
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return HOME
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _plain(address: str) -> bool:
    return address.isascii() and address.isprintable() and "\\" not in address and len(address) <= LONGEST


def with_next(path: str, address: str) -> str:
    """A path that leads on to an address of this service."""
    return path if local(address) == HOME else f"{path}?next={quote(local(address), safe='')}"
