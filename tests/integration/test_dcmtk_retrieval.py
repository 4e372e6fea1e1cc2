"""dcmtk asks, fetches and receives: findscu, movescu with storescp, getscu. Skipped where they are not installed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from pydicom import dcmread

from adapters.archive.entry import digest_of
from adapters.dicom.bounds import UNBOUNDED
from adapters.dicom.folder import ingest_paths
from adapters.dicom.network.requestor import Callee
from tests.fakes.dicom import AE_TITLE, ROOT, SITE, instance
from tests.fakes.ports import free_port, listens
from tests.fakes.pydicom_files import PART_10
from tests.fakes.retrieving import STUDY, images, sender
from tests.fakes.shelf import Gallery, gallery
from tests.waiting import WITHIN_S, until

__all__ = ["gallery"]
pytestmark = pytest.mark.skipif(shutil.which("movescu") is None, reason="dcmtk is not installed")


def ran(program: str, gallery: Gallery, *options: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A program of dcmtk against the gallery."""
    return subprocess.run(
        [program, "-v", "-aet", AE_TITLE, "-aec", "KRYPTON", *options, "127.0.0.1", str(gallery.service.port)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=WITHIN_S,
        cwd=folder,
        env={**os.environ, "TCP_NODELAY": "1"},
        check=False,
    )


def keys(level: str = "STUDY", **more: str) -> list[str]:
    """As dcmtk takes them."""
    asked = {"QueryRetrieveLevel": level} | more
    return [word for name, value in asked.items() for word in ("-k", f"{name}={value}")]


@pytest.fixture
def storescp(gallery: Gallery, tmp_path: Path) -> Iterator[Path]:
    """A receiver of dcmtk that takes all transfer syntaxes; the folder in which it keeps what it is sent."""
    folder = tmp_path / "received"
    folder.mkdir()
    port = free_port()
    with subprocess.Popen(
        ["storescp", "+xa", "+B", "-aet", "CHB_PACS", "-od", str(folder), str(port)], stderr=subprocess.DEVNULL
    ) as receiver:
        until(lambda: listens(port), "storescp listens")
        gallery.places.known[SITE, "CHB_PACS"] = Callee(ae_title="CHB_PACS", host="127.0.0.1", port=port)
        yield folder
        receiver.terminate()
        receiver.wait()


def digests(folder: Path) -> dict[str, str]:
    """Of the data sets of files, by SOP Instance UID."""
    return {str(dcmread(file, stop_before_pixels=True).SOPInstanceUID): digest_of(file)[1] for file in folder.iterdir()}


def kept(gallery: Gallery) -> dict[str, str]:
    """Of all that the archive can show."""
    found = {}
    for ids in gallery.shelf.all_of().values():
        for study in ids:
            for series in gallery.archive.study(study)["series"]:
                for row in gallery.archive.instances(study, series["uid"]):
                    found[row["sop_uid"]] = sha256_of(gallery.archive.path(row), row["digest"])
    return found


def sha256_of(file: Path, stated: str) -> str:
    """The digest that the index states, which is the one of the file."""
    assert digest_of(file)[1] == stated
    return stated


def test_findscu_finds_studies_series_and_instances(gallery: Gallery, tmp_path: Path) -> None:
    gallery.take(sender(), *images(3))
    for options, number in (
        (["-S", *keys(StudyInstanceUID="", PatientName="", StudyDate="20260101-20260131")], 1),
        (["-S", *keys(StudyInstanceUID="", AccessionNumber="nothing")], 0),
        (["-S", *keys("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="", Modality="CT")], 2),
        (["-S", *keys("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{ROOT}1.2", SOPInstanceUID="")], 2),
        (["-P", *keys("PATIENT", PatientID="T-1", PatientName="")], 1),
    ):
        folder = tmp_path / f"answers-{uuid4().hex}"
        folder.mkdir()
        said = ran("findscu", gallery, "-X", "-od", str(folder), *options)
        assert said.returncode == 0, said.stderr
        assert len(list(folder.iterdir())) == number
    (answer,) = folder.iterdir()
    assert str(dcmread(answer, force=True).PatientName) == "ESSAI^Élodie"


def test_findscu_cancels(gallery: Gallery) -> None:
    gallery.take(sender(), *images(4))
    said = ran("findscu", gallery, "-S", "--cancel", "1", *keys("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=""))
    assert said.returncode == 0, said.stderr


def test_movescu_has_a_study_sent_to_storescp(gallery: Gallery, storescp: Path) -> None:
    sent = images(5)
    gallery.take(sender(), *sent)
    said = ran("movescu", gallery, "-S", "-aem", "CHB_PACS", *keys(StudyInstanceUID=STUDY))
    assert said.returncode == 0, said.stderr
    assert digests(storescp) == kept(gallery)
    assert len(kept(gallery)) == 5


def test_movescu_is_told_that_a_destination_is_unknown(gallery: Gallery) -> None:
    gallery.take(sender(), *images(1))
    said = ran("movescu", gallery, "-S", "-aem", "NOWHERE", *keys(StudyInstanceUID=STUDY))
    assert "MoveDestinationUnknown" in said.stderr + said.stdout
    assert gallery.shelf.asked == []


def test_getscu_brings_a_series_on_its_own_association(gallery: Gallery, tmp_path: Path) -> None:
    gallery.take(sender(), *images(5))
    folder = tmp_path / "got"
    folder.mkdir()
    asked = keys("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{ROOT}1.2")
    said = ran("getscu", gallery, "-S", "+B", "-od", str(folder), *asked)
    assert said.returncode == 0, said.stderr
    got = digests(folder)
    assert got.items() <= kept(gallery).items()
    assert len(got) == 3


def test_what_came_in_in_any_transfer_syntax_goes_out_byte_for_byte(gallery: Gallery, storescp: Path) -> None:
    """Pydicom's own test files, to a receiver that takes all that dcmtk knows; what it does not is named as failed."""
    said = ingest_paths(PART_10, SITE, gallery.ledger, gallery.spool, lambda _: None, "system:test", uuid4(), UNBOUNDED)
    assert said.as_dict()["accepted"] > 20
    there = kept(gallery)
    uids = list(gallery.shelf.all_of())
    for start in range(0, len(uids), 20):
        ran("movescu", gallery, "-S", "-aem", "CHB_PACS", *keys(StudyInstanceUID="\\".join(uids[start : start + 20])))
    came = digests(storescp)
    assert came.items() <= there.items()
    assert len(came) > 0.8 * len(there)


def test_an_instance_of_one_hundred_megabytes_arrives_whole(gallery: Gallery, storescp: Path) -> None:
    frames = os.urandom(1 << 20) * 100
    large = instance(BitsAllocated=8, Rows=1024, Columns=1024, SamplesPerPixel=1, NumberOfFrames=100, PixelData=frames)
    gallery.take(sender(), large)
    said = ran("movescu", gallery, "-S", "-aem", "CHB_PACS", *keys(StudyInstanceUID=STUDY))
    assert said.returncode == 0, said.stderr
    assert digests(storescp) == kept(gallery)
    (file,) = storescp.iterdir()
    assert sha256(dcmread(file).PixelData).hexdigest() == sha256(frames).hexdigest()
