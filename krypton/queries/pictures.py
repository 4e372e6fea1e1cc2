"""What is made of the pixels of an instance that may be shown: other transfer syntaxes, and pictures for a browser.

Nothing is decided here, and nothing decoded: that is done in processes of their own (``adapters.archive.pictures``).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, Any, Final, cast

from adapters.archive.pictures.pool import Pool, TooMany, Undecodable
from krypton.errors import ServiceUnavailable
from krypton.queries.body import Body
from krypton.queries.images import EXPLICIT, Instance, Whole

IMPLICIT, DEFLATED, RLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
_JPEG: Final = "1.2.840.10008.1.2.4"
DECODED: Final = frozenset({RLE, *(f"{_JPEG}.{one}" for one in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203))})
"""Compressed transfer syntaxes that can be decoded here."""
MADE: Final = frozenset({EXPLICIT, RLE, f"{_JPEG}.80", f"{_JPEG}.90"})
"""Transfer syntaxes that are made here: none of them loses anything."""
VIDEOS: Final = frozenset(f"{_JPEG}.{one}" for one in range(100, 109))
JPEG, PNG = "image/jpeg", "image/png"


class NoPicture(Exception):
    """There is none of it. ``str``: why, and what to ask for instead."""


@dataclass(frozen=True)
class Look:
    """How a picture is to look. ``window``: centre, width and function; ``viewport``: width and height, then the left,
    top, width and height of a region; None: as the image says, whole.
    """

    type: str = JPEG
    quality: int = 90
    window: tuple[float, float, str] | None = None
    viewport: tuple[float, ...] | None = None

    @property
    def key(self) -> str:
        """Another one for another look, in letters that a header may hold."""
        return sha256(repr(self).encode()).hexdigest()[:16]

    def document(self) -> Mapping[str, Any]:
        """As a process is told."""
        return {"type": self.type, "quality": self.quality, "window": self.window, "viewport": self.viewport}


def can_frame(stored: str, syntax: str) -> bool:
    """Whether a frame in a transfer syntax is given in another one."""
    return syntax in MADE and (stored in DECODED or stored == EXPLICIT)


def can_instance(stored: str, syntax: str) -> bool:
    """Whether an instance in a transfer syntax is given in another one."""
    return syntax in MADE and stored in DECODED | {EXPLICIT, IMPLICIT, DEFLATED}


class Pictures:
    """Makes them, a few at once."""

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool or Pool()

    def start(self) -> None:
        """Make ready, so that the first who asks does not wait longer than the next."""
        self._pool.start()

    def close(self) -> None:
        """End what is being made."""
        self._pool.close()

    def frame(self, instance: Instance, number: int, syntax: str) -> Body:
        """A frame in another transfer syntax. Raises NoPicture, ServiceUnavailable."""
        return Body.of(self._made({**_frame(instance, number), "do": "frame", "to": syntax}))

    def picture(self, instance: Instance, number: int, look: Look) -> Body:
        """A picture of a frame. Raises NoPicture, ServiceUnavailable."""
        return Body.of(self._made({**_frame(instance, number), "do": "picture", **look.document()}))

    def instance(self, instance: Whole, syntax: str) -> Body:
        """A whole instance in another transfer syntax. Raises NoPicture, ServiceUnavailable."""
        # Without a name: nothing is left of it, whatever this process dies at. Whoever sends it closes it.
        file = cast(IO[bytes], TemporaryFile())  # noqa: SIM115
        try:
            out = f"/proc/{os.getpid()}/fd/{file.fileno()}"
            self._made({"do": "instance", "path": str(instance.path), "to": syntax, "out": out})
        except BaseException:
            file.close()
            raise
        length = os.fstat(file.fileno()).st_size
        return Body(length, file=file, pieces=[(0, length)])

    def _made(self, job: Mapping[str, Any]) -> bytes:
        try:
            return self._pool.made(job)
        except Undecodable as broken:
            raise NoPicture(f"{broken}: ask for it as it is stored, with transfer-syntax=*") from None
        except TooMany as busy:
            raise ServiceUnavailable(str(busy)) from None


def showable(instance: Instance) -> None:
    """Raises NoPicture: it has no pixels, or such as no picture is made of."""
    at = "the instance"
    if instance.transfer_syntax in VIDEOS:
        raise NoPicture(f"{at} is a video: ask for /frames/1 with transfer-syntax=*")
    if instance.said("00420012") or instance.said("00420010"):
        raise NoPicture(f"{at} is a document: ask for /bulkdata/00420011, which its metadata name")
    if not instance.frames:
        raise NoPicture(f"{at} has no pixels that can be shown: ask for /metadata, or for the instance itself")
    if instance.frame_syntax != EXPLICIT and instance.frame_syntax not in DECODED:
        raise NoPicture(f"{at} is in {instance.frame_syntax}, which is not decoded here: ask for transfer-syntax=*")


def representative(instances: Sequence[Instance]) -> Instance | None:
    """The one in the middle of those that can be shown; None where there is none."""
    shown = [one for one in instances if _is_showable(one)]
    return shown[len(shown) // 2] if shown else None


def _is_showable(instance: Instance) -> bool:
    try:
        showable(instance)
    except NoPicture:
        return False
    return True


def _frame(instance: Instance, number: int) -> dict[str, Any]:
    row = instance.row
    syntax = instance.transfer_syntax
    return {"path": str(instance.path), "frames": row["frames"], "number": number, "syntax": syntax}
