"""Routes of images rest on a decision on the study, each time; what is sent stops with it and costs little memory."""

import asyncio
import os
import resource
import socket
from tempfile import TemporaryFile
from typing import Any

import pytest
from starlette.testclient import TestClient

from krypton.errors import ServiceUnavailable
from krypton.faces.dicomweb import reading_files, sending
from krypton.faces.dicomweb.parts import Part
from krypton.faces.dicomweb.sending import Reading, Sent
from krypton.faces.http.app import Face
from krypton.faces.http.declared import Declared
from krypton.queries import standing
from krypton.queries.body import Body
from krypton.queries.study_uids import Ambiguous
from krypton.services.http import AnsweringProtocol
from tests.fakes.dicom import ROOT, instance
from tests.fakes.http_server import serving
from tests.fakes.images import Kept, address
from tests.fakes.web import DOCTOR, PERSON, SIGNED, WHY, Queries
from tests.unit.test_http_server import AUTH, request
from tests.waiting import WITHIN_S, until

MIB = 1 << 20
SLOW = 200
SERIES, INSTANCE = f"{ROOT}1.1", f"{ROOT}7.1"


class Wide(AnsweringProtocol):
    """Room for all slow readers."""

    most = 2 * SLOW


def large(mib: int) -> Any:
    """An image of so many MiB, with a table of 2 KiB."""
    pixels = bytes(range(256)) * (mib * MIB // 256)
    made = instance(
        SOPInstanceUID=INSTANCE,
        SeriesInstanceUID=SERIES,
        InstanceNumber=1,
        NumberOfFrames=mib,
        Rows=1_024,
        Columns=1_024,
        BitsAllocated=8,
        SamplesPerPixel=1,
        RedPaletteColorLookupTableData=b"\1" * 2_048,
        PixelData=pixels,
    )
    made["PixelData"].VR = "OB"
    return made


def of_images(web: Face) -> list[Declared]:
    """The routes."""
    declared: list[Any] = [getattr(route, "endpoint", None) for route in web.router.routes]
    roots = ("/dicom-web/", "/people/")  # a link's own: see ``test_viewer_links``
    return [one for one in declared if one.path.startswith(roots) and one.task == "study.show"]


def path_of(one: Declared, uid: str) -> str:
    """An address that the route answers."""
    path = one.path.replace("{person:uuid}", PERSON).replace("{bulk:path}", "00281201")
    path = path.format(study=uid, series=SERIES, instance=INSTANCE, frames="1")
    return path if "/studies/" in path else f"{path}?StudyInstanceUID={uid}"


def test_each_route_of_images_asks_once_about_the_study_under_the_callers_name(
    web: Face, client: TestClient, kept: Kept, queries: Queries
) -> None:
    uid = kept.take_in([large(1)])
    assert len(of_images(web)) >= 16
    for one in of_images(web):
        queries.asked.clear()
        assert client.get(path_of(one, uid), headers=SIGNED).status_code == 200
        ((task, caller, ref),) = queries.asked
        assert (task, ref) == (one.task, uid)
        assert (caller.actor, caller.site, caller.reason) == (DOCTOR, "CHB", WHY["Krypton-Reason"])


def test_of_what_is_asked_for_without_its_body_no_more_is_read_than_its_length_takes(
    client: TestClient, kept: Kept, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a line of text makes the service read a study for nobody, as fast as its disk goes."""
    uid, read = kept.take_in([large(8)]), list[int]()

    def counted(fd: int, length: int, at: int) -> bytes:
        read.append(length)
        return os.pread(fd, length, at)

    monkeypatch.setattr(reading_files, "piece", counted)
    for path in (address(uid), address(uid, SERIES, INSTANCE), address(uid, SERIES, INSTANCE, "/frames/1,2,3,4")):
        read.clear()
        answer = client.head(path, headers=SIGNED)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 4 * MIB
        assert sum(read) <= MIB
    assert len(queries.asked) == 3


def test_no_image_is_shown_that_was_not_decided_on(web: Face, client: TestClient, kept: Kept, queries: Queries) -> None:
    uid = kept.take_in([large(1)])
    queries.records = False
    for one in of_images(web):
        answer = client.get(path_of(one, uid), headers=SIGNED)
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")


def test_a_refusal_and_a_uid_of_two_people_are_told(
    web: Face, client: TestClient, kept: Kept, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = kept.take_in([large(1)])
    queries.refuses = "X12"
    for one in of_images(web):
        answer = client.get(path_of(one, uid), headers=SIGNED)
        assert (answer.status_code, answer.json()["rule"]) == (403, "X12")

    def both(*_: object) -> None:
        raise Ambiguous

    monkeypatch.setattr(standing.Standing, "seen", both)
    answer = client.get(address(uid), headers=SIGNED)
    assert (answer.status_code, "name whose is meant" in answer.json()["detail"]) == (409, True)


def begun(port: int, path: str) -> socket.socket:
    """A connection on which an answer has begun; it is not read on."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    wire.settimeout(WITHIN_S)
    wire.connect(("127.0.0.1", port))
    wire.sendall(request(f"GET {path} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x", "Accept: */*"))
    assert wire.recv(64).startswith(b"HTTP/1.1 200")
    return wire


def test_an_image_that_is_being_sent_is_cut_when_what_was_decided_ends(web: Face, kept: Kept, queries: Queries) -> None:
    uid = kept.take_in([large(32)])
    with serving(web.app, Wide) as port, begun(port, address(uid)) as wire:
        queries.stands = False
        got = 0
        try:
            while data := wire.recv(65_536):
                got += len(data)
                if "krypton_http_cut_total 1.0" not in web.metrics.text().decode() and got > 8 * MIB:
                    until(lambda: "krypton_http_cut_total 1.0" in web.metrics.text().decode(), "it is cut")
        except ConnectionResetError:
            pass
        assert got < 32 * MIB
        until(lambda: web.metrics.open._value.get() == 0, "nothing of it goes on")


def test_two_hundred_slow_readers_take_little_memory_and_nothing_is_left_of_those_who_go(web: Face, kept: Kept) -> None:
    uid = kept.take_in([large(32)])
    path = address(uid, SERIES, INSTANCE, "/frames/" + ",".join(map(str, range(1, 33))))
    with serving(web.app, Wide) as port:
        with begun(port, path):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        readers = [begun(port, path) for _ in range(SLOW)]
        try:
            taken_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert web.metrics.open._value.get() >= SLOW
            with begun(port, address(uid, SERIES, more="/metadata")):
                pass  # the next is answered all the same
        finally:
            for one in readers:
                one.close()
        assert taken_kib < 100 * 1_024
        until(lambda: web.metrics.open._value.get() == 0, "all are gone")


def test_no_more_pictures_are_made_than_fit_while_slow_readers_take_theirs(
    web: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "HELD", 50)
    made = Part("image/png", "", lambda: Body.of(b"y"))

    async def both() -> None:
        reading = Reading(web.workers[0], web.workers[0])
        slow = Sent(reading, {}).read(Body.of(b"x" * 100))
        assert await anext(slow) == b"x" * 100
        with pytest.raises(ServiceUnavailable):
            await reading.made(made)
        await slow.aclose()
        assert (await reading.made(made)).data == b"y"

    asyncio.run(both())


def test_no_more_instances_are_made_than_the_disk_has_room_for_while_slow_readers_take_theirs(
    web: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FILED", 50)
    made = Part("application/dicom", "", lambda: Body.of(b"y"))

    async def both() -> None:
        reading = Reading(web.workers[0], web.workers[0])
        with TemporaryFile() as file:
            file.write(b"x" * 100)
            file.flush()
            slow = Sent(reading, {}).read(Body(100, file=file, pieces=[(0, 100)]), b"head")
            assert await anext(slow) == b"head"
            with pytest.raises(ServiceUnavailable):
                await reading.made(made)
            assert await anext(slow) == b"x" * 100
            await slow.aclose()
            assert file.closed
        assert (await reading.made(made)).data == b"y"

    asyncio.run(both())
