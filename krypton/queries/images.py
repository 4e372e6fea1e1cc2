"""The images of a study that was decided on (``standing``), as this machine keeps them, to be given out by a face.

Nothing is decided here. Where two sites sent the same study of one person, the two are shown as one, and of an instance
that both sent the copy that came first: both are digests of what came in, and a viewer asks by UID.
"""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import Any, Final

from adapters.archive.archive import Archive, NotHeld
from adapters.archive.bulk import NoBulk
from adapters.archive.entry import Row, first
from adapters.archive.pixels import NoFrame
from adapters.inbox.refusal import Refused
from domain.errors import NotFound
from krypton.errors import ServiceUnavailable
from krypton.queries.body import Body
from krypton.queries.standing import Seen

ELSEWHERE: Final = "no image of that study is kept where you ask: ask where its images were taken in"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
URI: Final = b'"BulkDataURI":"'
"""Begins each URI of a metadata document; a quote within a text is escaped."""


@dataclass(frozen=True)
class Instance:
    """One instance of a series. ``row``: what the archive knows of it."""

    archive: Archive
    series: str
    row: Row = field(repr=False)

    @property
    def uid(self) -> str:
        """Its SOP Instance UID."""
        return str(self.row["sop_uid"])

    @property
    def transfer_syntax(self) -> str:
        """As it is stored."""
        return str(self.row["transfer_syntax"])

    @property
    def digest(self) -> str:
        """Hex of the SHA-256 of its data set: two with the same show the same."""
        return str(self.row["digest"])

    @property
    def frames(self) -> int:
        """How many frames can be given out."""
        return self.archive.frames(self.row)

    @property
    def frame_syntax(self) -> str:
        """The transfer syntax of its frames: pixels that are not compressed are given in explicit VR little endian."""
        return EXPLICIT if self.row["frames"] and "native" in self.row["frames"] else self.transfer_syntax

    @property
    def placed(self) -> bool:
        """Whether its frames lie in its file as they are given out. Raises NotFound."""
        try:
            return self.archive.place_of_frame(self.row, 1) is not None
        except NoFrame as none:
            raise NotFound(f"the instance has no frames: {none}") from None

    def said(self, tag: str) -> Any:
        """The first value of an attribute that lists show."""
        return first(self.row["said"], tag)

    @property
    def whole(self) -> "Whole":
        """To be given out whole."""
        return Whole.of(self.archive, self.series, self.row)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.archive.path(self.row)

    def frame(self, number: int) -> Body:
        """One frame as it is stored, from 1 on. Raises NotFound, ServiceUnavailable."""
        try:
            piece = self.archive.place_of_frame(self.row, number)
            if piece is None:
                return Body.of(self.archive.frame(self.row, number))
            return Body.within(self.path, [*zip(piece[::2], piece[1::2], strict=True)])
        except NoFrame as none:
            raise NotFound(f"the instance has no such frame: {none}") from None
        except (Refused, OSError) as broken:
            raise damaged(broken) from None

    def bulk(self, where: str) -> Body:
        """A value that its metadata leaves out. Raises NotFound, ServiceUnavailable."""
        try:
            place = self.archive.place_of_bulk(self.row, where)
            return Body.of(self.archive.bulk(self.row, where)) if place is None else Body.within(self.path, [place])
        except NoBulk as none:
            raise NotFound(f"the instance has no such bulk data: {none}") from None
        except (Refused, OSError) as broken:
            raise damaged(broken) from None


@dataclass(frozen=True, slots=True)
class Whole:
    """An instance that is given out whole: what that takes, and no more, for a study has thousands."""

    archive: Archive
    series: str
    uid: str
    claim: str
    size: int
    digest: str
    transfer_syntax: str

    @staticmethod
    def of(archive: Archive, series: str, row: Row) -> "Whole":
        """By its row."""
        told = (row["sop_uid"], row["claim"], row["size"], row["digest"], intern(row["transfer_syntax"]))
        return Whole(archive, series, *told)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.archive.path_of(self.claim)

    def file(self) -> Body:
        """The whole file, as it is stored."""
        return Body.within(self.path, [(0, self.size)])


def damaged(broken: Exception) -> ServiceUnavailable:
    """What is said of an instance that cannot be read any more; the log names it."""
    return ServiceUnavailable(f"an instance cannot be read ({type(broken).__name__}): see krypton archive check")


class Study:
    """A study that may be shown. Raises NotFound where this machine has no image of it."""

    def __init__(self, archive: Archive, seen: Seen) -> None:
        self._archive = archive
        self.uid = seen.uid
        self._told = dict[str, dict[str, Any]]()
        for study in seen.studies:
            with suppress(NotHeld):
                self._told[study] = archive.study(study)
        if not self._told:
            raise NotFound(ELSEWHERE)

    @cached_property
    def said(self) -> Mapping[str, Any]:
        """Attributes of the study, as DICOM JSON."""
        told: Mapping[str, Any] = next(iter(self._told.values()))["said"]
        return told

    @cached_property
    def series(self) -> Sequence[Mapping[str, Any]]:
        """Of each series ``uid``, ``instances`` and ``said``; of one that two sites sent, as the first says."""
        found = dict[str, Mapping[str, Any]]()
        for told in self._told.values():
            for one in told["series"]:
                found.setdefault(one["uid"], one)
        return [
            {**one, "instances": len(self.instances(uid))} if len(self._of(uid)) > 1 else one
            for uid, one in found.items()
        ]

    def instances(self, series: str) -> Sequence[Instance]:
        """Those of a series, in order. Raises NotFound."""
        found = dict[str, Instance]()
        for study in self._of(series):
            with _held():
                for row in self._archive.instances(study, series):
                    found.setdefault(row["sop_uid"], Instance(self._archive, series, row))
        return [*found.values()]

    def whole(self, series: str) -> Sequence[Whole]:
        """The same, to be given out whole. Raises NotFound."""
        found = dict[str, Whole]()
        for study in self._of(series):
            with _held():
                for row in self._archive.each(study, series):
                    found.setdefault(row["sop_uid"], Whole.of(self._archive, series, row))
        return [*found.values()]

    def instance(self, series: str, uid: str) -> Instance:
        """One of them. Raises NotFound."""
        for study in self._of(series):
            with suppress(NotHeld):
                return Instance(self._archive, series, self._archive.instance(study, series, uid))
        raise NotFound("the series has no such instance")

    def packed(self, series: str) -> Body | None:
        """The metadata document of a series as it is stored: gzip of a JSON array; None: it is of two sites.

        Raises NotFound.
        """
        (study, *more) = self._of(series)
        with _held():
            return None if more else Body.of(self._archive.metadata(study, series))

    def documents(self, series: str, under: bytes = b"") -> Iterator[bytes]:
        """The same, an instance's JSON object at a time. ``under``: before each URI. Raises NotFound."""
        for _, document in self._described(series):
            yield document.replace(URI, URI + under) if under else document

    def document(self, series: str, uid: str, under: bytes = b"") -> bytes:
        """The metadata of one instance: a JSON object. Raises NotFound."""
        for known, document in self._described(series):
            if known == uid:
                return document.replace(URI, URI + under) if under else document
        raise NotFound("the series has no such instance")

    def _described(self, series: str) -> Iterator[tuple[str, bytes]]:
        """Each instance's UID, with its JSON object. Raises NotFound."""
        known = set[str]()
        for study in self._of(series):
            with _held():
                for row, document in self._archive.described(study, series):
                    if row["sop_uid"] not in known:
                        known.add(row["sop_uid"])
                        yield row["sop_uid"], document

    def _of(self, series: str) -> Sequence[str]:
        """The ledger's studies that have the series. Raises NotFound."""
        found = [study for study, told in self._told.items() if any(one["uid"] == series for one in told["series"])]
        if not found:
            raise NotFound("the study has no such series")
        return found


@contextmanager
def _held() -> Iterator[None]:
    """Raises NotFound: it was deleted since it was looked up."""
    try:
        yield
    except NotHeld as gone:
        raise NotFound(str(gone)) from None


def unpacked(packed: bytes) -> bytes:
    """A metadata document, to be read by whoever takes no gzip."""
    return gzip.decompress(packed)
