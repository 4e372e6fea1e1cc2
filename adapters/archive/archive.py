"""What is asked of the archive: a study's series, a series' metadata and instances, a frame, bytes that were left out.

Whoever asks has passed the gate: nothing here decides who may see what. Files that are missing, or of fewer instances
than are there by now, are made at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adapters.archive.bulk import place_of_bulk, read_bulk
from adapters.archive.entry import Row
from adapters.archive.fragments import Piece
from adapters.archive.frames import Frames
from adapters.archive.pixels import NoFrame, place_of_frame, read_frame
from adapters.archive.places import METADATA, folder_of, shard_of
from adapters.archive.series import described, row_of, rows_of
from adapters.archive.study import bring_up_to_date, fresh
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.values import is_uid
from adapters.inbox.alone import alone
from adapters.inbox.spool import Spool

T = TypeVar("T")


class NotHeld(LookupError):
    """The archive has no such study, series or instance on this machine."""


@dataclass(frozen=True)
class Archive:
    """``study``: the id of the ledger's study; a UID from outside is checked before it becomes a file name."""

    spool: Spool
    most: Most = UNBOUNDED

    def study(self, study: str) -> dict[str, Any]:
        """``said`` of the study as DICOM JSON; of its ``series`` uid, ``instances``, ``said``. Raises NotHeld."""
        if (told := fresh(self.spool, study)) is None:
            bring_up_to_date(self.spool, study, self.most)
            told = fresh(self.spool, study)
        if told is None:
            raise NotHeld("no instance of this study is kept on this machine")
        return told

    def metadata(self, study: str, series: str) -> bytes:
        """The metadata of a series: gzip of a JSON array. Raises NotHeld, OSError."""
        self.study(study)
        try:
            return (self._folder(study, series) / f"{series}{METADATA}").read_bytes()
        except FileNotFoundError:
            raise self._none() from None

    def described(self, study: str, series: str) -> Iterator[tuple[Row, bytes]]:
        """Its instances, each with its JSON object of that, one at a time. Raises NotHeld, OSError."""
        yield from self._read(study, series, described)

    def instances(self, study: str, series: str) -> Sequence[Row]:
        """Its instances, in the order of its metadata. Raises NotHeld, OSError."""
        return [*self.each(study, series)]

    def each(self, study: str, series: str) -> Iterator[Row]:
        """The same, one at a time: there may be thousands. Raises NotHeld, OSError."""
        yield from self._read(study, series, rows_of)

    def instance(self, study: str, series: str, sop_uid: str) -> Row:
        """One of them. Raises NotHeld, OSError."""
        self.study(study)
        try:
            row = row_of(self._folder(study, series), series, sop_uid) if is_uid(sop_uid) else None
        except FileNotFoundError:
            raise self._none() from None
        if row is None:
            raise NotHeld("the series has no such instance")
        return row

    def path(self, row: Row) -> Path:
        """The file of an instance."""
        return self.path_of(row["claim"])

    def path_of(self, claim: str) -> Path:
        """The same by its claim."""
        return self.spool.root / claim

    def frames(self, row: Row) -> int:
        """How many frames it has that can be given out."""
        return Frames.of_document(row["frames"]).count if row["frames"] else 0

    def frame(self, row: Row, number: int) -> bytes:
        """One frame, from 1 on. Raises NoFrame, Unreadable, OSError."""
        if row["frames"] is None:
            raise NoFrame(row["problem"] or "it has no pixels")
        return read_frame(self.path(row), Frames.of_document(row["frames"]), number, self.most)

    def place_of_frame(self, row: Row, number: int) -> Piece | None:
        """Where one lies in the file: offset and length of each part; None where it is given out otherwise.

        Raises NoFrame.
        """
        if row["frames"] is None:
            raise NoFrame(row["problem"] or "it has no pixels")
        return place_of_frame(Frames.of_document(row["frames"]), number)

    def place_of_bulk(self, row: Row, where: str) -> tuple[int, int] | None:
        """The same of a value that its metadata leaves out. Raises NoBulk, Unreadable, OSError."""
        return place_of_bulk(self.path(row), where, self.most)

    def bulk(self, row: Row, where: str) -> bytes:
        """A value that its metadata leaves out, by its path there. Raises NoBulk, Unreadable, OSError."""
        return read_bulk(self.path(row), where, self.most)

    def _read(self, study: str, series: str, read: Callable[[Path, str], T | None]) -> T:
        """What is read of the files of a series; where they are of two writings, once that is done which is under way.

        Raises NotHeld, OSError.
        """
        self.study(study)
        folder = self._folder(study, series)
        if (found := read(folder, series)) is None:
            with suppress(FileNotFoundError), alone(shard_of(self.spool, study)):
                found = read(folder, series)
        if found is None:
            raise self._none()
        return found

    def _folder(self, study: str, series: str) -> Path:
        if not is_uid(series):
            raise self._none()
        return folder_of(self.spool, study)

    @staticmethod
    def _none() -> NotHeld:
        return NotHeld("the study has no such series")
