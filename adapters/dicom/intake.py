"""Takes in one DICOM instance: reads its header, detects duplicates and conflicts, and stores it durably."""

import io
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from adapters.dicom.attributes import Instance, read_header, read_instance
from adapters.dicom.batch import Held
from adapters.dicom.completeness import Stream
from adapters.dicom.documents import Document, document_of, is_structured
from adapters.dicom.part10 import MEDIA_DIRECTORY, dataset_digest, file_meta, mapped, read_file_meta
from adapters.dicom.refusal import DigestDiffers, ListsFiles, Unreadable
from adapters.durable import Bytes
from adapters.inbox.spool import Desk, Kept, Name


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An instance as received. ``data`` from ``offset`` on is the dataset; before it is a file's own File Meta.

    ``sender``: the calling AE title of a dataset from the network, which has no File Meta yet.
    """

    site: str
    actor: str
    transfer_syntax: str
    stream: Stream
    data: Bytes
    offset: int = 0
    sender: str | None = None

    def header(self, *, whole: bool = False) -> Dataset:
        """The dataset up to the pixel data. Raises Unreadable."""
        self.stream.seek(self.offset)
        return read_header(self.stream, len(self.data), self.transfer_syntax, whole=whole)

    def parts(self, instance: Instance) -> list[Bytes]:
        """The bytes of the file to store."""
        if self.sender is None:
            return [self.data]
        meta = file_meta(
            sop_class=instance.sop_class,
            sop_uid=instance.sop_uid,
            transfer_syntax=self.transfer_syntax,
            sender=self.sender,
        )
        return [meta, self.data]


def keep(desk: Desk, sent: Sent) -> Held | None:
    """Store it durably; None if the identical instance is held already. Raises Refused, OSError of the spool."""
    header = sent.header()
    instance = read_instance(header)
    digest = dataset_digest(sent.data, sent.offset)
    if desk.holds(sent.site, instance.sop_uid, digest):
        return None
    document = _document(sent, instance, header)
    name = Name.new(sent.site, sent.actor, uid=instance.sop_uid, digest=digest)
    kept = desk.keep(name, sent.parts(instance))
    if kept is Kept.CONFLICT:
        raise DigestDiffers(
            f"SOP instance {name.uid} is held with other content: the first one stands, this one is in conflicts/"
        )
    return Held(name, instance, document) if kept is Kept.NEW else None


def keep_file(desk: Desk, path: Path, *, site: str, actor: str) -> Held | None:
    """Take in a file's instance, unchanged. Raises as ``keep`` does, and ListsFiles for a DICOMDIR."""
    with ExitStack() as opened:
        try:
            data = opened.enter_context(mapped(path))
        except OSError as error:
            raise Unreadable(f"it cannot be read: {error.strerror}") from None
        meta = read_file_meta(data)
        if meta.sop_class == MEDIA_DIRECTORY:
            raise ListsFiles("a DICOMDIR is no instance: give it to krypton ingest")
        syntax = meta.transfer_syntax
        sent = Sent(site=site, actor=actor, transfer_syntax=syntax, stream=data, data=data, offset=meta.offset)
        return keep(desk, sent)


def keep_dataset(desk: Desk, dataset: io.BytesIO, *, site: str, sender: str, transfer_syntax: str) -> Held | None:
    """Take in a dataset sent by the AE title ``sender``. Raises as ``keep`` does."""
    with dataset.getbuffer() as data:
        sent = Sent(
            site=site,
            actor=f"aet:{sender}",
            transfer_syntax=transfer_syntax,
            stream=dataset,
            data=data,
            sender=sender,
        )
        return keep(desk, sent)


def read_back(desk: Desk, name: Name) -> Held:
    """An instance that was kept before. Raises Refused, OSError."""
    with mapped(desk.spool.claim(name.site, name.uid)) as data:
        meta = read_file_meta(data)
        sent = Sent(
            site=name.site,
            actor=name.actor,
            transfer_syntax=meta.transfer_syntax,
            stream=data,
            data=data,
            offset=meta.offset,
        )
        header = sent.header()
        instance = read_instance(header)
        return Held(name, instance, _document(sent, instance, header))


def _document(sent: Sent, instance: Instance, header: Dataset) -> Document | None:
    return document_of(instance, sent.header(whole=True) if is_structured(instance.sop_class) else header)
