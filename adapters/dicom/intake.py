"""Takes in one DICOM instance: reads its header, detects duplicates and conflicts, and stores it durably."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

from pydicom.dataset import Dataset

from adapters.dicom.attributes import Instance, read_header, read_instance
from adapters.dicom.batch import Held, Second
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.completeness import Stream
from adapters.dicom.content import content_of, differing
from adapters.dicom.documents import Document, document_of, is_structured
from adapters.dicom.network.association import ToStore
from adapters.dicom.part10 import MEDIA_DIRECTORY, FileMeta, dataset_digest, file_meta, mapped, read_file_meta
from adapters.dicom.rdsr.gathered import Gathered
from adapters.dicom.rdsr.images import Irradiated, read_image_dose
from adapters.dicom.rdsr.tree import Tree
from adapters.dicom.refusal import ListsFiles, NotAsNamed, Unreadable
from adapters.dicom.structured import read_structured
from adapters.inbox.arriving import Arriving
from adapters.inbox.desk import Desk, Kept
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name, Spool
from domain.commands.doses import ReceivedDose

Check = Callable[[Instance], None]
"""Looks at what an instance says of itself, before it is kept. Raises Refused."""
NOT_COMPARED = "(not compared)"
"""Stands for the attributes that differ, where the two could not be compared."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An instance as received: ``stream`` from ``offset`` to ``end`` is its dataset, of that ``digest``.

    ``store``: makes it an item of the spool; ``named``: the SOP class that the sender or the File Meta names.
    """

    named: str
    site: str
    actor: str
    transfer_syntax: str
    stream: Stream
    end: int
    digest: str
    store: Callable[[Name], Kept]
    offset: int = 0
    most: Most = UNBOUNDED

    def read(self, sop_class: str = "") -> "Read":
        """Its header, and of a structured document the content. Raises Unreadable.

        ``sop_class``: what it is in truth, where that is known and is not what it was named.
        """
        self.stream.seek(self.offset)
        if is_structured(sop_class or self.named):
            return Read(*read_structured(self.stream, self.end, self.transfer_syntax, self.most))
        return Read(read_header(self.stream, self.end, self.transfer_syntax, most=self.most))


class Read(NamedTuple):
    """What was read of an instance."""

    header: Dataset
    tree: Tree | None = None


def keep(desk: Desk, sent: Sent, *, check: Check | None = None) -> Held | None:
    """Store it durably; None if it is held already, with the same content in whatever transfer syntax, or if this
    content was put aside before. One of other content than the first is kept beside it, for somebody to decide.
    Raises Refused, OSError of the spool.
    """
    read = sent.read()
    instance = read_instance(read.header)
    if check:
        check(instance)
    first = desk.spool.claim(sent.site, instance.sop_uid)
    held = first.exists()
    if held and desk.holds(sent.site, instance.sop_uid, sent.digest):
        return None
    name = Name.new(sent.site, sent.actor, uid=instance.sop_uid, digest=sent.digest)
    if held and (desk.spool.aside(name).exists() or not _differs(first, sent)):
        return None
    document = _document(sent, instance, read)
    kept = sent.store(name)
    if kept is Kept.CONFLICT:
        differs = second(first, desk.path(name))
        if not differs.differing:  # somebody was faster, with the same content in other bytes
            desk.path(name).unlink()
            return None
        return Held(name, instance, document, differs, _irradiated(read))
    return Held(name, instance, document, None, _irradiated(read)) if kept is Kept.NEW else None


def _differs(first: Path, sent: Sent) -> list[str]:
    """What differs of one that is held; empty where it is the same content in other bytes."""
    try:
        with mapped(first) as data:
            meta = read_file_meta(data)
            held = content_of(data, meta.offset, len(data), meta.transfer_syntax, sent.most)
        return differing(held, content_of(sent.stream, sent.offset, sent.end, sent.transfer_syntax, sent.most))
    except Refused:  # too large to be parsed as a whole, or damaged on the disk: somebody compares them
        return [NOT_COMPARED]


def second(first: Path, path: Path) -> Second:
    """What an instance differs in from the first one of its UID. Raises Refused, OSError."""
    with mapped(first) as held, mapped(path) as data:
        sent = _in_file(data, read_file_meta(data), "", "", lambda _: Kept.NEW)
        of = _in_file(held, read_file_meta(held), "", "", lambda _: Kept.NEW)
        return Second(read_instance(of.read().header), tuple(_differs(first, sent)))


def keep_file(desk: Desk, path: Path, *, site: str, actor: str, most: Most = UNBOUNDED) -> Held | None:
    """Take in a file's instance, unchanged. Raises as ``keep`` does, and ListsFiles for a DICOMDIR."""
    with ExitStack() as opened:
        try:
            data = opened.enter_context(mapped(path))
        except OSError as error:
            raise Unreadable(f"it cannot be read: {error.strerror}") from None
        meta = read_file_meta(data)
        if meta.sop_class == MEDIA_DIRECTORY:
            raise ListsFiles("a DICOMDIR is no instance: give it to krypton ingest")
        sent = _in_file(data, meta, site, actor, lambda name: desk.keep(name, [data]))
        return keep(desk, replace(sent, most=replace(most, scratch=desk.scratch)))


def arriving(desk: Desk, named: ToStore, sender: str) -> Arriving:
    """A dataset that begins to come, as a file of Krypton's; then ``keep_dataset``. ``sender``: an AE title or none."""
    head = partial(
        file_meta,
        sop_class=named.sop_class,
        sop_uid=named.sop_uid,
        transfer_syntax=named.transfer_syntax,
        sender=sender,
    )
    return Arriving(desk, lambda digest: head(digest=digest))


def keep_dataset(
    desk: Desk,
    came: Arriving,
    named: ToStore,
    *,
    site: str,
    actor: str,
    most: Most = UNBOUNDED,
    check: Check | None = None,
) -> Held | None:
    """Take in a dataset that has come whole, and is the instance that was ``named``. Raises as ``keep`` does."""

    def checked(instance: Instance) -> None:
        if (named.sop_class, named.sop_uid) != (instance.sop_class, instance.sop_uid):
            raise NotAsNamed("its data set is of another SOP class or instance than its sender names")
        if check:
            check(instance)

    stream, offset = came.opened()
    sent = Sent(
        named=named.sop_class,
        site=site,
        actor=actor,
        transfer_syntax=named.transfer_syntax,
        stream=stream,
        offset=offset,
        end=offset + came.size,
        digest=came.digest(),
        store=came.keep,
        most=replace(most, scratch=desk.scratch),
    )
    return keep(desk, sent, check=checked)


def read_back(desk: Desk, name: Name) -> Held:
    """An instance that was kept before, whatever the bounds are now. Raises Refused, OSError."""
    path, first = desk.where(name), desk.spool.claim(name.site, name.uid)
    with mapped(path) as data:
        sent = _in_file(data, read_file_meta(data), name.site, name.actor, lambda _: Kept.NEW)
        read = sent.read()
        instance = read_instance(read.header)
        document = _document(sent, instance, read)
    return Held(name, instance, document, None if path.samefile(first) else second(first, path), _irradiated(read))


def instance_in(path: Path) -> Instance:
    """What an instance in a file says of itself. Raises Refused, OSError."""
    with mapped(path) as data:
        sent = _in_file(data, read_file_meta(data), "", "", lambda _: Kept.NEW)
        return read_instance(sent.read().header)


def dose_aside(spool: Spool, site: str, uid: str, digest: str) -> ReceivedDose | None:
    """What a dose report states that was put aside. Raises Refused, OSError."""
    return dose_in(spool.aside(Name.new(site, "", uid=uid, digest=digest)), site)


def dose_in(path: Path, site: str) -> ReceivedDose | None:
    """What a dose report in a file states, as it is read now; None: no dose can be read. Raises Refused, OSError."""
    with mapped(path) as data:
        sent = _in_file(data, read_file_meta(data), site, "", lambda _: Kept.NEW)
        read = sent.read()
        document = _document(sent, read_instance(read.header), read)
    return document.dose if document else None


def doses_of_images(paths: Iterable[Path], study_uid: str) -> list[ReceivedDose]:
    """What these images of a study state, as they are read now, by device. Raises Refused, OSError."""
    gathered = Gathered()
    for path in paths:
        with mapped(path) as data:
            read = _in_file(data, read_file_meta(data), "", "", lambda _: Kept.NEW, digest="").read()
            if irradiated := _irradiated(read):
                gathered.add(irradiated, read_instance(read.header).sop_uid)
    return [*gathered.received(study_uid)]


def _in_file(
    data: mmap, meta: FileMeta, site: str, actor: str, store: Callable[[Name], Kept], digest: str | None = None
) -> Sent:
    return Sent(
        named=meta.sop_class,
        site=site,
        actor=actor,
        transfer_syntax=meta.transfer_syntax,
        stream=data,
        offset=meta.offset,
        end=len(data),
        digest=dataset_digest(data, meta.offset) if digest is None else digest,
        store=store,
    )


def _irradiated(read: Read) -> Irradiated | None:
    return None if read.tree else read_image_dose(read.header)


def _document(sent: Sent, instance: Instance, read: Read) -> Document | None:
    if read.tree is None and is_structured(instance.sop_class):  # its File Meta named another class
        read = sent.read(instance.sop_class)
    return document_of(instance, read.tree)
