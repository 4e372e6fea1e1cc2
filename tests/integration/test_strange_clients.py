"""Clients that share no code with Krypton: npm's dcmjs-dimse and dicomweb-client, and dicom-rs where it is installed.

dcmtk's programs have ``test_dcmtk_retrieval``, Python's dicomweb-client ``test_dicomweb_live``, OHIF its own tests.
"""

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import dcmread

from adapters.dicom.part10 import read_file_meta
from tests.clients import fetched
from tests.fakes.dicom import AE_TITLE, instances_recorded, part10
from tests.fakes.http_server import serving
from tests.fakes.retrieving import STUDY, Receiver, images
from tests.fakes.shelf import Gallery, gallery, receiver
from tests.fakes.stow import PACS_TOKEN, ward
from tests.integration.test_dicomweb_live import SIGNED, Image, image, person, port, web, world
from tests.unit.test_http_server import Roomy
from tests.waiting import WITHIN_S, until

__all__ = ["gallery", "image", "person", "port", "receiver", "web", "world"]
COUNT = 3
RUST = pytest.mark.skipif(
    shutil.which("dicom-findscu") is None,
    reason="dicom-rs is not installed: cargo install dicom-findscu dicom-storescu",
)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Images of one study."""
    found = [tmp_path / f"{number}.dcm" for number in range(COUNT)]
    for file, dataset in zip(found, images(COUNT), strict=True):
        file.write_bytes(part10(dataset))
    return found


def pixels(files: list[Path]) -> dict[str, str]:
    """The digest of the pixels of each, by SOP Instance UID."""
    read = [dcmread(file) for file in files]
    return {str(one.SOPInstanceUID): sha256(one.PixelData).hexdigest() for one in read}


def dimse(gallery: Gallery, *words: str) -> Any:
    """What dcmjs-dimse was answered."""
    told = json.loads(fetched.run("dimse.mjs", str(gallery.service.port), AE_TITLE, *words))
    assert told["error"] is None
    return told


def stored(gallery: Gallery, files: list[Path]) -> None:
    """They are sent by dcmjs-dimse, and recorded."""
    assert dimse(gallery, "store", *map(str, files))["statuses"] == [0] * len(files)
    until(lambda: instances_recorded(gallery.ledger) == len(files), "they are recorded")


class TestDcmjsDimse:
    def test_it_asks_whether_somebody_is_there(self, gallery: Gallery) -> None:
        assert dimse(gallery, "echo")["statuses"] == [0]

    def test_it_finds_what_it_stored(self, gallery: Gallery, files: list[Path]) -> None:
        stored(gallery, files)
        told = dimse(gallery, "find", "STUDY", json.dumps({"StudyInstanceUID": "", "PatientName": ""}))
        (found,) = told["found"]
        assert found["StudyInstanceUID"] == STUDY
        assert found["PatientName"] == [{"Alphabetic": "ESSAI^Élodie"}]
        series = dimse(gallery, "find", "SERIES", json.dumps({"StudyInstanceUID": STUDY, "SeriesInstanceUID": ""}))
        assert len(series["found"]) == 2

    def test_it_fetches_them_on_its_own_association(self, gallery: Gallery, files: list[Path], tmp_path: Path) -> None:
        stored(gallery, files)
        (folder := tmp_path / "got").mkdir()
        told = dimse(gallery, "get", "STUDY", json.dumps({"StudyInstanceUID": STUDY}), str(folder))
        assert (told["statuses"][-1], told["kept"]) == (0, COUNT)
        assert pixels(list(folder.iterdir())) == pixels(files)

    def test_it_has_them_sent_to_another(self, gallery: Gallery, files: list[Path], receiver: Receiver) -> None:
        stored(gallery, files)
        told = dimse(gallery, "move", "STUDY", json.dumps({"StudyInstanceUID": STUDY}), "CHB_PACS")
        assert told["statuses"][-1] == 0
        assert receiver.kept.keys() == pixels(files).keys()

    def test_it_asks_for_commitment(self, gallery: Gallery, files: list[Path]) -> None:
        stored(gallery, files)
        meta = read_file_meta(files[0].read_bytes())
        assert dimse(gallery, "commit", meta.sop_class, meta.sop_uid, "2.25.77")["statuses"] == [0]


class TestDicomwebClientOfNpm:
    """What OHIF asks with."""

    def ask(self, port: int, *words: str, signed: dict[str, str] = SIGNED) -> Any:
        told = json.loads(fetched.run("dicomweb.mjs", f"http://127.0.0.1:{port}/dicom-web", json.dumps(signed), *words))
        assert "error" not in told, told
        return told["answer"]

    def test_it_finds_a_study_and_reads_its_metadata(self, port: int, image: Image) -> None:
        (found,) = self.ask(port, "search", json.dumps({"StudyInstanceUID": image.study}))
        assert found["0020000D"]["Value"] == [image.study]
        (metadata,) = self.ask(port, "metadata", image.study, image.series)
        assert metadata["00080018"]["Value"] == [image.instance]

    def test_it_fetches_instances_and_frames(self, port: int, image: Image, tmp_path: Path) -> None:
        assert self.ask(port, "instances", image.study, image.series, str(tmp_path)) == 1
        assert dcmread(tmp_path / "0.dcm").PixelData == image.pixels.tobytes()
        assert self.ask(port, "frames", *image.uids, str(tmp_path / "frame")) == 1
        assert (tmp_path / "frame").read_bytes() == image.pixels[0].tobytes()

    def test_it_fetches_a_picture(self, port: int, image: Image, tmp_path: Path) -> None:
        self.ask(port, "rendered", *image.uids, str(tmp_path / "picture"))
        assert np.asarray(Picture.open(tmp_path / "picture")).shape[:2] == image.pixels.shape[1:]

    def test_it_stores(self, tmp_path: Path, files: list[Path]) -> None:
        with ward(tmp_path / "ward", batch_quiet_s=0.3) as here, serving(here.web.app, Roomy) as opened:
            self.ask(opened, "store", *map(str, files), signed={"Authorization": f"Bearer {PACS_TOKEN}"})
            until(lambda: instances_recorded(here.ledger) == COUNT, "they are recorded")


@RUST
class TestDicomRs:
    def ran(self, program: str, gallery: Gallery, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of dicom-rs against the gallery."""
        titles = ["--calling-ae-title", AE_TITLE, "--called-ae-title", "KRYPTON"]
        line = [f"dicom-{program}", *titles, *words[:-1], f"127.0.0.1:{gallery.service.port}", words[-1]]
        line = [one for one in line if one]
        return subprocess.run(line, capture_output=True, text=True, timeout=WITHIN_S, check=False)

    def test_it_stores_and_finds(self, gallery: Gallery, files: list[Path]) -> None:
        for file in files:
            assert self.ran("storescu", gallery, "--fail-first", str(file)).returncode == 0
        until(lambda: instances_recorded(gallery.ledger) == COUNT, "they are recorded")
        said = self.ran("findscu", gallery, "-q", f"StudyInstanceUID={STUDY}", "-q", "PatientName=", "")
        assert said.returncode == 0, said.stderr
        assert "ESSAI^Élodie" in said.stdout
