"""DICOM as an inlet of the inbox: what the spool and the recorder must know of instances."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.dicom.batch import Held, StudyBatch
from adapters.dicom.intake import read_back
from adapters.dicom.part10 import dataset_digest, mapped, read_file_meta, seal_of
from adapters.inbox.batches import Batches, Limits
from adapters.inbox.desk import Desk
from adapters.inbox.recorder import Executes, Recorder
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import ROOM, Form, Name, Spool
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study


class Instances:
    """``adapters.inbox.recorder.Inlet`` of DICOM instances."""

    def read_back(self, desk: Desk, name: Name) -> Held:
        """See ``Inlet``."""
        return read_back(desk, name)

    def begin(self, item: Held) -> StudyBatch:
        """See ``Inlet``."""
        return StudyBatch(item.key)

    def owner(self, result: Mapping[str, Any]) -> str | None:
        """See ``Inlet``: the study."""
        return result.get("study")

    def erased(self, ledger: Executes, result: Mapping[str, Any]) -> bool:
        """See ``Inlet``: whose study it is now."""
        study = ledger.find(Study, UUID(result["study"])) if "study" in result else None
        person = ledger.find(Identity, study.identity_id) if study else None
        return person is not None and person.erased


def spool_at(root: Path, *, room: int = ROOM) -> Spool:
    """The spool of DICOM instances in a folder; a uid is a SOP Instance UID."""
    return Spool(root, Form("instances", ".dcm", file_digest, file_seal), room)


def recorder(desk: Desk, ledger: Executes, correlation: UUID | None = None) -> Recorder[Held]:
    """Records batches of instances; see ``Recorder``."""
    return Recorder(desk, ledger, Instances(), correlation)


def batches(limits: Limits) -> Batches[Held]:
    """The open batches of one process."""
    return Batches(Instances().begin, limits)


def file_digest(path: Path) -> str | None:
    """Of a file's dataset, without preamble and File Meta, which name the sender; None where there is none."""
    try:
        with mapped(path) as data:
            return dataset_digest(data, read_file_meta(data).offset)
    except (FileNotFoundError, Refused):
        return None


def file_seal(path: Path) -> tuple[str, str] | None:
    """The SOP Instance UID and digest that a file of Krypton's states; None where it is another one, or not whole."""
    try:
        with mapped(path) as data:
            return seal_of(data)
    except (FileNotFoundError, Refused):
        return None
