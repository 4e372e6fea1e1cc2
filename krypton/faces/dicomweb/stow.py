"""STOW-RS: takes in DICOM files that are sent over HTTP, under the rules of C-STORE. Source: PS3.18 10.5, annex I.2.

Each file goes to the disk while it comes in, and the answer says of each what became of it. The caller is an account of
an establishment, and signs in as a service; nothing of anybody is shown.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

from starlette.responses import Response

from domain.errors import UnknownSite
from krypton.faces.dicomweb.multipart import LONGEST_BOUNDARY, Malformed, Multipart, Part, media_type
from krypton.faces.dicomweb.storing import EndlessFile, Incoming, Outcome, Sending, Storing, TooManyAtOnce
from krypton.faces.http.asked import Asked
from krypton.faces.http.declared import Declared, Doors
from krypton.faces.http.limits import CLOSE, Takes
from krypton.faces.http.problem import Problem

STUDIES: Final = "/dicom-web/studies"
TAKES: Final = Takes(most=256 * 1024**3, answer_s=600.0)
"""Of one request; how large one file may be, and the room on the disk, bound it before."""
MOST_PARTS: Final = 50_000
DICOM: Final = "application/dicom"
JSON: Final = "application/dicom+json"
PROCESSING_FAILURE, OUT_OF_RESOURCES = 0x0110, 0xA700
BUSY: Final = {"Retry-After": "5"}
KIND: Final = f'the body is multipart/related; type="{DICOM}"; boundary=…, with a DICOM file in each part'


@dataclass(frozen=True)
class _Failed:
    """A part of which nothing more is known."""

    status: int
    why: str
    sop_class: str = ""
    sop_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""


def routes(doors: Doors, storing: Storing | None) -> list[Declared]:
    """``storing``: None where images cannot be kept."""
    declared = partial(Declared, doors=doors, task="study.store", method="POST", takes=TAKES)
    begin = partial(_begin, storing)
    return [declared(STUDIES, begin), declared(f"{STUDIES}/{{study_uid}}", begin)]


def _begin(storing: Storing | None, asked: Asked) -> "Transaction":
    """Raises Problem 400, 403, 415, 503."""
    boundary = boundary_of(asked.headers.get("content-type", ""))
    if asked.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is packed: send it as it is", headers=CLOSE)
    if storing is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no image is kept on this machine", headers=CLOSE)
    if not (site := asked.by.site):
        raise Problem(HTTPStatus.FORBIDDEN, "this account is of no establishment: let its site be set", headers=CLOSE)
    return Transaction(partial(_sending, storing, asked.by.actor, site), boundary, asked.path.get("study_uid"))


def _sending(storing: Storing, actor: str, site: str) -> Sending:
    """Raises Problem 403, 503."""
    try:
        return storing.begin(actor, site)
    except UnknownSite:
        why = "the establishment of this account is not enrolled: krypton site enroll"
        raise Problem(HTTPStatus.FORBIDDEN, why, UnknownSite.rule, CLOSE) from None
    except TooManyAtOnce:
        why = "as many send already as may at once: send again later"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, why, headers=BUSY | CLOSE) from None


def boundary_of(content_type: str) -> bytes:
    """Raises Problem 415: it is no body of DICOM files; 400: it says no boundary."""
    kind, said = media_type(content_type)
    if kind != "multipart/related" or said.get("type", DICOM).lower() != DICOM:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, KIND, headers=CLOSE)
    boundary = said.get("boundary", "")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise Problem(HTTPStatus.BAD_REQUEST, f"{KIND}; a boundary has 1 to {LONGEST_BOUNDARY} letters", headers=CLOSE)
    return boundary.encode()


class Transaction:
    """``krypton.faces.http.reading.Reading`` of one request; ``begin``: asked once, when its body begins to come."""

    def __init__(self, begin: Callable[[], Sending], boundary: bytes, study_uid: str | None) -> None:
        self._begin, self._study_uid = begin, study_uid
        self._sending: Sending | None = None
        self._parts = Multipart(boundary, self._part)
        self._outcomes: list[Outcome] = []
        self._lock = Lock()
        self._closed = False

    def write(self, data: bytes) -> None:
        """See ``Reading``. Raises Problem 400, 403, 413, 503."""
        with self._lock:
            if self._closed:
                return
            self._sending = self._sending or self._begin()
            try:
                self._parts.feed(data)
            except Malformed as wrong:
                raise self._broken(wrong) from None
            except EndlessFile:
                raise Problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    self._told("a file is larger than any that is taken"),
                    "",
                    CLOSE,
                ) from None

    def _part(self, headers: Mapping[str, str]) -> Part:
        if len(self._outcomes) >= MOST_PARTS:
            raise Malformed(f"more than {MOST_PARTS} parts: send them in several requests")
        kind = media_type(headers.get("content-type", DICOM))[0]
        if kind != DICOM:
            failed = _Failed(PROCESSING_FAILURE, f"its Content-Type is not {DICOM}")
            return _Kept(_PassedOver(failed), self._outcomes)
        assert self._sending, "a part begins within a request that has begun"
        return _Kept(self._sending.file(self._study_uid), self._outcomes)

    def end(self) -> Response:
        """See ``Reading``. Raises Problem 400."""
        with self._lock:
            try:
                self._parts.end()
            except Malformed as wrong:
                raise self._broken(wrong) from None
        return answered(self._outcomes)

    def close(self) -> None:
        """See ``Reading``."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._parts.discard()
                if self._sending:
                    self._sending.close()

    def _broken(self, wrong: Malformed) -> Problem:
        return Problem(HTTPStatus.BAD_REQUEST, self._told(f"the body is no multipart body: {wrong}"), headers=CLOSE)

    def _told(self, wrong: str) -> str:
        stored = sum(1 for one in self._outcomes if not one.status)
        return f"{wrong}; {stored} instances before that are stored, and may be sent again with the others"


@dataclass
class _PassedOver:
    """A part that is no DICOM file: nothing of it is kept."""

    failed: _Failed

    def write(self, _: memoryview) -> None:
        pass

    def end(self) -> Outcome:
        return self.failed

    def discard(self) -> None:
        pass


@dataclass
class _Kept:
    """``Part`` that is a file; what became of it is added to ``outcomes``."""

    file: Incoming
    outcomes: list[Outcome] = field(repr=False)

    def write(self, data: memoryview) -> None:
        self.file.write(data)

    def end(self) -> None:
        self.outcomes.append(self.file.end())

    def discard(self) -> None:
        self.file.discard()


def answered(outcomes: Sequence[Outcome]) -> Response:
    """200: all are stored; 202: some; 409: none. Each is named, with the reason where it failed."""
    stored = [one for one in outcomes if not one.status]
    failed = [one for one in outcomes if one.status]
    status = HTTPStatus.OK if not failed else HTTPStatus.ACCEPTED if stored else HTTPStatus.CONFLICT
    document = {
        "00081190": _text("UR", _study(stored)),
        "00081198": _sequence([_referenced(one) | _reason(one) for one in failed if one.sop_uid]),
        "00081199": _sequence([_referenced(one) | {"00081190": _text("UR", _instance(one))} for one in stored]),
        "0008119A": _sequence([_reason(one) for one in failed if not one.sop_uid]),
    }
    said = {tag: value for tag, value in document.items() if value != {"vr": "SQ"}}
    return Response(json.dumps(said).encode(), int(status), media_type=JSON)


def _referenced(one: Outcome) -> dict[str, Any]:
    return {"00081150": _text("UI", one.sop_class), "00081155": _text("UI", one.sop_uid)}


def _reason(one: Outcome) -> dict[str, Any]:
    """Failure Reason, and why in words, as Error Comment."""
    return {"00081197": {"vr": "US", "Value": [one.status]}, "00000902": _text("LO", one.why)}


def _study(stored: Sequence[Outcome]) -> str:
    """Where the study is fetched, if all is of one."""
    studies = {one.study_uid for one in stored}
    return f"{STUDIES}/{studies.pop()}" if len(studies) == 1 else ""


def _instance(one: Outcome) -> str:
    return f"{STUDIES}/{one.study_uid}/series/{one.series_uid}/instances/{one.sop_uid}"


def _text(vr: str, value: str) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]} if value else {"vr": vr}


def _sequence(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)} if items else {"vr": "SQ"}
