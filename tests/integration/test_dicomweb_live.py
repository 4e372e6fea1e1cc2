"""Images over HTTP from a real ledger: fetched by others' clients, on record once, cut when access ends."""

import io
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image as Picture

from domain.commands.consents import Oppose
from domain.commands.studies import WithdrawStudy
from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import Face, face
from tests.fakes.dicom import new_uid
from tests.fakes.http_server import serving
from tests.fakes.web import WHY, account, accounts_file, digest
from tests.integration.audit_world import CLINICIAN, AuditWorld, audit_world
from tests.unit.test_http_server import Roomy, request
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live
DOCTOR = f"rpps:{CLINICIAN}"
TOKEN = "fictitious-token-of-a-doctor-0123456789-abcdefghij"
SIGNED = {"Authorization": f"Bearer {TOKEN}", **WHY}
ROWS, COLUMNS, FRAMES = 64, 32, 3


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def web(world: AuditWorld) -> Iterator[Face]:
    home = world.krypton.settings.roles.parent
    doctor = account("doctor", DOCTOR, site="CHB", token=digest(TOKEN))
    made = face(world.krypton, [Accounts(accounts_file(home, doctor), home)], lambda: True, lambda: b"")
    yield made
    made.close()


@pytest.fixture(scope="module")
def port(web: Face) -> Iterator[int]:
    with serving(web.app, Roomy) as opened:
        yield opened


@pytest.fixture
def person(world: AuditWorld) -> str:
    made = world.register()
    world.open(made)
    return made


class Image:
    """A study of one image of some frames, taken in from files."""

    def __init__(self, world: AuditWorld, person: str, frames: int = FRAMES, rows: int = ROWS) -> None:
        self.study, self.series, self.instance = new_uid(), new_uid(), new_uid()
        self.pixels = np.random.default_rng(1).integers(0, 4_096, (frames, rows, COLUMNS), "u2")
        self.id = world.images(
            person,
            StudyInstanceUID=self.study,
            SeriesInstanceUID=self.series,
            SOPInstanceUID=self.instance,
            Rows=rows,
            Columns=COLUMNS,
            NumberOfFrames=frames,
            BitsAllocated=16,
            BitsStored=12,
            HighBit=11,
            PixelRepresentation=0,
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            RedPaletteColorLookupTableData=bytes(2_048),
            PixelData=self.pixels.tobytes(),
        )
        world.settle()

    @property
    def uids(self) -> tuple[str, str, str]:
        """Of study, series and instance."""
        return self.study, self.series, self.instance

    @property
    def path(self) -> str:
        """Its address."""
        return f"/dicom-web/studies/{self.study}/series/{self.series}/instances/{self.instance}"


@pytest.fixture
def image(world: AuditWorld, person: str) -> Image:
    return Image(world, person)


@pytest.fixture
def client(port: int) -> Iterator[Any]:
    made = DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web", headers=SIGNED)
    with closing(made._session):
        yield made


def test_the_client_of_imaging_data_commons_fetches_all_and_that_is_one_record(
    world: AuditWorld, client: Any, port: int, image: Image
) -> None:
    before = world.head
    for found in (
        client.retrieve_study(image.study),
        client.retrieve_series(image.study, image.series),
        [client.retrieve_instance(*image.uids)],
        client.retrieve_series(image.study, image.series, media_types=(("application/dicom", "*"),)),
    ):
        (one,) = found
        assert one.SOPInstanceUID == image.instance
        assert one.PixelData == image.pixels.tobytes()
    for found in (
        client.retrieve_study_metadata(image.study),
        client.retrieve_series_metadata(image.study, image.series),
        [client.retrieve_instance_metadata(*image.uids)],
    ):
        (told,) = found
        assert told["00080018"]["Value"] == [image.instance]
    for media_types in (
        None,
        (("application/octet-stream", "1.2.840.10008.1.2.1"),),
        (("application/octet-stream", "*"),),
    ):
        frames = client.retrieve_instance_frames(*image.uids, frame_numbers=[3, 1], media_types=media_types)
        assert frames == [image.pixels[2].tobytes(), image.pixels[0].tobytes()]
    for media_type, begins in (("image/png", b"\x89PNG"), ("image/jpeg", b"\xff\xd8")):
        assert client.retrieve_instance_rendered(*image.uids, media_types=(media_type,)).startswith(begins)
        shown = client.retrieve_instance_frames_rendered(*image.uids, frame_numbers=[2], media_types=(media_type,))
        assert shown.startswith(begins)
    uri = client.retrieve_study_metadata(image.study)[0]["00281201"]["BulkDataURI"]
    assert b"".join(client.retrieve_bulkdata(f"http://127.0.0.1:{port}{uri}")) == bytes(2_048)
    assert world.types(before) == ["access.viewed"]


def test_curl_fetches_an_image_a_part_of_a_value_and_a_picture(
    world: AuditWorld, port: int, image: Image, tmp_path: Path
) -> None:
    if (curl := shutil.which("curl")) is None:
        pytest.skip("curl is not installed")

    def fetched(path: str, *words: str) -> bytes:
        headers = [word for name, value in SIGNED.items() for word in ("--header", f"{name}: {value}")]
        out = tmp_path / new_uid()
        url = f"http://127.0.0.1:{port}{image.path}{path}"
        subprocess.run([curl, "--fail", "--silent", "--show-error", *headers, *words, "--output", out, url], check=True)
        return out.read_bytes()

    assert image.pixels.tobytes() in fetched("", "--header", "Accept: application/dicom")
    assert fetched("/frames/2", "--header", "Accept: application/octet-stream") == image.pixels[1].tobytes()
    assert fetched("/bulkdata/00281201", "--range", "0-9") == bytes(10)
    assert fetched("/rendered?viewport=8,8").startswith(b"\xff\xd8")
    assert b'"00080018"' in fetched("/metadata", "--compressed")


def begun(port: int, path: str) -> socket.socket:
    """A connection on which an answer has begun, and waits for being read."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    wire.settimeout(WITHIN_S)
    wire.connect(("127.0.0.1", port))
    lines = [f"{name}: {value}" for name, value in SIGNED.items()]
    wire.sendall(request(f"GET {path} HTTP/1.1", "Host: a", *lines))
    assert wire.recv(64).startswith(b"HTTP/1.1 200")
    return wire


def opposed(world: AuditWorld, person: str, _: Image) -> None:
    world.ask(Oppose(identity=UUID(person), party=DOCTOR), f"patient:{person}")


def withdrawn(world: AuditWorld, _: str, image: Image) -> None:
    world.ask(WithdrawStudy(study=UUID(image.id), reason="another person's"))


@pytest.mark.parametrize("ends", [opposed, withdrawn])
def test_an_image_is_cut_in_the_middle_when_it_may_not_be_seen_any_more(
    world: AuditWorld, web: Face, port: int, person: str, ends: Callable[[AuditWorld, str, Image], object]
) -> None:
    image = Image(world, person, frames=64, rows=8_192)  # 32 MiB: more than sockets hold
    before = web.metrics.cut._value.get()
    with begun(port, image.path) as wire:
        ends(world, person, image)
        until(lambda: web.metrics.cut._value.get() > before, "it is cut")
        got = 0
        with suppress(ConnectionResetError):
            while data := wire.recv(65_536):
                got += len(data)
        assert got < image.pixels.nbytes
    answer = httpx.get(f"http://127.0.0.1:{port}{image.path}/frames/1", headers=SIGNED)
    assert answer.status_code in (403, 404)


def test_images_that_are_asked_for_at_once_rest_on_one_decision(world: AuditWorld, port: int, image: Image) -> None:

    before = world.head

    def frame(_: int) -> bytes:
        accept = {"Accept": "application/octet-stream"}
        return httpx.get(f"http://127.0.0.1:{port}{image.path}/frames/1", headers={**SIGNED, **accept}).content

    with ThreadPoolExecutor(8) as threads:
        assert {*threads.map(frame, range(40))} == {image.pixels[0].tobytes()}
    assert world.types(before) == ["access.viewed"]


def test_what_is_shown_of_an_image_is_that_image(world: AuditWorld, port: int, image: Image) -> None:

    answer = httpx.get(
        f"http://127.0.0.1:{port}{image.path}/frames/2/rendered?window=2048,4096,linear-exact",
        headers={**SIGNED, "Accept": "image/png"},
    )
    got = np.asarray(Picture.open(io.BytesIO(answer.content))).astype(int)
    assert np.abs(got - image.pixels[1] * (255 / 4_096)).max() <= 1
