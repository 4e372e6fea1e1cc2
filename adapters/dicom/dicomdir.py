"""What a DICOMDIR lists. Source: DICOM PS3.10 8.6, PS3.3 F.3.2.2 (Referenced File ID)."""

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from adapters.dicom.attributes import read_header
from adapters.dicom.part10 import mapped, read_file_meta
from adapters.dicom.refusal import Unreadable
from adapters.dicom.sr_tree import encoded, sequence


def listed(dicomdir: Path) -> Iterator[Path]:
    """The files that it lists, present or not, as it spells them. Raises Unreadable."""
    with mapped(dicomdir) as data:
        meta = read_file_meta(data)
        data.seek(meta.offset)
        records = sequence(read_header(data, len(data), meta.transfer_syntax, whole=True), "DirectoryRecordSequence")
        yield from (dicomdir.parent.joinpath(*parts) for record in records if (parts := _file_id(record)))


def _file_id(record: Dataset) -> list[str]:
    """The components of a Referenced File ID: none for a record that refers to no file."""
    parts = [part.strip(" \0") for part in encoded(record, "ReferencedFileID").split("\\")]
    if any(part in ("..", ".") or "/" in part for part in parts):
        raise Unreadable("broken: its DICOMDIR refers to files outside of it")
    return [part for part in parts if part]
