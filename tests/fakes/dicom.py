"""Plainly fictitious DICOM objects, as small as they may be, and the sites that send them."""

import io
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.transport import AssociationSocket

from adapters.dicom.part10 import read_file_meta
from adapters.dicom.rdsr.tree import Tree
from adapters.dicom.structured import Structured, read_structured
from domain.commands.directory import EnrollSite
from domain.commands.studies import ReceiveStudy
from domain.ports import Answer
from domain.work import A, Command, Envelope
from schemas.event import LedgerEvent
from tests.fakes.ledger import MemoryLedger

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
ROOT = "1.2.826.0.1.3680043.10.1999."  # of test objects; the numbers below it are made up
_numbers = count(1)

SITE, AE_TITLE, OTHER_SITE, OTHER_AE_TITLE = "CHB", "CHB_PACS", "CHP", "CHP_PACS"


def _closed(self: Any) -> None:
    """Closes a sender's socket even where the peer reset the connection first."""
    if self.socket is not None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


AssociationSocket._shutdown_socket = _closed  # pynetdicom 3.0.4 leaves it open where ``shutdown`` fails


def enrolled() -> MemoryLedger:
    """A ledger with two establishments."""
    ledger = MemoryLedger()
    ledger.ask(EnrollSite(code=SITE, name="CH du Bac à sable", ae_titles=(AE_TITLE,)))
    ledger.ask(EnrollSite(code=OTHER_SITE, name="CH du Parc d'essai", ae_titles=(OTHER_AE_TITLE,)))
    return ledger


def new_uid() -> str:
    """A UID that no other test object has in this process."""
    return str(generate_uid(prefix=ROOT, entropy_srcs=[str(next(_numbers)), ROOT]))


def instance(**changes: Any) -> Dataset:
    """A CT image of an invented person; ``changes`` by keyword, None to leave an attribute out."""
    dataset = Dataset()
    stated = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": new_uid(),
        "StudyDate": "20260105",
        "StudyTime": "101500",
        "AccessionNumber": "A-1",
        "Modality": "CT",
        "StudyDescription": "Scanner d'essai",
        "PatientName": "ESSAI^Élodie",
        "PatientID": "T-1",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyInstanceUID": ROOT + "1",
        "SeriesInstanceUID": ROOT + "1.1",
    } | changes
    for keyword, value in stated.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def report(sop_class: str = BASIC_TEXT_SR, *, content: int = 1, **changes: Any) -> Dataset:
    """A structured report with so many content items."""
    dataset = instance(SOPClassUID=sop_class, Modality="SR", **changes)
    dataset.ValueType = "CONTAINER"
    dataset.ConceptNameCodeSequence = Sequence([_code("18748-4", "LN", "Compte rendu d'imagerie")])
    dataset.ContentSequence = Sequence([_text_item() for _ in range(content)])
    return dataset


def _text_item() -> Dataset:
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = Sequence([_code("121071", "DCM", "Finding")])
    item.TextValue = "Sans particularité."
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def part10(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The bytes of its file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or CT_IMAGE
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or ROOT + "9"
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def tree_of(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Tree:
    """Its content tree, as it is read from the bytes of its file."""
    return structured(part10(dataset, syntax)).tree


def structured(file: bytes) -> Structured:
    """A file's report, as the intake reads it."""
    meta, stream = read_file_meta(file), io.BytesIO(file)
    stream.seek(meta.offset)
    return read_structured(stream, len(file), meta.transfer_syntax)


def write(folder: Path, datasets: Iterable[Dataset]) -> list[Path]:
    """One file each, in a folder that is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, dataset in enumerate(datasets):
        path = folder / f"{number:04}.dcm"
        path.write_bytes(part10(dataset))
        paths.append(path)
    return paths


def of_type(ledger: MemoryLedger, *types: str) -> list[LedgerEvent]:
    """The ledger's events of these types."""
    return [event for event in ledger.history() if event.type in types]


def instances_recorded(ledger: MemoryLedger) -> int:
    """How many instances the ledger counts, over all studies."""
    return sum(e.data["instances"] for e in of_type(ledger, "study.arrived", "study.extended"))


class FlakyLedger:
    """Passes commands on, but fails as a database does that is away: so many times, or until told otherwise."""

    def __init__(self, ledger: MemoryLedger, failures: int) -> None:
        self.ledger = ledger
        self.failures = failures
        self.asked = 0

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Fail, or ask the ledger."""
        self.asked += isinstance(command, ReceiveStudy)
        if self.failures > 0:
            self.failures -= 1
            raise ConnectionError("the database is away")
        return self.ledger.execute(command, by)

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """Ask the ledger."""
        return self.ledger.find(cls, aggregate_id)


class Heard:
    """The answer to an association request, as it came: a requestor of pynetdicom may take a quick one for a failure.

    Its negotiation looks whether the socket is open after its other thread has read the rejection and closed it.
    """

    def __init__(self) -> None:
        self.rejection: tuple[int, int, int] | None = None

    def __call__(self, event: Any) -> None:
        """For ``evt.EVT_PDU_RECV``."""
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            self.rejection = (event.pdu.result, event.pdu.source, event.pdu.reason_diagnostic)


def stored(associate: Callable[[], Any], datasets: Iterable[Dataset]) -> list[Dataset]:
    """The answer to each C-STORE, all on one association.

    What has no answer is sent again on another one: where its threads wait for a processor, pynetdicom may take an
    answer for a request of the peer's, and wait for it until the association ends.
    """
    association, answers = associate(), []
    for dataset in datasets:
        while "Status" not in (answer := _answer(association, dataset)):
            association = associate()
        answers.append(answer)
    association.release()
    return answers


def _answer(association: Any, dataset: Dataset) -> Dataset:
    """Empty where none came."""
    return association.send_c_store(dataset) if association.is_established else Dataset()


def no_delay(event: Any) -> None:
    """For pynetdicom's senders: Nagle's algorithm and our delayed acknowledgement would cost 40 ms an instance."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
