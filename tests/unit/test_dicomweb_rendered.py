"""Pictures and other transfer syntaxes over HTTP: made as asked for, or refused with what to ask for instead."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.pixels import pixel_array
from starlette.testclient import TestClient

from adapters.archive.pictures.pool import Child, Pool
from krypton.faces.http import app
from krypton.faces.http.app import Face
from krypton.queries.pictures import Pictures
from tests.fakes.dicom import ENCAPSULATED_PDF, ROOT, instance, report
from tests.fakes.images import Kept, address, data_set, parts
from tests.fakes.pydicom_files import PYDICOM_FILES
from tests.fakes.web import wired
from tests.unit.test_dicomweb_retrieve import get, image, only

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
EXPLICIT, J2K, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
PLAIN = f'multipart/related; type="application/octet-stream"; transfer-syntax={EXPLICIT}'
DICOM = 'multipart/related; type="application/dicom"'


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """One for all tests: it takes a moment to start."""
    made = Pool(1)
    yield made
    made.close()


@pytest.fixture
def web(tmp_path: Path, kept: Kept, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Face]:
    class Shared(Pictures):
        """With the processes of the other tests."""

        def __init__(self) -> None:
            super().__init__(pool)

        def close(self) -> None:
            """They go on."""

    monkeypatch.setattr(app, "Pictures", Shared)
    with wired(tmp_path, archive=kept.archive) as made:
        yield made


def seen(answer: Any) -> np.ndarray[Any, Any]:
    """The picture of an answer."""
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def ramp(number: int = 1, **changes: Any) -> Any:
    """Three frames of eight bits: dark, half, bright."""
    pixels = np.concatenate([np.full(200, shade) for shade in (10, 120, 240)]).astype("u1").tobytes()
    stated = {"SOPInstanceUID": f"{ROOT}7.{number}", "InstanceNumber": number, "Rows": 10, "Columns": 20}
    stated |= {"NumberOfFrames": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    stated |= {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelData": pixels}
    stated |= {"WindowCenter": 128, "WindowWidth": 256}
    made = instance(**(stated | changes))
    made["PixelData"].VR = "OB"
    return made


def test_what_stands_in_the_middle_is_shown_of_a_study_a_series_and_an_instance(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([ramp(n, PixelData=bytes([30 * n]) * 600) for n in (1, 2, 3, 4, 5)])
    series = kept.rows(uid)[0][0]
    for path in (address(uid), address(uid, series), address(uid, series, f"{ROOT}7.3")):
        for name, size in (("rendered", (10, 20)), ("thumbnail", (128, 256))):
            for accept, kind in (("*/*", "image/jpeg"), ("image/png", "image/png"), ("image/*;q=0.5", "image/jpeg")):
                answer = get(client, f"{path}/{name}", accept)
                assert answer.headers["content-type"] == kind
                assert seen(answer).shape == size
                assert abs(int(seen(answer)[0, 0]) - 90) <= 2


def test_frames_are_shown_by_their_numbers(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([ramp()])
    at = address(uid, *only(kept, uid))
    shades = [int(seen(get(client, f"{at}/frames/{n}/rendered", "image/png"))[0, 0]) for n in (1, 2, 3)]
    assert np.abs(np.array(shades) - [10, 120, 240]).max() <= 1
    assert int(seen(get(client, f"{at}/rendered", "image/png"))[0, 0]) == shades[1]
    answer = get(client, f"{at}/frames/3,1/rendered", 'multipart/related; type="image/png"')
    found = [int(np.asarray(Image.open(io.BytesIO(body)))[0, 0]) for _, body in parts(answer)]
    assert found == [shades[2], shades[0]]
    get(client, f"{at}/frames/3,1/rendered", "image/png", 406)
    get(client, f"{at}/frames/4/rendered", status=404)
    get(client, f"{at}/frames/0/rendered", status=400)


def test_a_picture_looks_as_it_is_asked_for(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([ramp()])
    at = address(uid, *only(kept, uid), "/frames/2/rendered")
    assert int(seen(get(client, f"{at}?window=240,10", "image/png"))[0, 0]) == 0
    assert int(seen(get(client, f"{at}?window=0,10,linear-exact", "image/png"))[0, 0]) == 255
    assert seen(get(client, f"{at}?viewport=5,5", "image/png")).shape == (2, 5)
    assert seen(get(client, f"{at}?viewport=40,40,0,0,10,10", "image/png")).shape == (40, 40)
    tags = {get(client, f"{at}{more}").headers["etag"] for more in ("", "?quality=20", "?window=1,2", "?viewport=5,5")}
    assert len(tags) == 4
    tag = get(client, at).headers["etag"]
    assert get(client, at, status=304, more={"If-None-Match": tag}).content == b""


@pytest.mark.parametrize(
    "query",
    [
        *(
            "window=1",
            "window=a,b",
            "window=1,0",
            "window=1,-5",
            "window=1,2,curve",
            "window=1,2,linear,3",
            "window=nan,1",
        ),
        *("window=inf,1", "window=1e400,1", "window=,", "quality=0", "quality=101", "quality=1.5", "quality=-1"),
        *("quality=99999999999999999999", "viewport=0,5", "viewport=5", "viewport=5,5,1", "viewport=99999,5"),
        *("viewport=a,b", "viewport=5,5,0,0,0,5", "viewport=5,5,-1,0,5,5", "viewport=nan,5", "viewport=5,5,1,2,3,4,5"),
    ],
)
def test_a_look_that_makes_no_sense_is_refused_in_plain_words(client: TestClient, kept: Kept, query: str) -> None:
    uid = kept.take_in([ramp()])
    answer = get(client, f"{address(uid, *only(kept, uid))}/rendered?{query}", status=400)
    assert query.partition("=")[0] in answer.json()["detail"]


def test_what_has_no_picture_says_what_to_ask_for_instead(client: TestClient, kept: Kept) -> None:
    pdf = instance(
        SOPClassUID=ENCAPSULATED_PDF,
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=b"%PDF" * 500,
        SeriesInstanceUID=f"{ROOT}1.5",
        SOPInstanceUID=f"{ROOT}8.1",
    )
    sr = report(SeriesInstanceUID=f"{ROOT}1.6", SOPInstanceUID=f"{ROOT}8.2")
    uid = kept.take_in([pdf, sr])
    of_pdf, of_sr = address(uid, f"{ROOT}1.5", f"{ROOT}8.1"), address(uid, f"{ROOT}1.6", f"{ROOT}8.2")
    for name in ("rendered", "thumbnail"):
        assert "/bulkdata/00420011" in get(client, f"{of_pdf}/{name}", status=406).json()["detail"]
        assert "/metadata" in get(client, f"{of_sr}/{name}", status=406).json()["detail"]
        assert "/metadata" in get(client, f"{address(uid)}/{name}", status=406).json()["detail"]
    assert get(client, f"{of_pdf}/bulkdata/00420011").content.startswith(b"%PDF")


def test_reports_beside_images_are_passed_over_for_the_picture_of_a_study(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([report(SeriesInstanceUID=f"{ROOT}1.0", SeriesNumber=0, SOPInstanceUID=f"{ROOT}8.2"), ramp()])
    assert seen(get(client, f"{address(uid)}/rendered", "image/png")).shape == (10, 20)


@pytest.mark.parametrize(
    "name",
    [
        "JPEG2000.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
    ],
)
def test_frames_are_decoded_where_that_is_asked_for(client: TestClient, kept: Kept, name: str) -> None:
    uid = kept.take_in([PYDICOM_FILES / name])
    at = address(uid, *only(kept, uid), "/frames/1")
    expected = pixel_array(PYDICOM_FILES / name, index=0, raw=True).tobytes()
    for accept in (PLAIN, 'multipart/related; type="application/octet-stream"'):
        answer = get(client, at, accept)
        ((headers, got),) = parts(answer)
        assert (got, headers["Content-Type"]) == (expected, f"application/octet-stream; transfer-syntax={EXPLICIT}")
        assert int(answer.headers["content-length"]) == len(answer.content)
    single = get(client, at, f"application/octet-stream; transfer-syntax={EXPLICIT}")
    assert (single.content, single.headers["content-length"]) == (expected, str(len(expected)))
    for accept in ("*/*", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'):
        ((headers, _),) = parts(get(client, at, accept))
        assert headers["Content-Type"].endswith(str(dcmread(PYDICOM_FILES / name).file_meta.TransferSyntaxUID))


def test_frames_are_compressed_where_that_is_asked_for(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([ramp(Rows=64, Columns=64, PixelData=bytes(range(256)) * 48)])
    at = address(uid, *only(kept, uid), "/frames/1")
    for accept in (f"image/jp2; transfer-syntax={J2K}", f"application/octet-stream; transfer-syntax={J2K}"):
        answer = get(client, at, accept)
        assert answer.headers["content-type"].endswith(f"transfer-syntax={J2K}")
        assert answer.content.startswith(b"\xff\x4f")
    get(client, at, "image/jp2", 406)
    get(client, at, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50", 406)


@pytest.mark.parametrize("to", [EXPLICIT, J2K, RLE])
def test_an_instance_is_given_in_the_transfer_syntax_that_is_asked_for(client: TestClient, kept: Kept, to: str) -> None:
    name = PYDICOM_FILES / "JPEG2000.dcm"
    uid = kept.take_in([name])
    series, sop_uid = only(kept, uid)
    expected = pixel_array(name, raw=True)
    for path in (address(uid), address(uid, series), address(uid, series, sop_uid)):
        ((headers, got),) = parts(get(client, path, f"{DICOM}; transfer-syntax={to}"))
        made = dcmread(io.BytesIO(got))
        assert headers["Content-Type"] == f"application/dicom; transfer-syntax={to}"
        assert made.file_meta.TransferSyntaxUID == to
        assert made.SOPInstanceUID == sop_uid
        assert (pixel_array(made, raw=True) == expected).all()
    assert (
        dcmread(
            io.BytesIO(get(client, path, f"application/dicom; transfer-syntax={to}").content)
        ).file_meta.TransferSyntaxUID
        == to
    )


def damaged(folder: Path) -> Path:
    """JPEG 2000 in name alone."""
    data = bytearray((PYDICOM_FILES / "JPEG2000.dcm").read_bytes())
    at = data.index(b"\xff\x4f\xff\x51")
    data[at + 4 : at + 40] = b"\xff" * 36
    path = folder / "damaged.dcm"
    path.write_bytes(data)
    return path


def test_what_cannot_be_decoded_is_refused_by_name_or_given_as_it_is_stored(
    client: TestClient, kept: Kept, tmp_path: Path
) -> None:
    uid = kept.take_in([damaged(tmp_path)])
    at = address(uid, *only(kept, uid))
    for path, accept in (
        (f"{at}/rendered", "*/*"),
        (f"{at}/frames/1", PLAIN),
        (at, f"application/dicom; transfer-syntax={EXPLICIT}"),
    ):
        assert "transfer-syntax=*" in get(client, path, accept, 406).json()["detail"]
    ((headers, got),) = parts(get(client, address(uid), f"{DICOM}; transfer-syntax={EXPLICIT}"))
    assert not headers["Content-Type"].endswith(EXPLICIT)
    assert data_set(got) == data_set(damaged(tmp_path).read_bytes())
    ((_, got),) = parts(get(client, f"{at}/frames/1"))
    assert got.startswith(b"\xff\x4f\xff\x51")


@pytest.mark.parametrize("syntax", ["1.2.3.4", "1.2.840.10008.1.2.4.92"])
def test_a_transfer_syntax_that_nobody_here_knows_is_given_as_it_is_stored(
    client: TestClient, kept: Kept, tmp_path: Path, syntax: str
) -> None:
    made = dcmread(PYDICOM_FILES / "JPEG2000.dcm")
    made.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "unknown.dcm"
    made.save_as(path, implicit_vr=False, little_endian=True)
    uid = kept.take_in([path])
    at = address(uid, *only(kept, uid))
    for accept in ("*/*", 'multipart/related; type="application/octet-stream"'):
        ((headers, _),) = parts(get(client, f"{at}/frames/1", accept))
        assert headers["Content-Type"] == f"application/octet-stream; transfer-syntax={syntax}"
    assert f"which is {syntax} here" in get(client, f"{at}/frames/1", PLAIN, 406).json()["detail"]
    assert syntax in get(client, f"{at}/rendered", status=406).json()["detail"]
    get(client, at, f"application/dicom; transfer-syntax={EXPLICIT}", 406)


def test_where_too_much_is_asked_for_the_next_is_told_to_come_again(
    client: TestClient, kept: Kept, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = kept.take_in([ramp()])
    monkeypatch.setattr(pool, "_room", 0)
    answer = get(client, f"{address(uid)}/rendered?quality=33", status=503)
    assert answer.headers["retry-after"]


def test_a_process_that_dies_is_told_and_the_next_picture_is_shown(
    client: TestClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = kept.take_in([ramp()])
    start = Child.start

    def dying(self: Child) -> Any:
        process = start(self)
        process.kill()
        process.wait()
        return process

    with monkeypatch.context() as patched:
        patched.setattr(Child, "start", dying)
        assert (
            "ended what was to decode them"
            in get(client, f"{address(uid)}/rendered?quality=44", status=406).json()["detail"]
        )
    assert seen(get(client, f"{address(uid)}/rendered?quality=44")).shape == (10, 20)


def test_images_of_several_frames_that_are_not_stored_so_come_one_after_the_other(
    client: TestClient, kept: Kept
) -> None:
    uid = kept.take_in([PYDICOM_FILES / "SC_rgb_rle_2frame.dcm"])
    at = address(uid, *only(kept, uid), "/frames/2,1")
    expected = pixel_array(PYDICOM_FILES / "SC_rgb_rle_2frame.dcm", raw=True)
    planar = dcmread(PYDICOM_FILES / "SC_rgb_rle_2frame.dcm").PlanarConfiguration
    got = [body for _, body in parts(get(client, at, PLAIN))]
    shapes = [one.transpose(2, 0, 1) if planar else one for one in (expected[1], expected[0])]
    assert got == [one.tobytes() for one in shapes]


def test_an_image_without_a_window_is_shown_too(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image(BitsStored=8, HighBit=7, PixelRepresentation=0, PhotometricInterpretation="MONOCHROME2")])
    assert seen(get(client, f"{address(uid)}/rendered", "image/png")).shape == (1, 2)
