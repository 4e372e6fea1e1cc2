"""A DICOM service with small bounds, for tests that call it with bytes of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from adapters.dicom.inlet import spool_at
from adapters.dicom.network.admission import Slots
from adapters.dicom.network.agreed import Patience
from adapters.dicom.network.knocking import Waits
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.dicom.store import Bounds
from adapters.inbox.batches import Limits
from bench.dicom_peer import Peer
from tests.fakes.dicom import SITE, enrolled, instance, part10

Make = Callable[..., "Ward"]


class Ward:
    """A service with small bounds."""

    def __init__(self, folder: Path, doors: Doors, ways: Ways) -> None:
        ledger = enrolled()

        def site_of(ae_title: str) -> str | None:
            return ledger.log.site_of(ae_title)

        self.ledger, self.spool, self.told = ledger, spool_at(folder, room=0), []  # type: ignore[var-annotated]
        self.service = StorageService(
            ledger=ledger, spool=self.spool, site_of=site_of, refused=self.told.append, doors=doors, ways=ways
        )
        self.service.start()

    def peer(self, address: str = "127.0.0.1") -> Peer:
        return Peer(self.service.port, address)

    def is_held(self, uid: str) -> bool:
        return self.spool.claim(SITE, uid).exists()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    wards: list[Ward] = []

    def ward(
        waits: Waits | None = None,
        slots: Slots | None = None,
        patience: Patience | None = None,
        bounds: Bounds | None = None,
    ) -> Ward:
        doors = Doors(port=0, slots=slots or Slots(), waits=waits or Waits())
        limits = Limits(quiet_s=0.3, linger_s=0.05)
        ways = Ways(batches=limits, bounds=bounds or Bounds(), patience=patience or Patience())
        wards.append(Ward(tmp_path / f"spool{len(wards)}", doors, ways))
        return wards[-1]

    yield ward
    for one in wards:
        one.service.stop(grace_s=1)


def dataset_of(uid: str, **changes: object) -> bytes:
    """The encoded dataset of an instance."""
    whole = part10(instance(SOPInstanceUID=uid, **changes), ExplicitVRLittleEndian)
    return whole[read_file_meta(whole).offset :]
