"""The instances of a retrieval: which there are, in which syntax each can go out, and its bytes."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from adapters.archive.archive import Archive, NotHeld
from adapters.archive.entry import Row, first
from adapters.archive.source import meta_of
from adapters.archive.values import turned, width
from adapters.dicom.network.contexts import EXPLICIT, IMPLICIT, UNCOMPRESSED
from adapters.dicom.network.outgoing import Made, Source, Stored
from adapters.dicom.network.pdu import Negotiated
from adapters.dicom.refusal import Unreadable
from adapters.retrieval.levels import Wanted

_WORDS: Final = frozenset({"OD", "OF", "OL", "OV", "OW"})
_BIG_ENDIAN: Final = UNCOMPRESSED[3]


class NoSyntax(Exception):
    """The receiver takes the instance in no syntax that it can be given in."""


@dataclass(frozen=True)
class Instance:
    """A stored instance that may be given out. ``study``: the ledger's; ``path``: its file, of ``size`` bytes."""

    study: str
    sop_class: str
    sop_uid: str
    syntax: str
    path: str
    size: int


def instances_of(archive: Archive, studies: Sequence[str], wanted: Wanted) -> tuple[list[Instance], bool]:
    """Those of the studies that are wanted, each once; and whether some of the studies are not kept here."""
    found: dict[str, Instance] = {}
    elsewhere = False
    for study in studies:
        try:
            for row in _rows(archive, study, wanted):
                found.setdefault(row["sop_uid"], _instance(archive, study, row))
        except NotHeld:
            elsewhere = True
    return list(found.values()), elsewhere


def _rows(archive: Archive, study: str, wanted: Wanted) -> Iterator[Row]:
    for series in archive.study(study)["series"]:
        if not wanted.series or series["uid"] in wanted.series:
            rows = archive.each(study, series["uid"])
            yield from (row for row in rows if not wanted.instances or row["sop_uid"] in wanted.instances)


def _instance(archive: Archive, study: str, row: Row) -> Instance:
    sop_class = str(first(row["said"], "00080016") or "")
    return Instance(
        study, sop_class, row["sop_uid"], row["transfer_syntax"], f"{archive.spool.root}/{row['claim']}", row["size"]
    )


Fit = Mapping[tuple[str, str], Negotiated]
"""Contexts that a receiver takes instances on, by class and transfer syntax."""


def fit(contexts: Iterable[Negotiated]) -> Fit:
    """See ``Fit``: made once for an association, which may have a hundred."""
    return {(one.abstract, one.transfer): one for one in contexts}


def chosen(instance: Instance, contexts: Fit) -> Negotiated:
    """The context in which it goes out: as it is stored, else uncompressed where it is. Raises NoSyntax."""
    fallback = (EXPLICIT, IMPLICIT) if instance.syntax in UNCOMPRESSED else ()
    for syntax in (instance.syntax, *fallback):
        if found := contexts.get((instance.sop_class, syntax)):
            return found
    raise NoSyntax


@contextmanager
def opened(instance: Instance, syntax: str) -> Iterator[Source]:
    """Its data set in that syntax. Raises OSError; Unreadable: it cannot be written so."""
    fd = os.open(instance.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        at = meta_of(fd, instance.size).offset
        if syntax == instance.syntax:
            yield Stored(fd, at, instance.size - at)
        else:
            yield Made(_rewritten(instance.path, implicit=syntax == IMPLICIT))
    finally:
        os.close(fd)


def _rewritten(path: str, *, implicit: bool) -> bytes:
    """The data set in little endian. Raises Unreadable."""
    from pydicom import dcmread
    from pydicom.filebase import DicomFileLike
    from pydicom.filewriter import write_dataset

    try:
        dataset = dcmread(path)
        if dataset.file_meta.TransferSyntaxUID == _BIG_ENDIAN:
            dataset.walk(_turn)
        out = BytesIO()
        file = DicomFileLike(out)
        file.is_implicit_VR, file.is_little_endian = implicit, True
        write_dataset(file, dataset)
        return out.getvalue()
    except Exception:
        raise Unreadable("it cannot be written in another transfer syntax") from None


def _turn(_: Any, element: Any) -> None:
    """Words that nobody has taken apart go into the other byte order."""
    if element.VR in _WORDS and isinstance(element.value, bytes):
        element.value = turned(element.value, width(element.VR))


Between = Callable[[], None]
