"""What DICOMweb gives out: byte for byte what came in, in the form that was asked for, or a plain refusal."""

import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.filereader import read_file_meta_info
from starlette.testclient import TestClient

from krypton.faces.dicomweb import sending
from krypton.faces.http.app import Face
from krypton.queries.images import Study
from krypton.queries.standing import Seen
from tests.fakes.dicom import CT_IMAGE, ENCAPSULATED_PDF, OTHER_SITE, ROOT, instance, new_uid
from tests.fakes.images import Kept, address, data_set, digest, parts
from tests.fakes.pydicom_files import PART_10, PYDICOM_FILES
from tests.fakes.web import PERSON, SIGNED, Queries

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"


def get(client: TestClient, path: str, accept: str = "*/*", status: int = 200, more: Any = ()) -> Any:
    """An answer of that status. ``more``: headers."""
    answer = client.get(path, headers={**SIGNED, "Accept": accept, **dict(more)})
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    return answer


def image(number: int = 1, **changes: Any) -> Any:
    """Eight frames of two pixels, each another."""
    pixels = bytes(range(number, number + 16))
    stated = {"SOPInstanceUID": f"{ROOT}7.{number}", "InstanceNumber": number, "NumberOfFrames": 8, "PixelData": pixels}
    stated |= {"Rows": 1, "Columns": 2, "BitsAllocated": 8, "SamplesPerPixel": 1, **changes}
    made = instance(**stated)
    made["PixelData"].VR = "OB"
    return made


def only(kept: Kept, uid: str) -> tuple[str, str]:
    """Series and UID of the only instance."""
    ((series, row),) = kept.rows(uid)
    return series, row["sop_uid"]


TAKEN = [file for file in PART_10 if file.stem not in {"MR_truncated", "SC_rgb_jpeg"}]
"""Without one that is cut off, and one of no study that pydicom cannot write: its VRs are not those of its syntax."""


def complete(file: Path, folder: Path) -> Path:
    """A file of pydicom's; where it names no patient, study or instance, a copy that does."""
    came = dcmread(file)
    needed = {"PatientID": "T-1", "StudyInstanceUID": f"{ROOT}1", "SeriesInstanceUID": f"{ROOT}1.1"}
    needed |= {"SOPInstanceUID": f"{ROOT}7.1", "SOPClassUID": CT_IMAGE}
    missing = {keyword: value for keyword, value in needed.items() if not came.get(keyword)}
    if not missing:
        return file
    for keyword, value in missing.items():
        setattr(came, keyword, value)
    came.file_meta.MediaStorageSOPInstanceUID = came.SOPInstanceUID
    came.file_meta.MediaStorageSOPClassUID = came.SOPClassUID
    came.save_as(folder / "whole.dcm", enforce_file_format=True)
    return folder / "whole.dcm"


@pytest.mark.parametrize("file", TAKEN, ids=lambda file: file.stem)
def test_a_file_of_any_transfer_syntax_comes_back_byte_for_byte(
    client: TestClient, kept: Kept, file: Path, tmp_path: Path
) -> None:
    file = complete(file, tmp_path)
    came = dcmread(file)
    uid = kept.take_in([file])
    series, sop_uid = only(kept, uid)
    syntax = came.file_meta.TransferSyntaxUID
    for path in (address(uid), address(uid, series), address(uid, series, sop_uid)):
        ((headers, got),) = parts(get(client, path, DICOM))
        assert data_set(got) == data_set(file.read_bytes())
        assert headers["Content-Type"] == f"application/dicom; transfer-syntax={syntax}"
        assert headers["Content-Location"] == address(uid, series, sop_uid)
    whole = get(client, address(uid, series, sop_uid), "application/dicom")
    assert data_set(whole.content) == data_set(file.read_bytes())
    assert whole.headers["content-type"] == f"application/dicom; transfer-syntax={syntax}"


COMPRESSED = [file for file in TAKEN if read_file_meta_info(file).TransferSyntaxUID.is_encapsulated]


@pytest.mark.parametrize("file", COMPRESSED, ids=lambda file: file.stem)
def test_frames_are_those_that_pydicom_cuts(client: TestClient, kept: Kept, file: Path, tmp_path: Path) -> None:
    file = complete(file, tmp_path)
    came = dcmread(file)
    if "PixelData" not in came:
        pytest.skip("it has no pixels")
    uid = kept.take_in([file])
    series, sop_uid = only(kept, uid)
    count = int(came.get("NumberOfFrames", 1))
    frames = [*generate_frames(came.PixelData, number_of_frames=count)]
    numbers = ",".join(map(str, range(1, count + 1)))
    found = parts(get(client, address(uid, series, sop_uid, f"/frames/{numbers}"), OCTETS))
    assert [got for _, got in found] == frames
    syntax = came.file_meta.TransferSyntaxUID
    assert {headers["Content-Type"] for headers, _ in found} == {f"application/octet-stream; transfer-syntax={syntax}"}
    assert [headers["Content-Location"].rpartition("/")[2] for headers, _ in found] == numbers.split(",")


def test_every_instance_of_a_study_is_given_once_and_each_under_its_own_address(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image(n, SeriesInstanceUID=f"{ROOT}1.{n % 3}") for n in range(1, 30)])
    digests = {(series, row["sop_uid"]): row["digest"] for series, row in kept.rows(uid)}
    answer = get(client, address(uid), DICOM)
    assert int(answer.headers["content-length"]) == len(answer.content)
    got = {headers["Content-Location"]: digest(body) for headers, body in parts(answer)}
    assert got == {address(uid, *one): said for one, said in digests.items()}
    series = f"{ROOT}1.1"
    of_series = parts(get(client, address(uid, series), DICOM))
    assert {headers["Content-Location"] for headers, _ in of_series} == {
        address(uid, *one) for one in digests if one[0] == series
    }


def test_frames_come_in_the_order_that_is_asked_for(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image()])
    at = address(uid, *only(kept, uid))
    assert [got for _, got in parts(get(client, f"{at}/frames/3,1,8"))] == [b"\x05\x06", b"\x01\x02", b"\x0f\x10"]
    one = get(client, f"{at}/frames/4", "application/octet-stream")
    assert (one.content, one.headers["content-length"]) == (b"\x07\x08", "2")
    assert one.headers["content-type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize(
    "frames", ["0", "-1", "1,1", "1,", ",1", "a", "1.5", "١", "1;2", "1 ", "+1", "9" * 8, "1,0", "0x1", "1e0"]
)
def test_what_is_no_list_of_frames_is_refused(client: TestClient, kept: Kept, frames: str) -> None:
    uid = kept.take_in([image()])
    answer = get(client, address(uid, *only(kept, uid), f"/frames/{frames}"), status=400)
    assert "each once" in answer.json()["detail"]


def test_a_list_of_thousands_is_too_long_and_one_of_hundreds_is_given(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image(NumberOfFrames=500, PixelData=bytes(1_000))])
    at = address(uid, *only(kept, uid), "/frames/")
    get(client, at + ",".join(["1"] * 3_000), status=414)
    get(client, at + ",".join(["1"] * 300), status=400)
    assert len(parts(get(client, at + ",".join(map(str, range(1, 401)))))) == 400


@pytest.mark.parametrize("frames", ["9", "1,9", "9999999"])
def test_a_frame_that_is_not_there_is_not_found(client: TestClient, kept: Kept, frames: str) -> None:
    uid = kept.take_in([image()])
    answer = get(client, address(uid, *only(kept, uid), f"/frames/{frames}"), status=404)
    assert "it has 8 frames" in answer.json()["detail"]


def test_what_is_not_in_the_study_is_not_found(client: TestClient, kept: Kept, queries: Queries) -> None:
    uid, other = (
        kept.take_in([image()]),
        kept.take_in([image(2, StudyInstanceUID=new_uid(), SeriesInstanceUID=new_uid())]),
    )
    (series, sop_uid), (others, its) = only(kept, uid), only(kept, other)
    for path in (
        address(new_uid()),
        address(uid, others),
        address(uid, others, its),
        address(uid, series, its),
        address(uid, series, its, "/frames/1"),
        address(uid, "..", sop_uid),
        address(uid, "1.2.3", sop_uid),
        address(uid, series, "x", "/metadata"),
        address(uid, series, sop_uid, "/bulkdata/00091010"),
        address(uid, series, sop_uid, "/bulkdata/../../x"),
    ):
        get(client, path, status=404)
    del queries.seen[other]
    get(client, address(other), status=404)


ACCEPTED = {
    "nothing": ("", "multipart/related"),
    "anything": ("*/*", "multipart/related"),
    "what a browser says": ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "multipart/related"),
    "no quotes": ("multipart/related; type=application/octet-stream; transfer-syntax=*", "multipart/related"),
    "quotes around all": ('multipart/related; type="application/octet-stream; transfer-syntax=*"', "multipart/related"),
    "an open quote": ('multipart/related; type="application/octet-stream; transfer-syntax=*', "multipart/related"),
    "quotes around one": (
        f'multipart/related; type="application/octet-stream"; transfer-syntax="{EXPLICIT}"',
        "multipart/related",
    ),
    "single quotes": ("multipart/related; type='application/octet-stream'", "multipart/related"),
    "capitals": ('MULTIPART/Related; Type="Application/Octet-Stream"', "multipart/related"),
    "spaces": ("  multipart/related ;type = application/octet-stream ; q=1 ", "multipart/related"),
    "the second": (
        "image/jls, multipart/related; type=image/jp2, application/octet-stream",
        "application/octet-stream",
    ),
    "the better": ("multipart/related;q=0.1, application/octet-stream;q=0.9", "application/octet-stream"),
    "not the refused": ("application/octet-stream;q=0, multipart/related;q=0.1", "multipart/related"),
    "no number for q": ("application/octet-stream;q=best", "application/octet-stream"),
    "rubbish before": (";;,=,q=1,/, application/octet-stream", "application/octet-stream"),
    "another syntax first": (
        f"multipart/related; type=application/octet-stream; transfer-syntax={JPEG}, {OCTETS}",
        "multipart/related",
    ),
}


@pytest.mark.parametrize(("accept", "kind"), ACCEPTED.values(), ids=ACCEPTED)
def test_the_whole_accept_list_is_read(client: TestClient, kept: Kept, accept: str, kind: str) -> None:
    uid = kept.take_in([image()])
    answer = get(client, address(uid, *only(kept, uid), "/frames/2"), accept)
    assert answer.headers["content-type"].startswith(kind)
    assert b"\x03\x04" in answer.content


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/png",
        "multipart/related; type=text/plain",
        "application/octet-stream;q=0",
        "multipart/related; type=application/octet-stream; transfer-syntax=1.2.3",
        "multipart/related; type=image/jpeg",
        "multipart/related; type=image/jpeg; transfer-syntax=*",
        "x" * 10_000,
        "," * 10_000,
        ";" * 10_000 + ",text/html",
        ",".join(["image/x"] * 1_000),
        '"' * 1_000,
        "multipart/related; type=multipart/related",
    ],
    ids=range(13),
)
def test_what_cannot_be_given_is_refused_with_what_can(client: TestClient, kept: Kept, accept: str) -> None:
    uid = kept.take_in([image()])
    answer = client.get(address(uid, *only(kept, uid), "/frames/2"), headers={**SIGNED, "Accept": accept})
    if accept.strip(',"'):
        assert answer.status_code == 406
        assert f"transfer-syntax=*, which is {EXPLICIT} here" in answer.json()["detail"]
    else:
        assert answer.status_code == 200  # nothing is named


def test_several_frames_or_instances_are_no_single_part(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image(1), image(2)])
    (series, row), _ = kept.rows(uid)
    get(client, address(uid, series, row["sop_uid"], "/frames/1,2"), "application/octet-stream", 406)
    get(client, address(uid, series), "application/dicom", 406)
    get(client, address(uid, series), "application/dicom, multipart/related")


def test_an_accept_parameter_stands_in_for_the_header(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image()])
    at = address(uid, *only(kept, uid))
    assert (
        get(client, f"{at}?accept=application/dicom", "text/html").headers["content-type"].startswith("application/d")
    )
    assert get(client, f"{at}/metadata?accept=application/dicom+json", "text/html").json()
    get(client, f"{at}?accept=text/html", "application/dicom", 406)


def test_a_compressed_frame_is_given_under_its_own_type_too(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([PYDICOM_FILES / "SC_rgb_jpeg_dcmtk.dcm"])
    at = address(uid, *only(kept, uid), "/frames/1")
    for accept in ("image/jpeg", f"image/jpeg; transfer-syntax={JPEG}", "image/*"):
        answer = get(client, at, accept)
        assert answer.headers["content-type"] == f"image/jpeg; transfer-syntax={JPEG}"
        assert answer.content.startswith(b"\xff\xd8")
    get(client, at, "image/jp2", 406)
    ((headers, _),) = parts(get(client, at, "multipart/related; type=image/jpeg"))
    assert headers["Content-Type"] == f"image/jpeg; transfer-syntax={JPEG}"


def told(answer: Any) -> list[str]:
    """The instances of a metadata document."""
    return [one["00080018"]["Value"][0] for one in answer.json()]


def test_metadata_of_a_series_are_sent_packed_as_they_lie_there(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image(n) for n in (2, 1, 3)])
    series = kept.rows(uid)[0][0]
    path = address(uid, series, more="/metadata")
    packed = get(client, path, "application/dicom+json", more={"Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.headers["content-type"]) == ("gzip", "application/dicom+json")
    assert told(packed) == [f"{ROOT}7.{n}" for n in (1, 2, 3)]
    assert int(packed.headers["content-length"]) < len(packed.content)
    for encoding in ("identity", "br", "gzip;q=0"):
        plain = get(client, path, "application/dicom+json", more={"Accept-Encoding": encoding})
        assert "content-encoding" not in plain.headers
        assert plain.content == packed.content
    get(client, path, "application/dicom+xml", 406)


def test_metadata_of_a_study_and_of_an_instance_are_those_of_its_series(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image(n, SeriesInstanceUID=f"{ROOT}1.{n % 2}") for n in range(1, 6)])
    of_series = {
        one["00080018"]["Value"][0]: one
        for series in (f"{ROOT}1.0", f"{ROOT}1.1")
        for one in get(client, address(uid, series, more="/metadata")).json()
    }
    for encoding in ("gzip", "identity"):
        whole = get(client, address(uid, more="/metadata"), more={"Accept-Encoding": encoding}).json()
        assert {one["00080018"]["Value"][0]: one for one in whole} == of_series
    assert len(of_series) == 5
    for sop_uid, one in of_series.items():
        assert get(client, address(uid, one["0020000E"]["Value"][0], sop_uid, "/metadata")).json() == [one]


def test_bulk_data_are_found_where_each_document_says(client: TestClient, kept: Kept) -> None:
    value = bytes(range(256)) * 8
    uid = kept.take_in([image(RedPaletteColorLookupTableData=value)])
    series, sop_uid = only(kept, uid)
    relative = get(client, address(uid, series, more="/metadata")).json()[0]["00281201"]["BulkDataURI"]
    found = {address(uid, series, more=f"/{relative}")}
    for path in (address(uid, more="/metadata"), address(uid, series, sop_uid, "/metadata")):
        found.add(get(client, path).json()[0]["00281201"]["BulkDataURI"])
    (path,) = found
    assert get(client, path).content == value
    ((headers, got),) = parts(get(client, path, 'multipart/related; type="application/octet-stream"'))
    assert (got, headers["Content-Location"]) == (value, path)


RANGES = [
    ("bytes=0-9", 206, 0, 10),
    ("bytes=2000-", 206, 2_000, 2_048),
    ("bytes=-5", 206, 2_043, 2_048),
    ("bytes=-99999", 206, 0, 2_048),
    ("bytes=5-99999", 206, 5, 2_048),
    ("BYTES = 1 - 1", 206, 1, 2),
    ("bytes=0-9,20-29", 200, 0, 2_048),
    ("bytes=9-0", 200, 0, 2_048),
    ("bytes=a-b", 200, 0, 2_048),
    ("bytes=-", 200, 0, 2_048),
    ("lines=0-9", 200, 0, 2_048),
    ("bytes=" + "9" * 30 + "-", 200, 0, 2_048),
    ("bytes=--5", 200, 0, 2_048),
]


@pytest.mark.parametrize(("asked", "status", "first", "end"), RANGES, ids=[one[0][:12] for one in RANGES])
def test_a_range_of_bulk_data_is_given(
    client: TestClient, kept: Kept, asked: str, status: int, first: int, end: int
) -> None:
    value = bytes(range(256)) * 8
    uid = kept.take_in([image(RedPaletteColorLookupTableData=value)])
    at = address(uid, *only(kept, uid), "/bulkdata/00281201")
    answer = get(client, at, status=status, more={"Range": asked})
    assert answer.content == value[first:end]
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/2048"
    get(client, at, status=416, more={"Range": "bytes=2048-"})
    get(client, at, status=416, more={"Range": "bytes=-0"})
    tag = get(client, at).headers["etag"]
    assert get(client, at, status=304, more={"If-None-Match": f'"x", {tag}'}).content == b""
    get(client, at, more={"Range": "bytes=0-9", "If-Range": '"other"'})


def test_a_pdf_is_given_as_what_it_is(client: TestClient, kept: Kept) -> None:
    pdf = b"%PDF-1.4 fictitious" + b" " * 2_000
    made = instance(
        SOPClassUID=ENCAPSULATED_PDF, MIMETypeOfEncapsulatedDocument="application/pdf", EncapsulatedDocument=pdf + b" "
    )
    uid = kept.take_in([made])
    at = address(uid, *only(kept, uid), "/bulkdata/00420011")
    assert get(client, at).headers["content-type"] == "application/pdf"
    assert get(client, at, "application/pdf").content.startswith(pdf)
    assert get(client, at, "application/octet-stream").headers["content-type"] == "application/octet-stream"
    get(client, at, "image/png", 406)


def test_a_media_type_that_a_device_states_is_no_header_of_its_own(client: TestClient, kept: Kept) -> None:
    made = instance(
        SOPClassUID=ENCAPSULATED_PDF, MIMETypeOfEncapsulatedDocument="text/html; x", EncapsulatedDocument=b"x" * 2_000
    )
    uid = kept.take_in([made])
    answer = get(client, address(uid, *only(kept, uid), "/bulkdata/00420011"))
    assert answer.headers["content-type"] == "application/octet-stream"


def test_two_sites_copies_of_one_study_are_shown_as_one(client: TestClient, kept: Kept, queries: Queries) -> None:
    first = [image(1), image(2)]
    uid = kept.take_in(first)
    kept.take_in([image(3, PatientID="P-9"), image(4, SeriesInstanceUID=f"{ROOT}1.9", PatientID="P-9")], OTHER_SITE)
    assert len(queries.seen[uid].studies) == 2
    got = {headers["Content-Location"].rpartition("/")[2] for headers, _ in parts(get(client, address(uid), DICOM))}
    assert got == {f"{ROOT}7.{n}" for n in (1, 2, 3, 4)}
    series = f"{ROOT}1.1"
    for encoding in ("gzip", "identity"):
        answer = get(client, address(uid, series, more="/metadata"), more={"Accept-Encoding": encoding})
        assert told(answer) == [f"{ROOT}7.{n}" for n in (1, 2, 3)]
    get(client, address(uid, series, f"{ROOT}7.3", "/frames/1"))


def test_a_study_whose_images_are_elsewhere_is_not_found_here(client: TestClient, kept: Kept, queries: Queries) -> None:
    queries.seen["1.2.3"] = Seen("1.2.3", (PERSON,), PERSON, frozenset([PERSON]))
    assert "where its images were taken in" in get(client, address("1.2.3"), status=404).json()["detail"]


def test_bytes_that_are_gone_break_the_answer_off(
    web: Face, client: TestClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was cut: what is sent must not look whole, and what was not begun is an error."""
    monkeypatch.setattr(sending, "LEAST", 1_024)
    monkeypatch.setattr(sending, "MOST", 1_024)
    pixels = bytes(100_000)
    uid = kept.take_in([image(NumberOfFrames=1, Rows=100, Columns=1_000, PixelData=pixels)])
    series, sop_uid = only(kept, uid)
    path = kept.archive.path(kept.rows(uid)[0][1])
    path.write_bytes(path.read_bytes()[:-50_000])
    answer = client.get(address(uid, series, sop_uid), headers={**SIGNED, "Accept": "application/dicom"})
    assert len(answer.content) < int(answer.headers["content-length"])
    get(client, address(uid, series, sop_uid, "/frames/1"), "application/octet-stream")


@pytest.mark.parametrize("more", ["", "/frames/1"])
def test_a_file_that_is_gone_is_said_to_be_and_is_no_defect(client: TestClient, kept: Kept, more: str) -> None:
    """Its person is erased at that moment, or its volume is away."""
    uid = kept.take_in([image()])
    series, sop_uid = only(kept, uid)
    kept.archive.path(kept.rows(uid)[0][1]).unlink()
    told = get(client, address(uid, series, sop_uid, more), status=503).json()
    assert "cannot be read" in told["detail"] or "does not answer" in told["detail"]


def test_a_person_may_be_named_by_the_address(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image()])
    series, sop_uid = only(kept, uid)
    root = f"/people/{PERSON}/dicom-web"
    ((headers, _),) = parts(get(client, address(uid, series, sop_uid, root=root), DICOM))
    assert headers["Content-Location"] == address(uid, series, sop_uid, root=root)


def test_each_answer_has_a_boundary_of_its_own(client: TestClient, kept: Kept) -> None:
    uid = kept.take_in([image()])
    kinds = {get(client, address(uid), DICOM).headers["content-type"] for _ in range(5)}
    assert len(kinds) == 5


def test_a_packed_document_is_plain_gzip(client: TestClient, kept: Kept) -> None:
    """Of one member, however long it is: Chromium passes over what comes after the first."""
    uid = kept.take_in([image(n, ImageComments="x" * 50_000) for n in range(1, 5)])
    with client.stream("GET", address(uid, more="/metadata"), headers={**SIGNED, "Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    unpacking = zlib.decompressobj(31)
    assert len(json.loads(unpacking.decompress(raw))) == 4
    assert (unpacking.eof, unpacking.unused_data) == (True, b"")


def test_what_is_held_of_each_instance_of_a_study_is_little(kept: Kept, queries: Queries) -> None:
    """Eight studies of thousands of instances are sent at once, each from what is held of it."""
    uid = kept.take_in([image(n) for n in range(1, 101)])
    study = Study(kept.archive, queries.seen[uid])
    study.whole(f"{ROOT}1.1")
    tracemalloc.start()
    try:
        held = study.whole(f"{ROOT}1.1")
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(held) == 100
    assert size < 100 * 1_000
