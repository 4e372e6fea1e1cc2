"""STOW-RS on its port: other clients, kill -9, DICOM beside it, bytes that mean no good, and memory."""

import hashlib
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from adapters.dicom.inlet import spool_at
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.inbox.batches import Limits
from bench.stow import large, memory
from krypton.faces.http.limits import Limits as OfRequests
from krypton.services.http import AnsweringProtocol
from tests.fakes.dicom import AE_TITLE, SITE, instance, instances_recorded, of_type, part10
from tests.fakes.dicom_process import FolderLedger
from tests.fakes.http_server import serving
from tests.fakes.ports import free_port, listens
from tests.fakes.stow import BOUNDARY, PACS_TOKEN, SENDS, STUDIES, Ward, accounts, body, ward
from tests.fakes.web import asking
from tests.integration.stubborn_sender import LEAVES_SOCKETS, StubbornSender
from tests.waiting import WITHIN_S, until

SEED, HOSTILE = 2026, 1_000
MIB = 1 << 20


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ward]:
    with ward(tmp_path, batch_quiet_s=0.3) as made:
        yield made


def data_of(file: bytes) -> bytes:
    """Its data set."""
    return file[read_file_meta(file).offset :]


def loaded(files: list[bytes]) -> list[Dataset]:
    """As clients hold them."""
    return [dcmread(DicomBytesIO(one)) for one in files]


@pytest.mark.parametrize("chunk", [10**6, 500], ids=["in one piece", "chunked"])
def test_dicomweb_client_stores(here: Ward, chunk: int) -> None:
    """In one piece and with chunked transfer encoding, as it sends what is large."""
    files = [part10(instance()) for _ in range(3)]
    with serving(here.web.app, AnsweringProtocol) as port:
        client = DICOMwebClient(
            f"http://127.0.0.1:{port}/dicom-web", headers={"Authorization": f"Bearer {PACS_TOKEN}"}, chunk_size=chunk
        )
        said = client.store_instances(loaded(files))
        study = loaded(files)[0].StudyInstanceUID
        again = client.store_instances(loaded(files), study_instance_uid=study)
        client._session.close()
    uids = [read_file_meta(one).sop_uid for one in files]
    for answer in (said, again):
        assert [one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence] == uids
    for one, uid in zip(files, uids, strict=True):
        assert data_of(here.held(uid).read_bytes()) == data_of(one)
    until(lambda: instances_recorded(here.ledger) == 3, "recorded once")


@contextmanager
def process(folder: Path) -> Iterator[tuple[Callable[[], subprocess.Popen[bytes]], int]]:
    """What starts the service again, on one port."""
    port = free_port()
    (folder / "home").mkdir()
    accounts(folder / "home")
    running: list[subprocess.Popen[bytes]] = []
    command = [
        sys.executable,
        "-m",
        "tests.fakes.stow_process",
        str(folder / "home"),
        str(folder / "ledger"),
        str(port),
    ]

    def start() -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen(command, cwd=Path(__file__).parents[2]))
        until(lambda: listens(port), "the service listens")
        return running[-1]

    try:
        yield start, port
    finally:
        for one in running:
            one.kill()
            one.wait()


def test_what_was_answered_before_a_kill_is_recorded_once_by_the_next(tmp_path: Path) -> None:
    """Requests of five files, and kills in between: while they come in, are recorded, or are resumed."""
    files = [[part10(instance()) for _ in range(5)] for _ in range(16)]
    ledger, left = FolderLedger(tmp_path / "ledger"), list(files)
    with process(tmp_path) as (start, port):
        running, random = start(), Random(SEED)

        def send() -> None:
            with httpx.Client() as client:
                while left:
                    try:
                        url = f"http://127.0.0.1:{port}{STUDIES}"
                        answer = client.post(url, content=body(left[0]), headers=SENDS, timeout=WITHIN_S)
                        assert answer.status_code == 200
                        left.pop(0)
                    except httpx.TransportError:
                        time.sleep(0.01)  # the service is away

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        for _ in range(4):
            time.sleep(random.uniform(0.02, 0.2))  # the moment of the kill
            running.kill()
            running.wait()
            running = start()
        sender.join(WITHIN_S)
        assert left == []
        spool = spool_at(tmp_path / "home" / "dicom")
        until(lambda: not any(spool.pending()), "nothing is left that could be recorded")
    assert ledger.instances() == 80
    assert len(list((spool.root / "instances").rglob("1.*"))) == 80


@pytest.mark.filterwarnings(LEAVES_SOCKETS)
def test_one_study_by_dicom_and_by_http_at_once_is_one_study_with_each_instance_once(here: Ward) -> None:
    """Half of the instances come by one way alone, half by both."""
    files = [part10(instance()) for _ in range(60)]
    service = StorageService(
        ledger=here.ledger,
        spool=here.spool,
        site_of=lambda _: SITE,
        refused=lambda _: None,
        doors=Doors(port=0),
        ways=Ways(batches=Limits(quiet_s=0.3, linger_s=0.05)),
    )
    service.start()
    sender = StubbornSender(service.port)
    by_dicom = threading.Thread(target=lambda: sender.send(loaded(files[:45])))
    statuses: list[int] = []

    def by_http() -> None:
        for at in range(15, 60, 5):
            statuses.append(client.post(STUDIES, content=body(files[at : at + 5]), headers=SENDS).status_code)

    with asking(here.web) as client:
        by_dicom.start()
        by_http()
        by_dicom.join(WITHIN_S)
    sender.release()
    assert (sender.answered, set(statuses)) == (45, {200})
    until(lambda: instances_recorded(here.ledger) == 60, "each is recorded once")
    service.stop()
    assert len(of_type(here.ledger, "study.arrived")) == 1
    assert of_type(here.ledger, "study.conflict_found") == []
    actors = {event.data["actor"] for event in of_type(here.ledger, "study.arrived", "study.extended")}
    assert actors == {f"aet:{AE_TITLE}", "service:chb-pacs"}


def hostile(random: Random, good: list[bytes]) -> tuple[bytes, dict[str, str]]:
    """A body that is not quite one, and its headers."""
    parts = [random.choice(good) for _ in range(random.randint(0, 3))]
    made, headers = bytearray(body(parts)), dict(SENDS)
    match random.randrange(12):
        case 0:
            del made[random.randrange(len(made) + 1) :]
        case 1:
            for _ in range(random.randint(1, 20)):
                made[random.randrange(len(made))] = random.randrange(256)
        case 2:
            at = random.randrange(len(made))
            made[at:at] = random.randbytes(random.randint(1, 300))
        case 3:
            made[:0] = random.choice([b"\r\n", b"preamble\r\n", b"x" * 70_000, f"--{BOUNDARY}x\r\n".encode()])
        case 4:
            made += random.choice([b"epilogue", body(parts), b"\r\n--", random.randbytes(1_000)])
        case 5:
            made = bytearray(bytes(made).replace(b"\r\n\r\n", random.choice([b"\n\n", b"\r\n", b""]), 1))
        case 6:
            head = random.choice([b"X: " + b"y" * 20_000, b"Content-Length: 99999999999", b"Content-Type: a/b", b":::"])
            made = bytearray(bytes(made).replace(b"Content-Type: application/dicom", head))
        case 7:
            made = bytearray(bytes(made).replace(b"\r\n", b"\n"))
        case 8:
            headers["Content-Type"] = random.choice(
                [
                    SENDS["Content-Type"].replace(BOUNDARY, random.choice(["other", "a;b", BOUNDARY[:-1], "x" * 90])),
                    'multipart/related; type="application/dicom"; boundary="',
                    "multipart/related; type=application/dicom; boundary=\xe9\x00",
                    "multipart/related; boundary*=utf-8''%ff%00x",
                    ";;;;",
                ]
            )
        case 9:
            one = bytearray(random.choice(good))
            one[132 + 6] = random.randrange(256)  # the length of an element of its head
            one[140:144] = random.randbytes(4)
            made = bytearray(body([bytes(one), *parts]))
        case 10:
            inner = body(parts, boundary=random.choice([BOUNDARY, f"{BOUNDARY}2"]))
            made = bytearray(body([inner, *parts]))
        case _:
            made = bytearray(random.randbytes(random.randint(0, 5_000)))
    return bytes(made), headers


def test_a_thousand_bodies_that_mean_no_good_break_nothing_and_leave_nothing_half_written(here: Ward) -> None:
    """Each is answered as what it is; what is kept is, byte for byte, something that was sent whole."""
    random, good = Random(SEED), [part10(instance()) for _ in range(12)]
    statuses: dict[int, int] = {}
    with asking(here.web) as client:
        for _ in range(HOSTILE):
            content, headers = hostile(random, good)
            given = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
            status = client.post(STUDIES, content=content, headers=given).status_code
            statuses[status] = statuses.get(status, 0) + 1
        assert statuses.keys() <= {200, 202, 400, 409, 413, 415}, statuses
        assert statuses[400] > 100
        assert client.post(STUDIES, content=body(good), headers=SENDS).status_code in (200, 202)
    until(lambda: not list(here.spool.root.glob("work/*/incoming/*")), "nothing half-written is left")
    for kept in (path for path in (here.spool.root / "instances").rglob("*") if path.is_file()):
        content = kept.read_bytes()
        assert hashlib.sha256(data_of(content)).hexdigest() == content[8:40].hex()
        assert kept.name == read_file_meta(content).sop_uid


def test_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    size = 256 * MIB
    with process(tmp_path) as (start, port):
        running = start()
        url = f"http://127.0.0.1:{port}{STUDIES}"
        assert httpx.post(url, content=body([part10(instance())]), headers=SENDS).status_code == 200
        before = memory(running.pid, "VmRSS")
        answer = httpx.post(url, content=large(size), headers=SENDS, timeout=WITHIN_S)
        assert answer.status_code == 200, answer.text
        assert memory(running.pid, "VmHWM") - before < 64 * 1024
    (held,) = (path for path in (tmp_path / "home/dicom/instances").rglob("*") if path.stat().st_size > size)
    assert held.is_file()


def raw(port: int, head: bytes) -> tuple[socket.socket, Any]:
    """A connection on which a request has begun."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
    opened.sendall(head)
    return opened, opened.makefile("rb")


def test_a_length_that_lies_and_a_sender_that_goes_away_leave_nothing(here: Ward) -> None:
    content = body([part10(instance(), "1.2.840.10008.1.2.1") + b"\0" * MIB])
    lines = [f"POST {STUDIES} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in SENDS.items())]
    with serving(here.web.app, AnsweringProtocol) as port:
        for length in (len(content) - 2_000, len(content) + 2_000):
            head = "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()
            opened, reads = raw(port, head + content[:length])
            with opened, reads:
                opened.shutdown(socket.SHUT_WR)
                status = reads.readline()
            assert b"200" not in status
        until(lambda: not list(here.spool.root.glob("work/*/incoming/*")), "nothing half-written is left")
        answer = httpx.post(f"http://127.0.0.1:{port}{STUDIES}", content=body([part10(instance())]), headers=SENDS)
        assert answer.status_code == 200
    assert len([one for one in here.files() if one.startswith("instances")]) == 1


def test_a_file_without_end_is_cut_off(tmp_path: Path) -> None:
    with ward(tmp_path, dicom_instance_mib=1) as here, serving(here.web.app, AnsweringProtocol) as port:
        answer = httpx.post(f"http://127.0.0.1:{port}{STUDIES}", content=large(8 * MIB), headers=SENDS)
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        assert here.files() == []


def test_what_is_no_dicom_file_is_cut_off_too_where_it_has_no_end(tmp_path: Path) -> None:
    with ward(tmp_path, dicom_instance_mib=1) as here, serving(here.web.app, AnsweringProtocol) as port:
        content = body([b"no DICOM file" * MIB])
        answer = httpx.post(f"http://127.0.0.1:{port}{STUDIES}", content=content, headers=SENDS)
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")


def test_who_sends_a_byte_now_and_then_is_not_waited_for(tmp_path: Path) -> None:
    """A bound of each pause alone would let that go on for a year."""
    lines = [f"POST {STUDIES} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in SENDS.items())]
    head = "\r\n".join([*lines, "Content-Length: 1000000", "", f"--{BOUNDARY}", "", ""]).encode()
    limits = OfRequests(answer_s=0.3)
    with ward(tmp_path, limits=limits) as here, serving(here.web.app, AnsweringProtocol) as port:
        opened, reads = raw(port, head)
        with opened, reads:
            while not select.select([opened], [], [], 0.02)[0]:
                opened.sendall(b"x")
            assert reads.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
        until(lambda: here.files() == [], "nothing half-written is left")
        answer = httpx.post(f"http://127.0.0.1:{port}{STUDIES}", content=body([part10(instance())]), headers=SENDS)
        assert answer.status_code == 200
