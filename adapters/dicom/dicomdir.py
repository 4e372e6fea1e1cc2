"""Reads which files a DICOMDIR lists, and finds them in its folder.

Parse errors are reported, because files missing from the list would go unnoticed. Source: DICOM PS3.10 8.2 (File IDs),
8.6, PS3.3 F.3.2.2 (records), table F.4-1 (record types).
"""

import os
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adapters.dicom.attributes import read_header
from adapters.dicom.completeness import UNDEFINED
from adapters.dicom.part10 import mapped, read_file_meta
from adapters.dicom.refusal import Unreadable
from adapters.dicom.values import encoded

RECORDS: Final = "DirectoryRecordSequence"
REFER_TO_NO_FILE: Final = {"PATIENT", "STUDY", "SERIES"} | {  # plus retired and private types
    "VISIT", "RESULTS", "INTERPRETATION", "STUDY COMPONENT", "TOPIC", "PRIVATE",
}  # fmt: skip
ITEM: Final = [0xFFFE, 0xE000]
FOLDERS_IN_MIND: Final = 8

Names = Callable[[Path], Mapping[str, str]]
"""A folder's content: lower-case name to actual name."""


def listed(dicomdir: Path) -> Iterator[Path]:
    """The listed files, present or not, spelt as in the folder. Raises Unreadable, possibly only at the end."""
    names = lru_cache(FOLDERS_IN_MIND)(_names)
    broken = 0
    with mapped(dicomdir) as data:
        meta = read_file_meta(data)
        data.seek(meta.offset)
        records = _records(read_header(data, len(data), meta.transfer_syntax, whole=True))
        for record in records:
            if parts := _file_id(record):
                yield _in_folder(dicomdir.parent, parts, names)
            else:
                broken += encoded(record, "DirectoryRecordType") not in REFER_TO_NO_FILE
    if broken:
        raise Unreadable(f"broken: {broken} of its {len(records)} directory records name no file")


def _records(header: Dataset) -> Sequence:
    """All directory records. Raises Unreadable if there are none or they cannot be parsed."""
    element = header.get_item(RECORDS)
    if element is None:
        raise Unreadable("broken: its DICOMDIR has no Directory Record Sequence (0004,1220)")
    try:
        records = header.get(RECORDS)
    except Exception as broken:  # pydicom raises many kinds of error for a broken element
        raise Unreadable(f"broken: its directory records cannot be parsed ({type(broken).__name__})") from None
    if not isinstance(records, Sequence) or _items(element) not in (len(records), None):
        raise Unreadable("broken: its directory records cannot be parsed")
    return records


def _items(element: object) -> int | None:
    """How many items fill the sequence (PS3.5 7.5), -1 if they do not: pydicom skips what it cannot read.

    None for sequences with delimiters: pydicom has found their end itself.
    """
    raw = element.value if isinstance(element, RawDataElement) else None
    if not isinstance(raw, bytes):
        return None
    head = struct.Struct("<HHL" if element.is_little_endian else ">HHL")  # type: ignore[attr-defined]  # as raw says
    count = at = 0
    while at + head.size <= len(raw):
        *tag, length = head.unpack_from(raw, at)
        if tag != ITEM:
            return -1
        if length == UNDEFINED:
            return None
        at += head.size + length
        count += 1
    return count if at == len(raw) else -1


def _file_id(record: Dataset) -> list[str]:
    """The components of a Referenced File ID; empty if the record refers to no file."""
    parts = [part.strip(" \0") for part in encoded(record, "ReferencedFileID").split("\\")]
    if any(part in ("..", ".") or "/" in part for part in parts):
        raise Unreadable("broken: its DICOMDIR refers to files outside of it")
    return [part for part in parts if part]


def _in_folder(folder: Path, parts: list[str], names: Names) -> Path:
    """The file with that id: File IDs are in upper case, but mounted and copied discs often show lower case."""
    if os.path.lexists(path := folder.joinpath(*parts)):
        return path
    for part in parts:
        folder = folder / names(folder).get(part.lower(), part)
    return folder


def _names(folder: Path) -> dict[str, str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name.lower(): entry.name for entry in entries}
    except (OSError, ValueError):  # not there, or no name that a folder can have
        return {}
