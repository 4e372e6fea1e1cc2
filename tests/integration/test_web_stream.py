"""Bytes stop in the middle of an answer, on a real ledger: whatever ends the access ends them, and nobody else's."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import UUID

import pytest
from starlette.responses import StreamingResponse

from domain.commands.consents import Oppose
from domain.commands.directory import RegisterProfessional, Suspend
from krypton.devstack.stack import Stack
from krypton.faces.http import routes
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import face
from tests.fakes.http_server import serving
from tests.fakes.web import account, accounts_file, digest
from tests.integration.audit_world import CLINICIAN, AuditWorld, audit_world
from tests.unit.test_http_server import Roomy, request
from tests.unit.test_http_watch import endless
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live
COLLEAGUE = "10101209996"  # of CHB, too
TOKENS = {rpps: f"fictitious-token-of-{rpps}-0123456789-abcdefghijkl" for rpps in (CLINICIAN, COLLEAGUE)}
Ends = Callable[[AuditWorld, str, str], object]
"""What ends the access of the colleague to a person, which is that access."""


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        made.ask(RegisterProfessional(rpps=COLLEAGUE, name="Dr Essai", profession="physician", sites=("CHB",)))
        yield made


@pytest.fixture
def port(world: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A service whose records have no end."""
    monkeypatch.setattr(routes, "as_json", lambda _: StreamingResponse(endless()))
    home = world.krypton.settings.roles.parent
    accounts = [account(f"a{rpps}", f"rpps:{rpps}", token=digest(token)) for rpps, token in TOKENS.items()]
    web = face(world.krypton, [Accounts(accounts_file(home, *accounts), home)], lambda: True, lambda: b"")
    with serving(web.app, Roomy) as opened:
        yield opened
    web.close()


@pytest.fixture
def person(world: AuditWorld) -> str:
    made = world.register()
    world.settle()
    return made


def begun(port: int, rpps: str, person: str) -> socket.socket:
    """A connection on which the record is coming in."""
    wire = socket.create_connection(("127.0.0.1", port), WITHIN_S)
    signed = f"Authorization: Bearer {TOKENS[rpps]}"
    path = f"/api/people/{person}/record"
    wire.sendall(request(f"GET {path} HTTP/1.1", "Host: a", signed, "Krypton-Reason: x"))
    assert wire.recv(65_536).startswith(b"HTTP/1.1 200")
    return wire


def opposed(world: AuditWorld, person: str, _: str) -> None:
    world.ask(Oppose(identity=UUID(person), party=f"rpps:{COLLEAGUE}"), f"patient:{person}")


def merged(world: AuditWorld, person: str, _: str) -> None:
    world.merge(person, world.register())


@pytest.mark.parametrize("ends", [opposed, merged])
def test_bytes_stop_when_the_access_does_not_hold_any_more(
    world: AuditWorld, port: int, person: str, ends: Ends
) -> None:
    access = world.open(person, COLLEAGUE)
    with begun(port, COLLEAGUE, person) as wire:
        ends(world, person, access)
        come_to_an_end(wire)


def test_bytes_stop_for_who_is_suspended_and_go_on_for_others(world: AuditWorld, port: int, person: str) -> None:
    for rpps in (CLINICIAN, COLLEAGUE):
        world.open(person, rpps)
    before = world.head
    with begun(port, COLLEAGUE, person) as one, begun(port, CLINICIAN, person) as other:
        world.ask(Suspend(rpps=COLLEAGUE, reason="a complaint"))
        come_to_an_end(one)
        for _ in range(100):
            assert other.recv(65_536)
    assert [kind for kind in world.types(before) if kind.startswith("access.")] == ["access.viewed"] * 2


def come_to_an_end(wire: socket.socket) -> None:
    """Read until nothing comes any more; what has no end would time out."""
    with suppress(ConnectionResetError):
        while wire.recv(65_536):
            pass
