"""Requests to the web service, byte for byte: each is answered below 500, or ended, and shows nobody to a stranger."""

import shutil
from collections.abc import Sequence
from random import Random
from typing import Final
from urllib.parse import quote

import pytest
from pydicom.dataset import Dataset

from krypton.faces.http.limits import Limits
from krypton.faces.http.watched import unreadable
from krypton.services.http import AnsweringProtocol
from tests.fakes.dicom import ROOT, instance
from tests.fakes.http_server import serving
from tests.fakes.images import Kept
from tests.fakes.web import PERSON, RECORD, TOKEN, Queries, wired
from tests.fuzz.frame import Wrong, scratch
from tests.fuzz.mutate import havoc, odd_text
from tests.fuzz.wire import HEADERS, heard, status_of, with_header

SHOWN: Final = "FICTIVE-OF-A-RECORD"
IMAGE: Final = f"/dicom-web/studies/{ROOT}1/series/{ROOT}1.1/instances/{ROOT}7.1"
OF_IMAGES: Final = (
    *(f"{IMAGE}{more}" for more in ("", "/metadata", "/frames/1", "/frames/2,1", "/rendered", "/frames/1/thumbnail")),
    f"{IMAGE}/bulkdata/00281201",
    f"/dicom-web/studies/{ROOT}1",
    f"/dicom-web/studies/{ROOT}1/metadata",
    f"/dicom-web/studies/{ROOT}1/series/{ROOT}1.1",
    f"/dicom-web/studies/{ROOT}1/series/{ROOT}1.1/metadata",
    f"/people/{PERSON}/dicom-web/studies/{ROOT}1/rendered",
    f"/dicom-web/studies/{ROOT}1/series",
    f"/dicom-web/studies/{ROOT}1/instances",
    f"/api/studies/{PERSON}/files",
)
ASKED: Final = (
    *("accept", "window", "viewport", "quality", "limit", "offset", "includefield", "fuzzymatching"),
    *("SeriesDescription", "Modality", "SeriesInstanceUID", "SeriesDate", "InstanceNumber", "0008103E"),
)
"""Parameters that routes of images read."""
WILD: Final = ("*a*a*a*a*a*a*a*a*a*a*a*a*b", "?" * 64 + "*" * 64, "%25_%5C*", "00000000-99999999", "1e999", "-")

PATHS: Final = (
    "/health",
    "/metrics",
    RECORD,
    f"/api/studies/{PERSON}",
    f"/api/people/{PERSON}/dose/{ROOT}1",
    "/api/people/record",
    "/",
    "/api",
    "/x",
    *OF_IMAGES,
)
SEARCHES: Final = (
    "/dicom-web/studies?PatientName=A*&limit=2",
    f"/dicom-web/series?StudyInstanceUID={ROOT}1",
    f"/dicom-web/studies/{ROOT}1/instances?InstanceNumber=1",
    f"/people/{PERSON}/dicom-web/studies?StudyDate=20260101-",
)
KEYS: Final = ("PatientID", "PatientName", "StudyDate", "StudyInstanceUID", "limit", "offset", "includefield")
ODD: Final = (
    *HEADERS,
    b"X-Forwarded-For: 127.0.0.1",
    b"X-Forwarded-Proto: https",
    b"Forwarded: for=127.0.0.1;proto=https",
    b"X-Original-URL: " + RECORD.encode(),
    b"X-HTTP-Method-Override: DELETE",
    b"Authorization: Bearer ",
    b"Authorization: Bearer " + b"x" * 50,
    b"Authorization: Basic eDp5",
    b"Cookie: __Host-krypton=" + b"a" * 43,
    b"Krypton-Reason: %00%ff",
    b"Krypton-Reason: again",
    b"Range: bytes=0-0,0-0,-1",
    b"Range: bytes=-1",
    b"If-None-Match: *",
    b"Accept-Encoding: gzip;q=0, *",
    b"Accept: " + b"a/b;q=0.1," * 300,
    b'Accept: multipart/related; type="application/octet-stream; transfer-syntax=*',
    b"Accept: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90",
    b"Accept: application/dicom; transfer-syntax=1.2.840.10008.1.2.5",
    b"Accept: image/png;q=nan, */*;q=-1",
    b"X-Request-Id: " + b"'\"<>",
)


class Spoken(AnsweringProtocol):
    """As the service speaks."""

    unreadable = unreadable()


class WebRequests:
    """See the module."""

    name = "web"

    def __init__(self) -> None:
        self._patched, self._folder, self._queries = pytest.MonkeyPatch(), scratch(), Queries()
        self._queries.install(self._patched)
        self._queries.document = {"person": SHOWN}
        kept = Kept(self._folder, self._queries)
        kept.take_in([_image()])
        self._wired = wired(self._folder, limits=Limits(rate=1e9), archive=kept.archive)
        self._serving = serving(self._wired.__enter__().app, Spoken)
        self._address = ("127.0.0.1", self._serving.__enter__())

    def seeds(self) -> Sequence[bytes]:
        """Every route, with and without a token."""
        body = b'{"person": "CHB|123"}'
        return [
            *(request("GET", path, token) for path in (*PATHS, *SEARCHES) for token in (TOKEN, "")),
            *(request("POST", "/api/people/record", token, body) for token in (TOKEN, "")),
            *(request("HEAD", path, TOKEN) for path in OF_IMAGES),
            *(request(method, RECORD, TOKEN) for method in ("HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND")),
        ]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """The path, the query, the body, a header, or the bytes."""
        head, _, body = given.partition(b"\r\n\r\n")
        path = head.split(b" ")[1].decode("latin-1") if head.count(b" ") > 1 else "/"
        match random.randrange(6):
            case 0:
                parts = path.split("/")
                parts[random.randrange(len(parts))] = quote(odd_text(random)[:9_000], safe="=&?%", errors="replace")
                return request("GET", "/".join(parts), random.choice((TOKEN, "")))
            case 1:
                name, value = (quote(odd_text(random)[:2_000], errors="replace") for _ in range(2))
                name = random.choice((name, "accept", "window", "viewport", "quality", *KEYS))
                return request("GET", f"{path}{'&' if '?' in path else '?'}{name}={value}", TOKEN)
            case 2:
                text = odd_text(random).encode(errors="surrogatepass")
                sent = random.choice((text, b'{"person": "%s"}' % text, havoc(body, other, random)))
                return request("POST", "/api/people/record", random.choice((TOKEN, "")), sent)
            case 3 | 4:
                return with_header(given, random.choice(ODD), random.randrange(100))
            case _:
                return havoc(given, other, random)

    def answer(self, given: bytes) -> str:
        """Send it, hear the first answer, and ask for health."""
        self._queries.asked.clear()
        said = heard(self._address, given)
        if SHOWN.encode() in said and TOKEN.encode() not in given:
            raise Wrong("shown: a record, to somebody without a token")
        if status_of(heard(self._address, HEALTH, patient=True)) != 200:
            raise Wrong("health: the service answers nobody after this")
        if not said:
            return "ended"
        status = status_of(said)
        if status >= 500 and status != 503:
            raise Wrong("answer: a defect")
        if status >= 200 and b"default-src 'none'" not in said:
            raise Wrong("answer: it guards no browser")
        return f"{status} {len(self._queries.asked)}"

    def close(self) -> None:
        """Stop the service."""
        self._serving.__exit__(None, None, None)
        self._wired.__exit__(None, None, None)
        self._patched.undo()
        shutil.rmtree(self._folder)


def _image() -> Dataset:
    """Two frames, and a table of 2 KiB."""
    stated = {"SOPInstanceUID": f"{ROOT}7.1", "PatientName": SHOWN, "NumberOfFrames": 2, "Rows": 8, "Columns": 8}
    stated |= {"SeriesDescription": "a" * 64, "Modality": "CT"}
    stated |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "SamplesPerPixel": 1}
    stated |= {"PhotometricInterpretation": "MONOCHROME2", "RedPaletteColorLookupTableData": bytes(2_048)}
    made = instance(**stated, PixelData=bytes(range(128)))
    made["PixelData"].VR = "OB"
    return made


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A request that asks the server to close; an empty token: of nobody."""
    lines = [f"{method} {path} HTTP/1.1", "Host: krypton", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"Authorization: Bearer {token}", "Krypton-Reason: follow-up"] if token else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


HEALTH: Final = request("GET", "/health", "")
