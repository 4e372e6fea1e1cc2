"""The tutorial's files: the same every time, and taken in as the tutorial says."""

from pathlib import Path

import pytest

from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from krypton.devstack import samples
from tests.fakes.dicom import OTHER_SITE, SITE, enrolled, of_type
from tests.fakes.ledger import MemoryLedger


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files."""
    made = tmp_path_factory.mktemp("samples")
    samples.write(made)
    return made


@pytest.fixture
def ledger(folder: Path, tmp_path: Path) -> MemoryLedger:
    """Both hospitals' files taken in."""
    ours, spool = enrolled(), spool_at(tmp_path, room=0)
    for site, of_site in ((SITE, "chu-bdx"), (OTHER_SITE, "ch-pau")):
        ingest_paths([folder / of_site], site, ours, spool, lambda _: None)
    return ours


def test_they_are_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    again = samples.write(tmp_path)
    assert [path.read_bytes() for path in again] == [
        (folder / path.relative_to(tmp_path)).read_bytes() for path in again
    ]


def test_two_hospitals_send_three_studies_of_three_identities(ledger: MemoryLedger) -> None:
    assert len(of_type(ledger, "identity.registered")) == 3
    assert sorted(event.data["instances"] for event in of_type(ledger, "study.arrived")) == [1, 4, 4]


def test_each_dose_report_is_read_whole(ledger: MemoryLedger) -> None:
    doses = [event.data for event in of_type(ledger, "dose.reported")]
    assert sorted(sum(one["dlp_mgycm"] for one in dose["exposures"]) for dose in doses) == [240.0, 921.5]
    assert sorted(dose["totals"]["dlp_mgycm"] for dose in doses) == [240.0, 921.5]
    assert not any(one["not_understood"] for dose in doses for one in dose["words"]["exposures"])


def test_what_cannot_be_taken_in_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    done = ingest_paths([folder / "chu-bdx"], SITE, enrolled(), spool_at(tmp_path, room=0), lambda _: None)
    assert {Path(one["path"]).name: one["reason"].split(":")[0] for one in done.refused} == {
        "notes.txt": "not a DICOM file",
        "without-number.dcm": "PatientID is missing",
    }
