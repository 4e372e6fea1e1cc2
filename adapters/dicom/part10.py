"""Reads and writes DICOM files' headers: preamble, ``DICM`` and File Meta Information.

Only the File Meta is parsed, and written for instances from the network; a dataset's bytes are never changed. Source:
DICOM PS3.10 section 7.1 and table 7.1-1.
"""

import hashlib
import mmap
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.refusal import AttributeMissing, Unreadable
from adapters.durable import Bytes

PREAMBLE = 128
PREFIX = b"DICM"
LARGE = 64 * 1024 * 1024  # bytes
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage: a DICOMDIR
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}  # PS3.5 §7.1.2
_SOP_CLASS, _SOP_UID, _SYNTAX = 0x0002, 0x0003, 0x0010
_WANTED = frozenset({_SOP_CLASS, _SOP_UID, _SYNTAX})
_SEALED = b"KRYPTON\0"


@dataclass(frozen=True)
class FileMeta:
    """The parsed File Meta: where the dataset starts (bytes from the file's start), what it is, its transfer syntax."""

    offset: int
    sop_class: str
    transfer_syntax: str
    sop_uid: str = ""


def read_file_meta(data: Bytes) -> FileMeta:
    """Raises Unreadable if it is no DICOM file, AttributeMissing without a Transfer Syntax UID."""
    if bytes(data[PREAMBLE : PREAMBLE + 4]) != PREFIX:
        raise Unreadable("not a DICOM file: no DICM after the preamble (PS3.10 7.1)")
    elements, offset = _elements(data, PREAMBLE + 4)
    if not elements.get(_SYNTAX):
        raise AttributeMissing("TransferSyntaxUID (0002,0010) is missing: the file cannot be decoded")
    return FileMeta(offset, elements.get(_SOP_CLASS, ""), elements[_SYNTAX], elements.get(_SOP_UID, ""))


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """A file's bytes in memory. Raises Unreadable for an empty file or no regular file, OSError if it cannot be read.

    A large file is memory-mapped: a disk failure then ends the process, as with any mapped file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise Unreadable("not a regular file")  # a pipe might never end
    with path.open("rb") as file:
        if not (size := file.seek(0, 2)):
            raise Unreadable("not a DICOM file: it is empty")
        large = size > LARGE
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if large else mmap.mmap(-1, size) as memory:
            if not large:
                file.seek(0)
                file.readinto(memory)
            yield memory


def dataset_digest(data: Bytes, offset: int = 0) -> str:
    """Hex of the SHA-256 of a dataset, from ``offset`` on: without preamble and File Meta, which name the sender."""
    with memoryview(data) as whole, whole[offset:] as dataset:
        return hashlib.sha256(dataset).hexdigest()


def _elements(data: Bytes, offset: int) -> tuple[dict[int, str], int]:
    """Texts of the elements of group 0002 that are wanted, by element number, and where the group ends.

    It is in explicit VR (PS3.10 7.1); some writers use implicit VR, which shows where no VR stands.
    """
    found: dict[int, str] = {}
    while offset + 8 <= len(data):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, offset)
        if group != 0x0002:
            break
        if not vr.isalpha() or not vr.isupper():
            (length,) = struct.unpack_from("<L", data, offset + 4)
        offset += 8
        if vr in LONG:
            if offset + 4 > len(data):
                break
            (length,) = struct.unpack_from("<L", data, offset)
            offset += 4
        if offset + length > len(data):
            raise Unreadable("broken: the file ends within its File Meta Information")
        if element in _WANTED:
            found[element] = bytes(data[offset : offset + length]).decode("ascii", "replace").strip(" \0")
        offset += length
    return found, offset


def file_meta(*, sop_class: str, sop_uid: str, transfer_syntax: str, sender: str, digest: str | None = None) -> bytes:
    """Preamble, prefix and File Meta for a dataset that came over the network, from the AE title ``sender`` if any.

    ``digest``: of the dataset; the preamble, which is an implementation's own (PS3.10 7.1), states it.
    """
    elements = (
        _element(0x0001, b"OB", b"\x00\x01"),
        _element(_SOP_CLASS, b"UI", sop_class.encode("ascii", "replace")),
        _element(_SOP_UID, b"UI", sop_uid.encode("ascii")),
        _element(_SYNTAX, b"UI", transfer_syntax.encode("ascii", "replace")),
        _element(0x0012, b"UI", CLASS_UID.encode("ascii")),
        _element(0x0013, b"SH", VERSION_NAME.encode("ascii")),
        *([_element(0x0016, b"AE", sender.encode("ascii", "replace"))] if sender else []),
    )
    body = b"".join(elements)
    preamble = (_SEALED + bytes.fromhex(digest) if digest else b"").ljust(PREAMBLE, b"\0")
    return preamble + PREFIX + _element(0x0000, b"UL", struct.pack("<L", len(body))) + body


def seal_of(data: Bytes) -> tuple[str, str] | None:
    """SOP Instance UID and digest of the dataset, as ``file_meta`` has stated them; None where it has not."""
    if bytes(data[: len(_SEALED)]) != _SEALED:
        return None
    digest = bytes(data[len(_SEALED) : len(_SEALED) + 32]).hex()
    elements, _ = _elements(data, PREAMBLE + 4)
    uid = elements.get(_SOP_UID)
    return (uid, digest) if uid else None


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if vr in LONG:
        return struct.pack("<HH2sHL", 2, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value
