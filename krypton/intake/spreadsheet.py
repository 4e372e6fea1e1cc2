"""Reads CSV files from spreadsheets in any common encoding, separator and line ending, row by row.

Encodings: UTF-8 with or without a byte order mark, UTF-16 with one, Windows-1252. Separators: semicolon, tab, comma;
the one that shows most known column names in the header. Cells in quotes may hold separators and line ends. The file is
read twice, for its encoding and for its rows, and never held in memory.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, TextIO

SEPARATORS: Final = (";", "\t", ",")
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, ""),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods; .xls
SAVE_AS: Final = "save it as CSV UTF-8"
CUT: Final = f"the file ends in the middle of a character: {SAVE_AS}, whole"
NOT_WINDOWS: Final = re.compile(
    # Bytes that Windows-1252 does not have, or that no name and no number has: accents of the Macintosh or of MS-DOS.
    # Š and Ž after a small letter are their è and é.
    rb"[\x81-\x84\x86-\x89\x8b\x8d\x8f\x90\x95\x98\x99\x9b\x9d]|[a-z][\x8a\x8e]"
)
MOST: Final = csv.field_size_limit()
_CAUSES: Final = {
    "unexpected end of data": "a quotation is opened there and never closed",
    f"field larger than field limit ({MOST})": f"a cell has over {MOST:,} characters",
}
LONGEST_HINT: Final = 8
UNREADABLE: Final = re.compile("[\ud800-\udfff]")  # how Python carries a byte that the encoding does not have


class FileWrong(ValueError):
    """The file cannot be imported as it is. The message says where and what to do, and quotes none of its rows."""


class BrokenLine(FileWrong):
    """From this line on the file is no table. The lines before it are good."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line} {what}; nothing after it was read: correct it, then import the file again")
        self.line = line


@dataclass(frozen=True)
class Writing:
    """How the file is written."""

    mark: bytes
    encoding: str
    lines: int
    separator: str = ","
    line_end: str = "\n"
    hint: str = ""
    """Excel's own first line, ``sep=;``, where it is there."""

    @property
    def errors(self) -> str:
        """What the encoding does not have is carried along, so that only its own row is refused, and written back."""
        return "surrogatepass" if self.encoding.startswith("utf-16") else "surrogateescape"


@dataclass(frozen=True)
class Row:
    """One row, and the number of the line it ends on: empty lines, and line ends in quotes, count."""

    line: int
    cells: tuple[str, ...]

    @property
    def unreadable(self) -> bool:
        """Whether it holds bytes that the file's encoding does not have."""
        return any(UNREADABLE.search(cell) for cell in self.cells)


@dataclass(frozen=True)
class Sheet:
    """An open table. ``header``: as written."""

    writing: Writing
    header: tuple[str, ...]
    rows: Iterator[Row]


class Unbroken(Iterator[Row]):
    """The rows before a broken line, and that line."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.broken: BrokenLine | None = None

    def __next__(self) -> Row:
        if self.broken:
            raise StopIteration
        try:
            return next(self._rows)
        except BrokenLine as broken:
            self.broken = broken
            raise StopIteration from None


@contextmanager
def opened(file: Path, known: Callable[[str], bool]) -> Iterator[Sheet]:
    """The table in a file. ``known``: whether a name in the header is a known column. Raises FileWrong."""
    if not file.is_file():
        raise FileWrong("it is read twice, so it must be a file, and no pipe: give - for standard input")
    _no_workbook(file)
    written = _separated(file, _encoded(file), known)
    with _text(file, written) as text:
        rows = _rows(text, written)
        if (header := next(rows, Row(1, ()))).unreadable:  # what is refused is written under it, and must be readable
            raise FileWrong(f"its header holds bytes that are no text in the encoding of the other lines: {SAVE_AS}")
        yield Sheet(written, header.cells, rows)


def _no_workbook(file: Path) -> None:
    """What is often given in place of a CSV file. Raises FileWrong."""
    with file.open("rb") as raw:
        start = raw.read(4)
    if not start:
        raise FileWrong("it is empty")
    if start in WORKBOOKS:
        raise FileWrong(f"it is a workbook of Excel or LibreOffice, and no CSV file: {SAVE_AS}")


def _encoded(file: Path) -> Writing:
    """The encoding: by the mark; else UTF-8, unless no line with accents is, and then Windows-1252."""
    with file.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        for mark, encoding in MARKS:
            if start.startswith(mark):
                if not encoding:
                    raise FileWrong(f"it is written in UTF-32, which no spreadsheet reads: {SAVE_AS}")
                return Writing(mark, encoding, sum(1 for _ in raw))
        return _unmarked(raw)


def _unmarked(raw: BinaryIO) -> Writing:
    lines = utf8 = other = odd = 0
    for line in raw:
        lines += 1
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            utf8 += 1
        except UnicodeDecodeError:
            other += 1
            odd += bool(NOT_WINDOWS.search(line))
    if not other or utf8:
        return Writing(b"", "utf-8", lines)
    if odd:
        raise FileWrong(f"its accents are neither UTF-8 nor Windows-1252 (of a Macintosh, or of MS-DOS?): {SAVE_AS}")
    return Writing(b"", "cp1252", lines)


def _separated(file: Path, written: Writing, known: Callable[[str], bool]) -> Writing:
    """The separator that shows most known names in the header; where none does, most columns."""
    try:
        with _text(file, written) as text:
            first = text.readline(LONGEST_HINT)
            line_end = "\r\n" if (first + text.readline()).endswith("\r\n") else "\n"
    except UnicodeError:
        raise FileWrong(CUT) from None
    hint = re.fullmatch(r"sep=(.)\r?\n?", first, re.IGNORECASE)
    tried = []
    for separator in (hint[1],) if hint else SEPARATORS:
        each = replace(written, separator=separator, line_end=line_end, hint=f"sep={separator}" if hint else "")
        header: tuple[str, ...] = ()
        with _text(file, each) as text, suppress(BrokenLine):  # a long header may be one cell by another separator
            header = next(_rows(text, each), Row(1, ())).cells
        tried.append((sum(map(known, header)), len(header), each))
    return max(tried, key=lambda one: one[:2])[2]


def _text(file: Path, written: Writing) -> TextIO:
    text = file.open(encoding=written.encoding, errors=written.errors, newline="")
    if written.mark:
        text.read(1)
    return text


def _rows(text: TextIO, written: Writing) -> Iterator[Row]:
    """Rows that hold something."""
    before = bool(written.hint and text.readline())
    # Strict: a quotation that is never closed would take all rows after it as one cell, and nobody would miss them.
    read = csv.reader(text, delimiter=written.separator, strict=True)
    while True:
        last = read.line_num + before
        try:
            cells = next(read)
        except StopIteration:
            return
        except csv.Error as broken:
            raise BrokenLine(last + 1, f"is no CSV ({_CAUSES.get(str(broken), broken)})") from None
        except UnicodeError:
            raise BrokenLine(last + 1, "ends in the middle of a character, as the file does") from None
        if any(cell.strip() for cell in cells):
            yield Row(read.line_num + before, tuple(cells))


def unwrapped(cell: str) -> str:
    """``="00123"`` is how a number keeps its zeros in Excel: 00123."""
    return cell[2:-1] if len(cell) > 2 and cell.startswith('="') and cell.endswith('"') else cell


def is_shortened(cell: str) -> bool:
    """Whether Excel wrote a long number as ``1,23E+11``: its digits are gone."""
    return bool(re.fullmatch(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]+", cell.strip()))


def joined(names: Sequence[str]) -> str:
    """Names of columns, as a sentence lists them."""
    return ", ".join(f"“{name.strip()}”" for name in names)
