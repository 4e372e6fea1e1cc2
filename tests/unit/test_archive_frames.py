"""Each frame of a stored instance is found without the others, in every transfer syntax, and lies are refused."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended, get_frame
from pydicom.filewriter import dcmwrite
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from adapters.archive.frames import Frames, index_of
from adapters.archive.pixels import NoFrame, read_frame
from adapters.archive.source import opened
from adapters.dicom.refusal import Unreadable
from adapters.inbox.refusal import Refused
from tests.fakes.dicom import CT_IMAGE, instance
from tests.fakes.pydicom_files import PART_10, PYDICOM_FILES

NO_PIXELS = {"UN_sequence", "priv_SQ", "reportsi", "rtplan", "test-SR", "waveform_ecg"}
NO_PIXELS |= {"empty_charset_LEI", "reportsi_with_empty_number_tags", "no_meta_group_length"}
CHANGES = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8)
ODD = {"MR_truncated", "nested_priv_SQ", "badVR"}
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def indexed(path: Path) -> Frames | None:
    """The frame index, as it is stored and read again."""
    with opened(path) as stored:
        found = index_of(stored)
    return found and Frames.of_document(found.document())


def frames_in(path: Path) -> list[bytes]:
    """All frames, each read by itself."""
    found = indexed(path)
    return [read_frame(path, found, number) for number in range(1, found.count + 1)] if found else []


def as_pydicom_reads(path: Path) -> list[bytes]:
    """Its frames in little endian; compressed ones as they are."""
    dataset = dcmread(path)
    count = int(dataset.get("NumberOfFrames") or 1)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        tables = [dataset.get(name) for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
        extended: Any = tuple(tables) if all(tables) else None
        stored = (
            get_frame(dataset.PixelData, n, number_of_frames=count, extended_offsets=extended) for n in range(count)
        )
        return list(stored)
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        half = dataset.Rows * dataset.Columns * 2
        return [dataset.PixelData[n * half : n * half + half] for n in range(count)]
    return [_native(dataset, pixel_array(dataset, index=n, raw=True)) for n in range(count)]


def _native(dataset: Dataset, frame: Any) -> bytes:
    if dataset.BitsAllocated == 1:
        return bytes(np.packbits(frame.ravel(), bitorder="little").tobytes())
    if dataset.get("PlanarConfiguration") == 1:
        frame = frame.transpose(2, 0, 1)
    return bytes(frame.astype(frame.dtype.newbyteorder("<")).tobytes())


@pytest.mark.filterwarnings("ignore:The pixel data is")  # pydicom tells of padding
@pytest.mark.filterwarnings("ignore:Expected explicit VR")  # and of implicit VR in between
@pytest.mark.parametrize(
    "name", [name for name in sorted(path.stem for path in PART_10) if name not in {*NO_PIXELS, *ODD}]
)
def test_each_frame_is_the_one_that_pydicom_finds(name: str) -> None:
    path = PYDICOM_FILES / f"{name}.dcm"
    found = frames_in(path)
    assert found
    assert found == as_pydicom_reads(path)


@pytest.mark.parametrize("name", sorted(NO_PIXELS))
def test_an_instance_without_pixels_has_no_frames(name: str) -> None:
    assert indexed(PYDICOM_FILES / f"{name}.dcm") is None


def test_a_number_of_frames_that_is_no_number_is_one() -> None:
    assert [len(frame) for frame in frames_in(PYDICOM_FILES / "badVR.dcm")] == [400]


def test_pixels_without_a_size_are_refused() -> None:
    with pytest.raises(Unreadable, match="its pixels have no size"):
        indexed(PYDICOM_FILES / "nested_priv_SQ.dcm")


def test_pixels_that_are_cut_off_are_refused() -> None:
    with pytest.raises(Unreadable, match="broken"):
        indexed(PYDICOM_FILES / "MR_truncated.dcm")


def image(**changes: Any) -> Dataset:
    """An instance with the attributes that pixels need."""
    stated: dict[str, Any] = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelRepresentation": 0,
    }
    stated |= {"Rows": 2, "Columns": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    return instance(**(stated | changes))


def stored_as(folder: Path, dataset: Dataset, syntax: str) -> Path:
    """Its file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = CT_IMAGE, "1.2.3"
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True, implicit_vr=None, little_endian=None)
    path = folder / "one.dcm"
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
@given(data=st.data())
def test_native_frames_of_any_size_and_depth_come_back(
    tmp_path_factory: pytest.TempPathFactory, syntax: str, data: st.DataObject
) -> None:
    """Frames of one bit begin within a byte of the last one; words are turned round where they are in big endian."""
    bits = data.draw(st.sampled_from([1, 8, 16, 32]))
    rows, columns, count = (data.draw(st.integers(1, 7)) for _ in range(3))
    samples = data.draw(st.sampled_from([1, 3])) if bits in (8, 16) else 1
    per_frame = rows * columns * samples
    cells = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=per_frame * count, max_size=per_frame * count))
    pixels = _encoded(cells, bits, big=syntax == ExplicitVRBigEndian)
    dataset = image(Rows=rows, Columns=columns, SamplesPerPixel=samples, BitsAllocated=bits, NumberOfFrames=count)
    dataset.add_new(0x7FE00010, "OW", pixels + b"\0" * (len(pixels) % 2))
    expected = [_encoded(cells[n * per_frame : (n + 1) * per_frame], bits, big=False) for n in range(count)]
    assert frames_in(stored_as(tmp_path_factory.mktemp("native"), dataset, syntax)) == expected


def _encoded(cells: Sequence[int], bits: int, *, big: bool) -> bytes:
    if bits == 1:
        data = sum(cell << place for place, cell in enumerate(cells)).to_bytes((len(cells) + 7) // 8, "little")
    else:
        data = b"".join(cell.to_bytes(bits // 8, "little") for cell in cells)
    if not big:
        return data
    word = max(2, bits // 8)
    data += b"\0" * (-len(data) % word)
    return b"".join(data[at : at + word][::-1] for at in range(0, len(data), word))


def items(table: Sequence[int], fragments: Sequence[bytes], *, even: bool = True) -> bytes:
    """Encapsulated pixel data; without ``even``, an odd fragment is stated odd and has no padding."""
    parts = [struct.pack(f"<{len(table)}L", *table), *fragments]
    padded = [part + b"\0" * (len(part) % 2) if even else part for part in parts]
    return b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(part)) + part for part in padded)


def encapsulated(folder: Path, data: bytes, count: int | None, syntax: str = JPEGBaseline8Bit, **more: Any) -> Path:
    """A file with these items as its pixel data, whatever they are."""
    dataset = image(NumberOfFrames=count, **more)
    path = stored_as(folder, dataset, syntax)
    head = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    path.write_bytes(path.read_bytes() + head + data + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0))
    return path


def jpeg(text: bytes) -> bytes:
    """What begins and ends as a JPEG image does."""
    return b"\xff\xd8\xff\xe0" + text + b"\xff\xd9"


images = st.binary(min_size=24, max_size=60).map(lambda text: jpeg(text.replace(b"\xff", b".")))


@given(
    frames=st.lists(images, min_size=1, max_size=6),
    pieces=st.integers(1, 4),
    table=st.sampled_from(["basic", "extended", "none"]),
)
def test_compressed_frames_come_back_whatever_says_where_they_are(
    tmp_path_factory: pytest.TempPathFactory, frames: list[bytes], pieces: int, table: str
) -> None:
    folder = tmp_path_factory.mktemp("encapsulated")
    even = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    if table == "extended":
        data, starts, lengths = encapsulate_extended(frames)
        more = {"ExtendedOffsetTable": starts, "ExtendedOffsetTableLengths": lengths}
        path = encapsulated(folder, data, len(frames), **more)
        assert [one.rstrip(b"\0") for one in frames_in(path)] == frames
        return
    data = encapsulate(even, fragments_per_frame=pieces, has_bot=table == "basic")
    assert frames_in(encapsulated(folder, data, len(frames))) == even


def test_an_empty_table_and_a_fragment_per_frame_need_no_markers(tmp_path: Path) -> None:
    path = encapsulated(tmp_path, items([], [b"one!", b"two!"]), 2, RLELossless)
    assert frames_in(path) == [b"one!", b"two!"]


def test_the_fragments_of_a_single_frame_are_put_together(tmp_path: Path) -> None:
    path = encapsulated(tmp_path, items([], [b"one", b"tw", b"three!"]), None)
    assert frames_in(path) == [b"one\0twthree!"]


@pytest.mark.parametrize("even", [True, False])
def test_a_fragment_of_odd_length_ends_where_the_next_one_begins(tmp_path: Path, *, even: bool) -> None:
    """Some writers state an odd length; the byte after it is there, or is not."""
    stated_odd = items([], [b"abc"], even=False) + (b"\0" if even else b"")
    path = encapsulated(tmp_path, stated_odd + items([], [b"de"])[8:], 2)
    assert frames_in(path) == [b"abc", b"de"]


def test_a_table_with_an_entry_too_many_is_used(tmp_path: Path) -> None:
    path = encapsulated(tmp_path, items([0, 24, 36], [b"aa", b"bbbbbb", b"cccc"]), 2)
    assert frames_in(path) == [b"aabbbbbb", b"cccc"]


@pytest.mark.parametrize("table", [[0, 13], [4, 0], [0, 0], [0, 4_000_000_000], [0], [12, 24]])
def test_a_table_that_lies_is_passed_over(tmp_path: Path, table: list[int]) -> None:
    frames = [jpeg(b"one."), jpeg(b"two."), jpeg(b"tri.")]
    path = encapsulated(tmp_path, items(table, [frames[0], frames[1] + frames[2]]), 2)
    assert frames_in(path) == [frames[0], frames[1] + frames[2]]


def test_a_video_is_one_stream(tmp_path: Path) -> None:
    path = encapsulated(tmp_path, items([], [b"stream", b"goes", b"on"]), 25, MPEG4HP41)
    assert frames_in(path) == [b"streamgoeson"]


@pytest.mark.parametrize(
    ("fragments", "count", "said"),
    [
        ([b"aa", b"bb", b"cc"], 2, "cannot be told apart into 2 frames"),
        ([b"aa"], 2, "states 2 frames and holds 1 fragments"),
        ([], 1, "hold no fragment"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, fragments: list[bytes], count: int, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        indexed(encapsulated(tmp_path, items([], fragments), count, RLELossless))


@pytest.mark.parametrize("count", [3, 2**31])
def test_more_frames_than_there_are_bytes_for_are_refused(tmp_path: Path, count: int) -> None:
    dataset = image(NumberOfFrames=count)
    dataset.add_new(0x7FE00010, "OB", b"\0" * 12)
    with pytest.raises(Unreadable, match=f"fewer bytes than {count} frames take"):
        indexed(stored_as(tmp_path, dataset, ExplicitVRLittleEndian))


def test_there_is_no_frame_beyond_the_last(tmp_path: Path) -> None:
    dataset = image(NumberOfFrames=2)
    dataset.add_new(0x7FE00010, "OB", bytes(range(12)))
    path = stored_as(tmp_path, dataset, ExplicitVRLittleEndian)
    found = indexed(path)
    assert found
    for number in (0, 3):
        with pytest.raises(NoFrame, match="it has 2 frames"):
            read_frame(path, found, number)


def test_a_file_that_was_cut_since_is_noticed(tmp_path: Path) -> None:
    dataset = image(NumberOfFrames=2)
    dataset.add_new(0x7FE00010, "OB", bytes(range(12)))
    path = stored_as(tmp_path, dataset, ExplicitVRLittleEndian)
    found = indexed(path)
    path.write_bytes(path.read_bytes()[:-4])
    assert found
    assert read_frame(path, found, 1) == bytes(range(6))
    with pytest.raises(Unreadable, match="states more bytes than it has"):
        read_frame(path, found, 2)


@given(changes=CHANGES, name=st.sampled_from(
    ["CT_small", "JPEG2000", "SC_rgb_rle_2frame", "MR_small_bigendian", "UN_sequence", "image_dfl", "priv_SQ"]
))  # fmt: skip
def test_whatever_bytes_are_changed_the_index_is_made_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, int]]
) -> None:
    """Lengths that lie lead nowhere: no other error, and no frame outside the file."""
    data = bytearray((PYDICOM_FILES / f"{name}.dcm").read_bytes())
    for at, value in changes:
        data[132 + at % min(2_000, len(data) - 132)] = value
    path = tmp_path_factory.mktemp("changed") / "one.dcm"
    path.write_bytes(data)
    try:
        found = indexed(path)
        frames = [read_frame(path, found, number) for number in range(1, min(found.count, 3) + 1)] if found else []
    except Refused:
        return
    assert found is None or found.deflated or all(len(frame) <= len(data) for frame in frames)


@pytest.mark.parametrize("depth", [3, 5_000])
def test_sequences_within_sequences_end_somewhere(tmp_path: Path, depth: int) -> None:
    """As deep as a sender likes: no recursion."""
    opening = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closing = struct.pack("<HHL", 0xFFFE, 0xE00D, 0) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    path = stored_as(tmp_path, image(), ExplicitVRLittleEndian)
    path.write_bytes(path.read_bytes() + opening * depth + closing * depth)
    if depth > 100:
        with pytest.raises(Unreadable, match="lie within each other"):
            indexed(path)
    else:
        assert indexed(path) is None
