"""Reads one stored instance for the archive: its metadata, its frames, and the digest by which damage is found."""

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.archive.document import describe
from adapters.archive.source import meta_of, opened
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.intake import instance_in
from adapters.dicom.part10 import seal_of
from adapters.dicom.refusal import Unreadable
from adapters.dicom.values import is_uid
from adapters.inbox.linked import is_there

Row = dict[str, Any]
"""Of one instance: ``sop_uid``, ``claim`` (its path below the root), ``size`` in bytes, ``digest`` of its data set,
``transfer_syntax``, ``frames`` (``Frames.document``), ``problem``, and ``said``: attributes as DICOM JSON.
"""
OF_STUDY: Final = (
    *("00080020", "00080030", "00080050", "00080051", "00080090", "00080201", "00081030", "00100010", "00100020"),
    *("00100021", "00100030", "00100040", "0020000D", "00200010"),
)
OF_SERIES: Final = (
    *("00080021", "00080031", "00080060", "00080070", "0008103E", "00081010", "00180015", "0020000E", "00200011"),
    *("00200060", "00400244", "00400245", "00400275"),
)
OF_INSTANCE: Final = (
    *("00080016", "00080018", "00080023", "00080033", "00200013", "00280008", "00280010", "00280011", "00280100"),
    *("0040A043", "0040A491", "0040A493", "00420010", "00420012", "00700080", "00700081", "00700082", "00700083"),
)
"""Attributes by which studies, series and instances are searched, and which lists show (PS3.18 10.6.3)."""
_WANTED: Final = frozenset(int(tag, 16) for tag in (*OF_STUDY, *OF_SERIES, *OF_INSTANCE))
_HEAD: Final = 64 * 1024  # bytes, in which Krypton's own File Meta ends
_CHUNK: Final = 1024 * 1024
_LAST: Final = 2**31
"""Orders what has no number after what has one."""


@dataclass(frozen=True)
class Entry:
    """An instance as read. ``document``: its metadata, one line of JSON."""

    series: str
    row: Row
    document: str
    study_said: Mapping[str, Any]
    series_said: Mapping[str, Any]


def read_entry(root: Path, claim: str, most: Most = UNBOUNDED) -> Entry:
    """Read an instance by its path below the root. Raises Refused: it cannot be read; OSError."""
    path, sop_uid = root / claim, Path(claim).name
    size, digest = digest_of(path)
    with opened(path, most) as stored:
        described = describe(stored, f"instances/{sop_uid}/bulkdata/", _WANTED)
        syntax = stored.transfer_syntax
    series = _series(path, described.said)
    row = {
        "sop_uid": sop_uid,
        "claim": claim,
        "size": size,
        "digest": digest,
        "transfer_syntax": syntax,
        "frames": described.frames.document() if described.frames else None,
        "problem": described.problem,
        "said": _some(described.said, OF_INSTANCE),
    }
    return Entry(series, row, described.document, _some(described.said, OF_STUDY), _some(described.said, OF_SERIES))


def _series(path: Path, said: Mapping[str, Any]) -> str:
    uid = first(said, "0020000E")
    return uid if isinstance(uid, str) and is_uid(uid) else instance_in(path).series_uid


def _some(said: Mapping[str, Any], tags: tuple[str, ...]) -> dict[str, Any]:
    return {tag: said[tag] for tag in tags if tag in said}


def first(said: Mapping[str, Any], tag: str) -> Any:
    """The first value of an attribute; None where there is none."""
    return next(iter(said.get(tag, {}).get("Value", ())), None)


def order(row: Row) -> tuple[int, str]:
    """By instance number; then by UID, for want of a better one."""
    number = first(row["said"], "00200013")
    return (number if isinstance(number, int) else _LAST), row["sop_uid"]


def digest_of(path: Path) -> tuple[int, str]:
    """Size of a file, and hex of the SHA-256 of its data set.

    Raises Unreadable: no DICOM file, or the digest is not the one that the file states of itself; OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # not mapped: a broken disk is to be an error, and no signal
    try:
        size = os.fstat(fd).st_size
        at = meta_of(fd, size).offset
        stated = seal_of(os.pread(fd, _HEAD, 0))
        digest = hashlib.sha256()
        while chunk := os.pread(fd, _CHUNK, at):
            digest.update(chunk)
            at += len(chunk)
    finally:
        os.close(fd)
    if stated and stated[1] != digest.hexdigest():
        raise Unreadable("its bytes are not those that came in: the digest that it states is another one")
    return size, digest.hexdigest()


def unreadable(broken: OSError) -> str:
    """What is said of a file that the disk cannot read. Raises the error where the disk is not at fault."""
    if broken.errno != errno.EIO:
        raise broken
    return "the disk cannot read it"


def as_line(document: Mapping[str, Any]) -> bytes:
    """A line of JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def exists(root: Path, claim: str) -> bool:
    """Whether an instance is there. Raises VolumeAway: that cannot be told."""
    return os.path.isfile(f"{root}/{claim}") or is_there(root / claim)  # noqa: PTH113  see Spool.claim_below
