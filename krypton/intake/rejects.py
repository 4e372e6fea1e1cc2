"""Writes the refused rows of an imported table to a file, with the reason in an extra column.

The file is written as the table was (encoding, separator, line ends, columns), so that it can be corrected and
imported. It names people: only its owner reads it. It takes its name when it is whole; until then it is ``NAME.part``.
"""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from krypton.intake.spreadsheet import FileWrong, Sheet, Writing

REASON = "reason"
OWNER_ONLY = 0o600


class Rejects:
    """Takes refused rows, in order."""

    def __init__(self, sheet: Sheet, part: Path | None) -> None:
        self._width = len(sheet.header)
        self._reason_at = [n for n, name in enumerate(sheet.header) if name.strip().casefold() == REASON]
        self._out: TextIO | None = None
        if part is not None:
            self._out = _created(part, sheet.writing)
            self._csv = csv.writer(self._out, delimiter=sheet.writing.separator, lineterminator=sheet.writing.line_end)
            self._write(sheet.header, REASON)

    def add(self, cells: Sequence[str], reason: str, *, misshapen: bool = False) -> None:
        """One refused row, and why it was. The reason stands in its column, whatever Excel left out or added.

        ``misshapen``: the row lacks cells, or has too many. It is kept as it was: half a row that was filled up with
        empty cells would be taken in the next time.
        """
        if not self._out:
            return
        if misshapen:
            self._row([*(cells[:-1] if cells[-1] == reason else cells), reason])
        else:
            own = [*cells, *[""] * (self._width - len(cells))]
            while len(own) > self._width and not own[-1].strip():
                del own[-1]
            self._write(own, reason)

    def close(self) -> None:
        """All rows are on disk. Raises OSError."""
        if self._out:
            with self._out:
                self._out.flush()
                os.fsync(self._out.fileno())

    def _write(self, cells: Sequence[str], reason: str) -> None:
        """The reason of an earlier import makes room for this one's."""
        self._row([*(cell for n, cell in enumerate(cells) if n not in self._reason_at), reason])

    def _row(self, cells: Sequence[str]) -> None:
        """Raises FileWrong."""
        try:
            self._csv.writerow(cells)
        except OSError as cannot:
            raise _broken_off(cannot) from None


def part_of(file: Path) -> Path:
    """Where rejects are written until they are whole."""
    return Path(f"{file}.part")


@contextmanager
def kept(sheet: Sheet, file: Path | None) -> Iterator[Rejects]:
    """Keep refused rows in a file; None: nowhere. What was refused before an error is kept too. Raises FileWrong."""
    part = file and part_of(file)
    try:
        if file and file.exists() and not file.is_file():  # it would be replaced: a folder, or /dev/null itself
            raise FileWrong("the rejects cannot be kept there (it is no ordinary file): name another file")
        rejects = Rejects(sheet, part)
    except OSError as cannot:
        raise FileWrong(f"the rejects cannot be kept there ({cannot.strerror}): name another file") from None
    try:
        yield rejects
    finally:
        try:
            rejects.close()
            if file and part:
                part.replace(file)
        except OSError as cannot:
            raise _broken_off(cannot) from None


def _broken_off(cannot: OSError) -> FileWrong:
    return FileWrong(
        f"the rejects could not be written ({cannot.strerror}): what the rows before say is done; run it again"
    )


def _created(part: Path, writing: Writing) -> TextIO:
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OWNER_ONLY)
    os.fchmod(handle, OWNER_ONLY)  # one that was left by a process that was killed
    out = os.fdopen(handle, "w", encoding=writing.encoding, errors=writing.errors, newline="")
    out.write(writing.mark.decode(writing.encoding))
    if writing.hint:
        out.write(writing.hint + writing.line_end)
    return out
