"""The viewer's program as it is sent: OHIF's files, its configuration, and the page that starts both."""

import hashlib
import zlib
from collections.abc import AsyncIterator, Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from krypton.faces.http.problem import Problem
from krypton.faces.viewer.guards import FOR_EVER, ISOLATED, PAGE, WORKER
from krypton.ohif.folder import NOT_THERE, STYLES, Served, entry, read
from krypton.ohif.lock import BASE

PIECE: Final = 16 * 1_024
"""Packed bytes that are unpacked at once."""


@cache
def own(name: str) -> bytes:
    """A file that is kept with this module."""
    return (files("krypton.faces.viewer") / "own" / name).read_bytes()


@cache
def configuration() -> str:
    """The name of the configuration: it changes with what is in it."""
    return f"app-config.{hashlib.sha256(own('app-config.js')).hexdigest()[:16]}.js"


async def unpacked(packed: bytes) -> AsyncIterator[bytes]:
    """A file for who takes no gzip, in pieces: anybody may ask for it, and whole it takes megabytes."""
    opened = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for at in range(0, len(packed), PIECE):
        yield opened.decompress(packed[at : at + PIECE])


class Program:
    """OHIF's files, read when they are first asked for, or brought."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: Mapping[str, Served] = {}

    @property
    def files(self) -> Mapping[str, Served]:
        """By name. Raises Problem 503: they are not there."""
        if not self._files:
            self._files = read(self._folder)
        if not self._files:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, NOT_THERE)
        return self._files

    def file(self, name: str, headers: Headers) -> Response:
        """One of them, compressed where that is taken. Raises Problem 404, 503."""
        if name == configuration():
            script = {"content-type": "text/javascript; charset=utf-8"}
            return Response(own("app-config.js"), headers={**script, **FOR_EVER, **ISOLATED})
        if (found := self.files.get(name)) is None:
            raise Problem(HTTPStatus.NOT_FOUND, "the viewer has no such file")
        told = {"content-type": found.made.type, **FOR_EVER, **ISOLATED}
        if found.made.worker:
            told["content-security-policy"] = WORKER
        if not found.made.packed:
            return Response(found.data, headers=told)
        told["vary"] = "accept-encoding"
        if takes_gzip(headers.get("accept-encoding", "")):
            return Response(found.data, headers={**told, "content-encoding": "gzip"})
        return StreamingResponse(unpacked(found.data), headers=told)

    def page(self) -> Response:
        """The page that starts it. Raises Problem 503."""
        found = self.files
        text = own("index.html").decode()
        names = {"own": configuration(), "entry": entry(found), "styles": STYLES}
        page = text.format(base=BASE, **{place: f"{BASE}{name}" for place, name in names.items()})
        return Response(
            page, headers={"content-type": "text/html; charset=utf-8", "content-security-policy": PAGE, **ISOLATED}
        )


def takes_gzip(stated: str) -> bool:
    """Whether a client takes gzip (RFC 9110 12.5.3)."""
    for one in stated.lower().split(","):
        name, _, rest = one.partition(";")
        weight = rest.replace(" ", "").removeprefix("q=")
        if name.strip() in ("gzip", "x-gzip", "*"):
            return not weight or weight.strip("0.") != ""
    return False
