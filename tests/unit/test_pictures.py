"""What is made of stored pixels: the same pixels in another transfer syntax, pictures as a viewer shows them."""

import io
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filereader import read_file_meta_info
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from adapters.archive.frames import index_of
from adapters.archive.pictures.pool import Child, Pool, TooMany, Undecodable
from adapters.archive.source import opened
from krypton.queries.pictures import DECODED, MADE, Pictures
from tests.fakes.dicom import ROOT, instance, part10
from tests.fakes.pydicom_files import PART_10, PYDICOM_FILES
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
EXPLICIT = "1.2.840.10008.1.2.1"
DATA = Path(__file__).parents[1] / "data"
WHOLE: dict[str, Any] = {"type": "image/png", "quality": 90, "window": None, "viewport": None}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.close()


def job(path: Path, number: int = 1, **what: Any) -> dict[str, Any]:
    """What is asked of a frame."""
    with opened(path) as stored:
        frames, syntax = index_of(stored), stored.transfer_syntax
    assert frames is not None
    return {"path": str(path), "frames": frames.document(), "syntax": syntax, "number": number, **what}


def shown(pool: Pool, path: Path, number: int = 1, **look: Any) -> np.ndarray[Any, Any]:
    """The picture of a frame."""
    made = pool.made(job(path, number, do="picture", **WHOLE | look))
    return np.asarray(Image.open(io.BytesIO(made)))


UNDECODED = {"JPEG-lossy", "JPGExtended", "JPEG2000-embedded-sequence-delimiter"}
"""Lossy JPEG of twelve bits, and a broken stream: no library that is used here decodes them."""
FILES = [file for file in PART_10 if str(read_file_meta_info(file).TransferSyntaxUID) in DECODED]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_frame_is_decoded_to_the_pixels_that_pydicom_finds(pool: Pool, file: Path) -> None:
    if "PixelData" not in dcmread(file):
        pytest.skip("it has no pixels")
    if file.stem in UNDECODED:
        with pytest.raises(Undecodable):
            pool.made(job(file, do="frame", to=EXPLICIT))
        return
    expected = pixel_array(dcmread(file), index=0, raw=True)
    if dcmread(file, stop_before_pixels=True).get("PlanarConfiguration") == 1:
        expected = expected.transpose(2, 0, 1)
    made = pool.made(job(file, do="frame", to=EXPLICIT))
    assert made == expected.astype(expected.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("to", sorted(MADE))
@pytest.mark.parametrize(
    "name", ["MR_small.dcm", "CT_small.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_rle.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_a_frame_is_given_in_another_syntax_without_a_loss(pool: Pool, name: str, to: str) -> None:
    file = PYDICOM_FILES / name
    made = pool.made(job(file, do="frame", to=to))
    data_set = dcmread(file)
    expected = pixel_array(data_set, index=0, raw=True)
    if to == EXPLICIT:
        got = np.frombuffer(made, expected.dtype).reshape(-1)
        expected = expected.transpose(2, 0, 1) if data_set.get("PlanarConfiguration") == 1 else expected
        assert (got == expected.reshape(-1)).all()
        return

    from pydicom.pixels import get_decoder

    from adapters.archive.pictures.decode import options

    again, _ = get_decoder(to).as_array(encapsulate([made], has_bot=False), raw=True, index=0, **options(data_set))
    assert (again == expected).all()


@pytest.mark.parametrize("to", sorted(MADE))
@pytest.mark.parametrize(
    "name", ["MR_small_implicit.dcm", "image_dfl.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle_2frame.dcm"]
)
def test_an_instance_is_given_in_another_syntax_and_is_the_same_otherwise(
    pool: Pool, tmp_path: Path, name: str, to: str
) -> None:
    file, out = PYDICOM_FILES / name, tmp_path / "out.dcm"
    pool.made({"do": "instance", "path": str(file), "to": to, "out": str(out)})
    before, after = dcmread(file), dcmread(out)
    assert after.file_meta.TransferSyntaxUID == to
    assert after.SOPInstanceUID == before.SOPInstanceUID
    assert (pixel_array(after, raw=True) == pixel_array(before, raw=True)).all()
    of_pixels = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration", "LossyImageCompression"}
    for element in before:
        if element.keyword not in of_pixels and not element.tag.is_private:
            assert after[element.tag].value == element.value, element.keyword


def written(folder: Path, pixels: np.ndarray[Any, Any], **changes: Any) -> Path:
    """A file of one frame, or several, of sixteen bits."""
    frames = pixels if pixels.ndim == 3 else pixels[None]
    stated: dict[str, Any] = {
        "SOPInstanceUID": f"{ROOT}7.1",
        "Rows": frames.shape[1],
        "Columns": frames.shape[2],
        "NumberOfFrames": len(frames),
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "SamplesPerPixel": 1,
        "PixelRepresentation": 0,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": frames.astype("<u2").tobytes(),
    }
    made = instance(**(stated | changes))
    made["PixelData"].VR = "OW"
    path = folder / str(made.SOPInstanceUID)
    path.write_bytes(part10(made))
    return path


RAMP = np.array([[0, 100, 200, 300]])
LINEAR = {"WindowCenter": 200, "WindowWidth": 201}  # from 100 to 300


@pytest.mark.parametrize(
    ("says", "look", "expected"),
    [
        ({}, {}, [0, 85, 170, 255]),
        (LINEAR, {}, [0, 0, 127, 255]),
        (LINEAR | {"PhotometricInterpretation": "MONOCHROME1"}, {}, [255, 254, 127, 0]),
        (LINEAR | {"PresentationLUTShape": "INVERSE"}, {}, [255, 254, 127, 0]),
        ({"WindowCenter": [200, 0], "WindowWidth": [201, 1]}, {}, [0, 0, 127, 255]),
        (LINEAR | {"RescaleSlope": 1, "RescaleIntercept": -100}, {}, [0, 0, 0, 127]),
        (LINEAR | {"VOILUTFunction": "LINEAR_EXACT", "WindowWidth": 200}, {}, [0, 0, 127, 255]),
        (LINEAR | {"VOILUTFunction": "SIGMOID"}, {}, [4, 30, 127, 224]),
        (LINEAR, {"window": [100, 201, "LINEAR"]}, [0, 127, 255, 255]),
        (LINEAR, {"window": [100, 200, "LINEAR_EXACT"]}, [0, 127, 255, 255]),
        (LINEAR, {"window": [150.5, 1, "LINEAR"]}, [0, 0, 255, 255]),
        ({"PixelPaddingValue": 300}, {}, [0, 127, 255, 255]),
        ({"PixelPaddingValue": 200, "PixelPaddingRangeLimit": 300}, {}, [0, 255, 255, 255]),
        ({"WindowCenter": 200}, {}, [0, 85, 170, 255]),
    ],
)
def test_greys_are_shown_as_the_data_set_or_the_caller_says(
    pool: Pool, tmp_path: Path, says: dict[str, Any], look: dict[str, Any], expected: Sequence[int]
) -> None:
    (got,) = shown(pool, written(tmp_path, RAMP, **says), **look)
    assert np.abs(got.astype(int) - expected).max() <= 1, got


def item(**said: Any) -> list[Dataset]:
    made = Dataset()
    for keyword, value in said.items():
        setattr(made, keyword, value)
    return [made]


def test_what_a_frame_says_of_itself_comes_before_what_all_share(pool: Pool, tmp_path: Path) -> None:
    own = item(FrameVOILUTSequence=item(WindowCenter=100, WindowWidth=201))[0]
    none = Dataset()
    shared = item(
        FrameVOILUTSequence=item(**LINEAR), PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=0)
    )
    path = written(
        tmp_path,
        np.stack([RAMP, RAMP]),
        PerFrameFunctionalGroupsSequence=[own, none],
        SharedFunctionalGroupsSequence=shared,
    )
    assert shown(pool, path, 1)[0].tolist() == [1, 128, 255, 255]
    assert shown(pool, path, 2)[0].tolist() == [0, 1, 128, 255]


def test_a_table_of_values_is_applied(pool: Pool, tmp_path: Path) -> None:
    lut = item(LUTDescriptor=[4, 0, 8], LUTData=np.array([0, 255, 10, 20], "<u2").tobytes())
    lut[0]["LUTData"].VR = "OW"
    (got,) = shown(pool, written(tmp_path, np.array([[0, 1, 2, 3]]), VOILUTSequence=lut))
    assert got.tolist() == [0, 255, 10, 20]


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_small_odd.dcm",
        "examples_ybr_color.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_palette.dcm",
        "SC_rgb_rle_16bit.dcm",
    ],
)
def test_colours_are_red_green_and_blue(pool: Pool, name: str) -> None:
    file = PYDICOM_FILES / name
    got = shown(pool, file)
    expected = dcmread(file)
    assert got.shape[:2] == (expected.Rows, expected.Columns)
    assert got.ndim == 3
    if expected.PhotometricInterpretation != "PALETTE COLOR":
        rgb = pixel_array(expected, index=0)
        rgb = rgb >> (expected.BitsStored - 8)
        assert np.abs(got.astype(int) - rgb).max() <= 2


def test_a_region_is_shown_whole_undistorted_and_as_large_as_it_fits(pool: Pool, tmp_path: Path) -> None:
    path = written(tmp_path, np.tile(np.arange(100), (50, 1)))
    assert shown(pool, path).shape == (50, 100)
    assert shown(pool, path, viewport=[50, 50]).shape == (25, 50)
    assert shown(pool, path, viewport=[400, 400]).shape == (200, 400)
    part = shown(pool, path, viewport=[10, 50, 90, 0, 10, 50])
    assert part.shape == (50, 10)
    assert part[0].tolist() == sorted(part[0].tolist())
    turned = shown(pool, path, viewport=[10, 50, 90, 0, -10, 50])
    assert (turned == part[:, ::-1]).all()
    assert shown(pool, path, viewport=[100, 100, 95, 0, 1_000, 50]).shape == (100, 10)


@pytest.mark.parametrize(
    ("says", "shape"),
    [
        ({"PixelAspectRatio": [2, 1]}, (100, 100)),
        ({"PixelAspectRatio": [1, 2]}, (50, 200)),
        ({"PixelSpacing": [0.5, 0.25]}, (100, 100)),
        ({"PixelSpacing": [0.5, 0.5], "PixelAspectRatio": [2, 1]}, (50, 100)),
        ({"PixelAspectRatio": [0, 0]}, (50, 100)),
        ({"PixelAspectRatio": [1, 1_000]}, (50, 100)),
    ],
)
def test_pixels_that_are_not_square_are_shown_as_they_lie(
    pool: Pool, tmp_path: Path, says: dict[str, Any], shape: tuple[int, int]
) -> None:
    assert shown(pool, written(tmp_path, np.zeros((50, 100)), **says)).shape == shape


def test_a_jpeg_is_as_good_as_it_is_asked_for(pool: Pool) -> None:
    file = PYDICOM_FILES / "CT_small.dcm"
    sizes = [len(pool.made(job(file, do="picture", **WHOLE | {"type": "image/jpeg", "quality": q}))) for q in (20, 95)]
    assert sizes[0] < sizes[1]


def test_floating_point_pixels_are_shown(pool: Pool, tmp_path: Path) -> None:
    made = instance(SOPInstanceUID=f"{ROOT}7.2", Rows=1, Columns=4, BitsAllocated=32, SamplesPerPixel=1)
    made.FloatPixelData = np.array([0, 0.25, 0.5, 1], "<f4").tobytes()
    path = tmp_path / made.SOPInstanceUID
    path.write_bytes(part10(made))
    assert shown(pool, path)[0].tolist() == [0, 64, 128, 255]


def test_pixels_of_one_bit_are_shown(pool: Pool) -> None:
    got = shown(pool, PYDICOM_FILES / "liver_1frame.dcm")
    assert set(np.unique(got)) <= {0, 255}


def broken(folder: Path) -> Path:
    """A file whose only frame is no JPEG 2000."""
    data = bytearray((PYDICOM_FILES / "JPEG2000.dcm").read_bytes())
    at = data.index(b"\xff\x4f\xff\x51")
    data[at + 4 : at + 40] = b"\xff" * 36
    path = folder / "1.2.3"
    path.write_bytes(data)
    return path


def test_a_broken_stream_is_an_error_and_the_next_is_decoded(pool: Pool, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [{"do": "frame", "to": EXPLICIT}, {"do": "picture", **WHOLE}]
    for do in asked:
        with pytest.raises(Undecodable, match="cannot be decoded"):
            pool.made(job(broken(tmp_path), **do))
    assert shown(pool, PYDICOM_FILES / "CT_small.dcm").size


def test_a_process_that_dies_is_an_error_to_who_asked_and_another_one_goes_on(tmp_path: Path) -> None:
    pool = Pool(1)
    try:
        good = job(PYDICOM_FILES / "CT_small.dcm", do="picture", **WHOLE)
        assert pool.made(good)
        process = pool._children[0].start()
        process.send_signal(signal.SIGSTOP)
        failed: list[Exception] = []

        def ask() -> None:
            try:
                pool.made(good)
            except Undecodable as told:
                failed.append(told)

        asking = Thread(target=ask)
        asking.start()
        until(lambda: bool(pool._making), "it is being made")
        process.kill()
        asking.join(WITHIN_S)
        assert len(failed) == 1
        assert pool.made(good)
        assert pool._children[0].start().pid != process.pid
    finally:
        pool.close()


def test_what_takes_too_long_or_too_much_ends_its_process_alone(tmp_path: Path) -> None:
    large = written(tmp_path, np.zeros((20_000, 5_000)))
    for pool in (Pool(1, limit_s=0.01), Pool(1, memory_mib=600)):
        try:
            with pytest.raises(Undecodable):
                pool.made(job(large, do="picture", **WHOLE))
        finally:
            pool.close()


def test_who_asks_for_what_is_being_made_waits_for_that_and_few_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    asked, goes_on = list[bytes](), Event()

    def slow(_: Child, job: bytes) -> bytes:
        asked.append(job)
        goes_on.wait(WITHIN_S)
        return job

    monkeypatch.setattr(Child, "ask", slow)
    pool = Pool(1, waiting=1)
    answers = list[bytes]()
    threads = [
        Thread(target=lambda one=one: answers.append(pool.made({"do": one}))) for one in ("a", "a", "a", "b", "b")
    ]
    for one in threads:
        one.start()
    until(lambda: len(pool._making) == 2, "both are being made, or wait")
    with pytest.raises(TooMany):
        pool.made({"do": "c"})
    goes_on.set()
    for one in threads:
        one.join(WITHIN_S)
    pool.close()
    assert sorted(answers) == [b'{"do": "a"}'] * 3 + [b'{"do": "b"}'] * 2
    assert sorted(asked) == [b'{"do": "a"}', b'{"do": "b"}']


def test_a_process_ends_with_whoever_started_it() -> None:
    child = Child(20.0, 2_048)
    process = child.start()
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(WITHIN_S) == 0
    child.stop()


def test_nothing_is_started_once_it_is_closed() -> None:
    pool = Pool(1)
    pool.close()
    with pytest.raises((Undecodable, RuntimeError)):
        pool.made({"do": "picture"})


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"])
def test_high_throughput_jpeg_2000_is_decoded(pool: Pool, tmp_path: Path, syntax: str) -> None:
    """``ramp_htj2k.j2c`` was encoded with OpenJPH, which is another codec than the one that decodes here."""
    ramp = (np.arange(64 * 48) * 37 % 4_096).astype("<u2")
    made = instance(
        SOPInstanceUID=f"{ROOT}7.3",
        Rows=48,
        Columns=64,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        SamplesPerPixel=1,
        PixelRepresentation=0,
        PhotometricInterpretation="MONOCHROME2",
        PixelData=encapsulate([(DATA / "ramp_htj2k.j2c").read_bytes()]),
    )
    made["PixelData"].VR = "OB"
    path = tmp_path / "ht"
    path.write_bytes(part10(made, UID(syntax)))
    assert pool.made(job(path, do="frame", to=EXPLICIT)) == ramp.tobytes()
    assert shown(pool, path).shape == (48, 64)


class Making:
    """Makes an instance, and looks at the folder for temporary files meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.named = folder, list[Path]()

    def made(self, job: Any) -> bytes:
        """Write what is asked for."""
        self.named += self._folder.rglob("*")
        Path(job["out"]).write_bytes(b"an instance")
        self.named += self._folder.rglob("*")
        return b""


def test_an_instance_that_is_made_is_nowhere_by_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kills the service in the middle, nothing of a patient is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    making: Any = Making(tmp_path)
    instance: Any = SimpleNamespace(path=tmp_path / "stored.dcm")
    body = Pictures(making).instance(instance, EXPLICIT)
    assert body.file is not None
    with body.file:
        assert (body.length, body.file.read()) == (11, b"an instance")
    assert making.named == []
