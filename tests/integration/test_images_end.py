"""Whatever ends that somebody may see images ends the bytes that are underway, by each way in which they leave."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from uuid import UUID

import httpx
import pytest

from domain.check_digit import check_digit
from domain.commands.consents import Oppose
from domain.commands.directory import RegisterProfessional, Suspend
from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import Face, face
from tests.fakes.erasing import erase
from tests.fakes.http_server import serving
from tests.fakes.web import WHY, account, accounts_file, digest
from tests.integration.audit_world import AuditWorld, audit_world
from tests.integration.test_dicomweb_live import Image
from tests.unit.test_http_server import Roomy, request
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live
LARGE = {"frames": 64, "rows": 8_192}
"""32 MiB: more than sockets hold."""
TOKEN = "fictitious-token-of-a-reader-0123456789-abcdefghij"
SIGNED = {"Authorization": f"Bearer {TOKEN}", **WHY}
FEW = 1 << 20
Ends = Callable[[AuditWorld, "Reader", str, Image], object]


class Reader:
    """A professional of CHB who reads once; what ends it for one ends it for no other test."""

    def __init__(self, world: AuditWorld, number: int) -> None:
        begins = f"10{number:08d}"
        self.rpps, self.home = begins + check_digit(begins), world.krypton.settings.roles.parent
        world.ask(RegisterProfessional(rpps=self.rpps, name="Dr Essai", profession="physician", sites=("CHB",)))
        self.has(f"rpps:{self.rpps}")

    def has(self, *actors: str) -> None:
        """Whose account the token is of now."""
        accounts_file(self.home, *(account("reader", one, token=digest(TOKEN)) for one in actors))


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(1, 100))


@pytest.fixture
def reader(world: AuditWorld, numbers: Iterator[int]) -> Reader:
    return Reader(world, next(numbers))


@pytest.fixture
def web(world: AuditWorld, reader: Reader) -> Iterator[Face]:
    accounts = Accounts(reader.home / "accounts.toml", reader.home)
    made = face(world.krypton, [accounts], lambda: True, lambda: b"")
    yield made
    made.close()


@pytest.fixture
def port(web: Face) -> Iterator[int]:
    with serving(web.app, Roomy) as opened:
        yield opened


def begun(port: int, path: str) -> socket.socket:
    """A connection on which an answer has begun, and waits for being read."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    wire.settimeout(WITHIN_S)
    wire.connect(("127.0.0.1", port))
    wire.sendall(request(f"GET {path} HTTP/1.1", "Host: a", *(f"{name}: {value}" for name, value in SIGNED.items())))
    assert wire.recv(64).startswith(b"HTTP/1.1 200")
    return wire


def rest(wire: socket.socket) -> int:
    """How much still comes."""
    got = 0
    with suppress(ConnectionResetError):
        while data := wire.recv(65_536):
            got += len(data)
    return got


def cut_and_refused(port: int, web: Face, image: Image, ends: Callable[[], object], *refusals: int) -> None:
    """All that was underway stops, and nothing is given out afterwards."""
    frames = ",".join(map(str, range(1, LARGE["frames"] + 1)))
    paths = (image.path, f"{image.path}/frames/{frames}", f"/api/studies/{image.id}/files")
    with ExitStack() as wires:
        reading = [wires.enter_context(begun(port, path)) for path in paths]
        ends()
        until(lambda: web.metrics.cut._value.get() == len(paths), "each is cut")
        assert max(map(rest, reading)) < FEW
    for path in (image.path, f"{image.path}/frames/1", f"{image.path}/metadata", f"/api/studies/{image.id}/files"):
        assert httpx.get(f"http://127.0.0.1:{port}{path}", headers=SIGNED).status_code in refusals


def opposed(world: AuditWorld, reader: Reader, person: str, _: Image) -> None:
    world.ask(Oppose(identity=UUID(person), party=f"rpps:{reader.rpps}"), f"patient:{person}")


def suspended(world: AuditWorld, reader: Reader, _: str, __: Image) -> None:
    world.ask(Suspend(rpps=reader.rpps, reason="a complaint"))


def erased(world: AuditWorld, _: Reader, person: str, __: Image) -> None:
    erase(world.krypton, UUID(person))


def reassigned(world: AuditWorld, _: Reader, __: str, image: Image) -> None:
    world.reassign(image.id, world.register())


def taken_out(_: AuditWorld, reader: Reader, __: str, ___: Image) -> None:
    reader.has()


@pytest.mark.parametrize("end", [opposed, suspended, erased, reassigned, taken_out])
def test_nothing_comes_of_images_once_access_to_them_has_ended(
    world: AuditWorld, web: Face, port: int, reader: Reader, end: Ends
) -> None:
    person = world.register()
    image = Image(world, person, **LARGE)
    world.open(person, reader.rpps)
    cut_and_refused(port, web, image, lambda: end(world, reader, person, image), 401, 403, 404)


def test_images_that_were_seen_by_a_merge_are_not_seen_once_that_is_taken_back(
    world: AuditWorld, web: Face, port: int, reader: Reader
) -> None:
    person, other = world.register(), world.register()
    image = Image(world, person, **LARGE)
    world.open(other, reader.rpps)
    assert httpx.get(f"http://127.0.0.1:{port}{image.path}", headers=SIGNED).status_code == 403
    world.merge(person, other)
    world.settle()
    until(
        lambda: httpx.get(f"http://127.0.0.1:{port}{image.path}/metadata", headers=SIGNED).status_code == 200,
        "the refusal, which stands for a second, is over",
    )
    cut_and_refused(port, web, image, lambda: world.unmerge(person, other), 403, 404)


def test_of_somebody_erased_their_own_account_shows_nothing_either(
    world: AuditWorld, web: Face, port: int, reader: Reader
) -> None:
    person = world.register()
    image = Image(world, person, **LARGE)
    reader.has(f"patient:{person}")
    cut_and_refused(port, web, image, lambda: erase(world.krypton, UUID(person)), 403, 404)
