"""What may be given out, by a test's word; and a DICOM service over it, with instances that it took in."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from adapters.archive.archive import Archive
from adapters.dicom.inlet import spool_at
from adapters.dicom.network.dimse import Operation
from adapters.dicom.network.requestor import Callee
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.inbox.batches import Limits
from adapters.inbox.filed import listing
from adapters.retrieval.commitment import Commitments
from adapters.retrieval.finding import Finder
from adapters.retrieval.giving import Giver
from adapters.retrieval.port import Asker
from adapters.retrieval.service import Served
from domain.query_keys import Kind, condition, fits
from tests.fakes.dicom import SITE, enrolled
from tests.fakes.retrieving import Receiver
from tests.waiting import until


def as_sent(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """With the file meta that a sender needs."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@dataclass
class OpenShelf:
    """Whoever asks may see everything but what is ``closed``; ``asked`` notes what was asked for."""

    events: Callable[[], Any]
    archive: Archive
    closed: set[str] = field(default_factory=set)
    asked: list[tuple[Asker, str]] = field(default_factory=list)
    looked: Callable[[], None] = lambda: None
    broken: bool = False

    def all_of(self) -> dict[str, tuple[str, ...]]:
        """Ids of all studies, by UID."""
        found: dict[str, tuple[str, ...]] = {}
        for event in self.events():
            if event.type == "study.arrived":
                uid = event.data["study_uid"]
                found[uid] = (*found.get(uid, ()), str(event.data["study_id"]))
        return found

    def person(self, asker: Asker, number: str, issuer: str) -> str | None:
        """See ``Shelf``: the number itself."""
        self.asked.append((asker, f"person {issuer}|{number}"))
        return number if any(self._of(study, number) for ids in self.all_of().values() for study in ids) else None

    def uids(self, asker: Asker, number: str, issuer: str) -> list[str]:
        """See ``Shelf``."""
        return [uid for uid in self.all_of() if self.studies(asker, uid, number)]

    def studies(self, asker: Asker, uid: str, person: str | None) -> tuple[str, ...]:
        """See ``Shelf``."""
        self.looked()
        self.asked.append((asker, uid))
        if self.broken:
            raise RuntimeError("the database is away")
        ids = () if uid in self.closed else self.all_of().get(uid, ())
        return tuple(one for one in ids if person is None or self._of(one, person))

    def found(self, asker: Asker, keys: Mapping[str, str], most: int) -> tuple[list[dict[str, Any]], bool]:
        """See ``Shelf``: by UID, patient id, accession number and date alone."""
        self.asked.append((asker, f"found {sorted(keys)}"))
        kinds = {"StudyInstanceUID": ("0020000D", Kind.UID), "PatientID": ("00100020", Kind.NUMBER_OF)}
        kinds |= {"AccessionNumber": ("00080050", Kind.NUMBER_OF), "StudyDate": ("00080020", Kind.DATE)}
        conditions = [(kinds[name][0], condition(name, kinds[name][1], key)) for name, key in keys.items()]
        shown = []
        for uid, ids in self.all_of().items():
            for study in ids if uid not in self.closed else ():
                said = self.archive.study(study)["said"]
                if all(fits(one, said.get(tag, {}).get("Value", ())) for tag, one in conditions):
                    shown.append({**{tag: said[tag] for tag in said if tag != "00200010"}, "id": study})
        return shown[:most], len(shown) > most

    def _of(self, study: str, number: str) -> bool:
        said = self.archive.study(study)["said"]
        return bool(number in said["00100020"]["Value"])


@dataclass
class Places:
    """``adapters.retrieval.port.Places``: by establishment and AE title."""

    known: dict[tuple[str, str], Callee] = field(default_factory=dict)

    def callee(self, site: str, ae_title: str) -> Callee | None:
        """See ``Places``."""
        return self.known.get((site, ae_title))


class Gallery:
    """A DICOM service that takes in, finds and gives out."""

    def __init__(self, folder: Path, *, most: int = 500, queries: bool = True) -> None:
        self.ledger = enrolled()
        self.spool = spool_at(folder, room=0)
        self.archive = Archive(self.spool)
        self.shelf = OpenShelf(lambda: self.ledger.history(0), self.archive)
        self.places = Places()
        giver = Giver(self.shelf, self.archive, self.places, "KRYPTON")
        finder = Finder(self.shelf, self.archive, "KRYPTON", most)
        self.commitments = Commitments(self.spool, self.places, "KRYPTON", first_wait_s=0.1)
        by = {
            Operation.C_FIND: finder.serve,
            Operation.C_MOVE: giver.serve,
            Operation.C_GET: giver.serve,
            Operation.N_ACTION: self.commitments.serve,
        }
        self.service = StorageService(
            ledger=self.ledger,
            spool=self.spool,
            site_of=self.ledger.log.site_of,
            refused=lambda _: None,
            doors=Doors(port=0, queries=queries),
            ways=Ways(batches=Limits(quiet_s=0.1, linger_s=0.01)),
            serve=Served(by),
        )
        self.service.start()
        self.commitments.start()

    def take(self, sender: Any, *datasets: Dataset, syntax: str = ExplicitVRLittleEndian) -> None:
        """Send instances to it with pynetdicom, and wait until they are recorded and can be given out."""
        before = self._recorded()
        classes = {str(one.SOPClassUID) for one in datasets}
        sender.requested_contexts = []
        for each in classes:
            sender.add_requested_context(each, syntax)
        association = sender.associate("127.0.0.1", self.service.port, ae_title="KRYPTON")
        assert association.is_established
        for one in datasets:
            assert association.send_c_store(as_sent(one, syntax)).Status == 0
        association.release()
        until(lambda: self._recorded() >= before + len(datasets), "all instances are recorded")
        until(lambda: self._filed() >= self._recorded(), "all instances are filed, which follows")

    def _filed(self) -> int:
        studies = {study for ids in self.shelf.all_of().values() for study in ids}
        return sum(len(listing(self.spool, study)[1]) for study in studies)

    def _recorded(self) -> int:
        counted = 0
        for event in self.ledger.history(0):
            if event.type in ("study.arrived", "study.extended"):
                counted += event.data["instances"]
        return counted

    def stop(self) -> None:
        """End it."""
        self.commitments.stop()
        with suppress(OSError):
            self.service.stop(grace_s=1)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """For tests, which import it by name."""
    made = Gallery(tmp_path / "spool")
    yield made
    made.stop()


@pytest.fixture
def receiver(gallery: Gallery) -> Iterator[Receiver]:
    """A PACS to which it may send; imported by name, too."""
    made = Receiver()
    gallery.places.known[SITE, "CHB_PACS"] = made.callee
    yield made
    made.stop()
