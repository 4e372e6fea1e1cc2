"""Reads bodies from their files, for who sends them.

A file may be deleted, or its volume go away, between the decision and the bytes: that is no defect of Krypton's.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from krypton.errors import ServiceUnavailable
from krypton.queries.body import Body
from krypton.queries.images import damaged


def whole(path: Path, pieces: Sequence[tuple[int, int]], head: bytes) -> bytes:
    """A small body, after ``head``. Raises ServiceUnavailable."""
    fd = _descriptor(path)
    try:
        return b"".join([head, *(_exactly(fd, length, at) for at, length in pieces)])
    finally:
        os.close(fd)


def opened(body: Body) -> IO[bytes]:
    """The file of a body, open: closed by itself where nobody waits for it any more. Raises ServiceUnavailable."""
    if body.file is not None:
        return body.file
    assert body.path is not None
    return os.fdopen(_descriptor(body.path), "rb", buffering=0)


def piece(fd: int, length: int, at: int) -> bytes:
    """At least one byte. Raises ServiceUnavailable: the file is shorter than it was, or the disk cannot read it."""
    try:
        data = os.pread(fd, length, at)
    except OSError as broken:
        raise damaged(broken) from None
    if data:
        return data
    raise ServiceUnavailable("an instance is shorter than it was: see krypton archive check")


def _descriptor(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as broken:
        raise damaged(broken) from None


def _exactly(fd: int, length: int, at: int) -> bytes:
    data = piece(fd, length, at) if length else b""
    while len(data) < length:
        data += piece(fd, length - len(data), at + len(data))
    return data
