"""The two files of a series: its metadata document, ready to be sent, and its index. Each is whole, or as it was."""

import gzip
import hashlib
import heapq
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from adapters.archive.entry import Entry, Row, as_line, order
from adapters.archive.places import INDEX, METADATA
from adapters.durable import OWNER_ONLY, write

VERSION: Final = 1
"""Of what is in the files: those of another version are made again."""
_LEVEL: Final = 6


@dataclass
class Series:
    """What the index of a series says. ``study``, ``said``: attributes of the study and the series, as DICOM JSON."""

    uid: str
    rows: list[Row] = field(default_factory=list)
    study: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)


def load(folder: Path, uid: str) -> Series | None:
    """A series as it was written; None where its files are missing, damaged, or not of one writing."""
    try:
        with _metadata(folder, uid) as metadata:
            told, rows = _lines(folder, uid, metadata)
        return Series(uid, [json.loads(row) for row in rows], told["study"], told["said"])
    except (OSError, ValueError, KeyError):
        return None


def rows_of(folder: Path, uid: str) -> Iterator[Row] | None:
    """The rows alone, one at a time: those of thousands take much memory. None as ``load``."""
    try:
        with _metadata(folder, uid) as metadata:
            _, rows = _lines(folder, uid, metadata)
        return (json.loads(row) for row in rows)
    except (OSError, ValueError, KeyError):
        return None


def described(folder: Path, uid: str) -> Iterator[tuple[Row, bytes]] | None:
    """Each row with its document, one at a time. None as ``load``."""
    try:
        metadata = _metadata(folder, uid)
    except OSError:
        return None
    try:
        _, rows = _lines(folder, uid, metadata)
    except (OSError, ValueError, KeyError):
        metadata.close()
        return None
    return _together(rows, metadata)


def _together(rows: Sequence[bytes], metadata: BufferedReader) -> Iterator[tuple[Row, bytes]]:
    with metadata:
        metadata.seek(0)
        with gzip.open(metadata) as file:
            for row, document in zip(rows, _objects(file), strict=True):
                yield json.loads(row), document


def _objects(file: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of an array, but for its brackets."""
    return (line.rstrip(b",\n") for line in file if len(line) > 2)


def _metadata(folder: Path, uid: str) -> BufferedReader:
    """Open: another one may be put into its place."""
    return (folder / f"{uid}{METADATA}").open("rb")


def _lines(folder: Path, uid: str, metadata: BufferedReader) -> tuple[Mapping[str, Any], Sequence[bytes]]:
    """The first line of an index, and those of its rows. Raises OSError, ValueError, KeyError: not of one writing."""
    head, *rows = (folder / f"{uid}{INDEX}").read_bytes().splitlines()
    told = json.loads(head)
    if told["version"] != VERSION or told["metadata"] != _digest(metadata):
        raise ValueError(uid)
    return told, rows


def row_of(folder: Path, uid: str, sop_uid: str) -> Row | None:
    """One row of an index, without reading the others as JSON. Raises FileNotFoundError."""
    data = (folder / f"{uid}{INDEX}").read_bytes()
    at = data.find(b'\n{"sop_uid":"%s",' % sop_uid.encode()) + 1
    if not at:
        return None
    end = data.find(b"\n", at)
    row: Row = json.loads(data[at : end if end >= 0 else len(data)])
    return row


def save(folder: Path, held: Series | None, keeps: Sequence[Row], entries: Iterable[Entry]) -> Series:
    """Write a series of the rows that it ``keeps`` of what is held, and of new entries. Raises OSError."""
    new = sorted(entries, key=lambda entry: order(entry.row))
    uid = held.uid if held else new[0].series
    rows = list(heapq.merge(keeps, (entry.row for entry in new), key=order))
    lines = {entry.row["sop_uid"]: entry.document.encode() for entry in new}
    kept = {row["sop_uid"] for row in keeps}
    old = _documents(folder / f"{uid}{METADATA}", held.rows if held else (), kept)
    study, said = (held.study, held.said) if held else (new[0].study_said, new[0].series_said)
    metadata = folder / f"{uid}{METADATA}"
    digest = _write_gzip(metadata, (lines.get(row["sop_uid"]) or next(old) for row in rows))
    head = {"version": VERSION, "metadata": digest, "study": study, "said": said}
    write(folder / f"{uid}{INDEX}", b"\n".join(map(as_line, (head, *rows))), OWNER_ONLY)
    return Series(uid, rows, study, said)


def _documents(path: Path, rows: Sequence[Row], kept: set[str]) -> Iterator[bytes]:
    """Those that are kept, in the order of their rows."""
    if not kept:
        return
    with gzip.open(path) as file:
        for row, line in zip(rows, _objects(file), strict=True):
            if row["sop_uid"] in kept:
                yield line


def _write_gzip(path: Path, documents: Iterable[bytes]) -> str:
    """Write an array of them, compressed; hex of the file's SHA-256."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    with os.fdopen(fd, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0) as packed:
            before = b"[\n"
            for document in documents:
                packed.write(before + document)
                before = b",\n"
            packed.write(b"\n]\n")
        file.flush()
        os.fsync(file.fileno())
    with aside.open("rb") as file:
        digest = _digest(file)
    aside.replace(path)  # durable with the index, whose folder is synced
    return digest


def _digest(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()
