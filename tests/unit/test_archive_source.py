"""Where the data set of a stored instance begins, however long its File Meta is."""

import os
import struct
from pathlib import Path

import pytest

from adapters.archive.source import meta_of
from adapters.dicom.part10 import PREAMBLE, PREFIX

SYNTAX = "1.2.840.10008.1.2.1"
DATA_SET = struct.pack("<HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 192" + bytes(200_000)


def file_of(private: int) -> tuple[bytes, int]:
    """A file with so many bytes of private information before the transfer syntax, and where its data set begins."""
    syntax = SYNTAX.encode() + b"\0" * (len(SYNTAX) % 2)
    meta = struct.pack("<HH2sHL", 2, 0x0002, b"OB", 0, private) + bytes(private)
    meta += struct.pack("<HH2sH", 2, 0x0010, b"UI", len(syntax)) + syntax
    head = bytes(PREAMBLE) + PREFIX + meta
    return head + DATA_SET, len(head)


@pytest.mark.parametrize("around", [2_048, 65_536])
def test_the_data_set_is_found_behind_a_file_meta_of_any_length(tmp_path: Path, around: int) -> None:
    """What is read first may end anywhere: in a value, in the head of an element, between two."""
    path = tmp_path / "one.dcm"
    for private in range(around - 220, around + 20, 2):
        data, start = file_of(private)
        path.write_bytes(data)
        fd = os.open(path, os.O_RDONLY)
        try:
            meta = meta_of(fd, len(data))
        finally:
            os.close(fd)
        assert (meta.offset, meta.transfer_syntax) == (start, SYNTAX)
