"""An answer that takes long ends with what it rests on, and one that does not is never asked about."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.responses import StreamingResponse

from krypton.faces.http import routes, watch
from krypton.faces.http.app import Face
from krypton.queries import standing
from tests.fakes.http_server import serving
from tests.fakes.web import RECORD, Queries, accounts_file, wired
from tests.unit.test_http_server import AUTH, Roomy, get, request
from tests.waiting import WITHIN_S, until


async def endless() -> AsyncIterator[bytes]:
    """An answer that has no end."""
    while True:
        yield b"x" * 1_000
        await asyncio.sleep(0.001)


@pytest.fixture
def streaming(queries: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are streams without end."""
    monkeypatch.setattr(routes, "as_json", lambda _: StreamingResponse(endless()))


def read_to_the_end(port: int, then: Callable[[], object]) -> bytes:
    """The last that comes; once it goes on, something happens."""
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as wire:
        wire.sendall(request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x"))
        last = wire.recv(65_536)
        assert last.startswith(b"HTTP/1.1 200")
        for _ in range(20):
            assert wire.recv(65_536)
        then()
        try:
            while got := wire.recv(65_536):
                last = got
        except ConnectionResetError:
            pass
    return last


@pytest.mark.usefixtures("streaming")
def test_an_answer_is_cut_when_the_ledger_would_not_decide_so_any_more(web: Face, queries: Queries) -> None:
    with serving(web.app, Roomy) as port:
        last = read_to_the_end(port, lambda: setattr(queries, "stands", False))
        until(lambda: web.metrics.open._value.get() == 0, "nothing of it goes on")
    assert not last.endswith(b"0\r\n\r\n"), "it looks whole"
    assert "krypton_http_cut_total 1.0" in web.metrics.text().decode()


@pytest.mark.usefixtures("streaming")
def test_an_answer_is_cut_when_its_caller_is_taken_out_of_the_accounts(web: Face, tmp_path: Path) -> None:
    with serving(web.app, Roomy) as port:
        read_to_the_end(port, lambda: accounts_file(tmp_path))
    assert "krypton_http_cut_total 1.0" in web.metrics.text().decode()


def slow(port: int) -> socket.socket:
    """A connection on which a record has begun to come, of which nothing more is read."""
    wire = socket.socket()
    wire.settimeout(WITHIN_S)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    wire.connect(("127.0.0.1", port))
    wire.sendall(request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x"))
    assert wire.recv(64).startswith(b"HTTP/1.1 200")
    return wire


async def fast() -> AsyncIterator[bytes]:
    """An answer that has no end, and comes as fast as it is taken."""
    while True:
        yield b"x" * 65_536
        await asyncio.sleep(0)


def is_cut(web: Face) -> bool:
    return "krypton_http_cut_total 1.0" in web.metrics.text().decode()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_slow_reader_gets_nothing_more_than_was_underway_when_an_answer_is_cut(
    web: Face, queries: Queries, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    """Neither what the service holds of it nor what the system does, which is some MiB."""
    queries.document = "x" * (20 << 20)
    if streamed:
        monkeypatch.setattr(routes, "as_json", lambda _: StreamingResponse(fast()))
    with serving(web.app, Roomy) as port, slow(port) as wire:
        queries.stands = False
        until(lambda: is_cut(web), "it is cut")
        until(lambda: web.metrics.open._value.get() == 0, "nothing of it goes on")
        read = 0
        with suppress(ConnectionResetError):
            while got := len(wire.recv(65_536)):
                read += got
        assert read < 64 << 10


@pytest.mark.usefixtures("streaming")
def test_an_answer_is_cut_though_everybody_waits_for_the_ledger(
    tmp_path: Path, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who should be shown nothing more asks so much that nobody gets to look."""
    waiting, over = threading.Event(), threading.Event()

    monkeypatch.setattr(watch, "LOOK_S", 10 * WITHIN_S)

    def keep_waiting() -> None:
        waiting.set()
        over.wait(WITHIN_S)

    def ended() -> None:
        queries.before = keep_waiting
        other.sendall(request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x"))
        assert waiting.wait(WITHIN_S)
        queries.stands = False

    with wired(tmp_path, pool=1) as web, serving(web.app, Roomy) as port:
        with socket.create_connection(("127.0.0.1", port), WITHIN_S) as other:
            try:
                read_to_the_end(port, ended)
            finally:
                over.set()
        until(lambda: is_cut(web), "it is cut")


def test_a_look_that_does_not_end_found_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "AGAIN_S", 0)
    monkeypatch.setattr(watch, "LOOK_S", 0.01)
    ended = asyncio.Event()

    async def both() -> None:
        async with asyncio.timeout(WITHIN_S):
            await watch.shown_while(asyncio.Event().wait, _wait(ended), ended.set)

    asyncio.run(both())
    assert ended.is_set()


def test_a_short_answer_is_decided_on_once(web: Face, queries: Queries) -> None:
    queries.stands = False
    with serving(web.app, Roomy) as port:
        assert get(port).status_code == 200
    assert "krypton_http_cut_total 0.0" in web.metrics.text().decode()


def looks(monkeypatch: pytest.MonkeyPatch, *found: bool | Exception) -> list[int]:
    """How many looks it took to end an answer that takes these."""
    monkeypatch.setattr(watch, "AGAIN_S", 0)
    looked: list[int] = []
    ended = asyncio.Event()

    async def holds() -> bool:
        looked.append(len(looked))
        now = found[min(len(looked), len(found)) - 1]
        if isinstance(now, Exception):
            raise now
        return now

    async def both() -> None:
        async with asyncio.timeout(WITHIN_S):
            await watch.shown_while(holds, _wait(ended), ended.set)

    asyncio.run(both())
    return looked


async def _wait(ended: asyncio.Event) -> None:
    await ended.wait()


def test_what_cannot_be_found_out_twice_in_a_row_does_not_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    away = RuntimeError("the ledger is away")
    assert len(looks(monkeypatch, True, True, False)) == 3
    assert len(looks(monkeypatch, away, True, away, True, away, away)) == 6


def test_bytes_stop_within_a_second_with_one_look_that_found_nothing_out() -> None:
    assert watch.AGAIN_S * watch.MISSED < 1
    assert watch.AGAIN_S + standing.AGAIN_S < 1  # a look that many share may be as old as that
