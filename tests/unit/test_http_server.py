"""The web service on its port, on loopback sockets: TLS and certificates, and peers that mean no good."""

import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.responses import StreamingResponse

from adapters.tls import context
from krypton.errors import SettingsWrong
from krypton.faces.http import routes
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import face
from krypton.faces.http.issued import Issued as GivesTokens
from krypton.faces.http.limits import Limits
from krypton.faces.http.signing_in import Authenticator
from krypton.faces.http.watched import unreadable
from krypton.services.http import AnsweringProtocol, listen
from krypton.services.web import protocol
from krypton.settings import Settings
from tests.fakes.certificates import Authority, Issued
from tests.fakes.http_server import serving
from tests.fakes.private import private
from tests.fakes.web import DOCTOR, RECORD, SIGNED, WHY, Queries, account, accounts_file, wired
from tests.waiting import WITHIN_S, until

PORTAL = "portal.chb.example"
MIB = 1 << 20


class Roomy(AnsweringProtocol):
    """Little room, for the tests."""

    most = 50
    unreadable = unreadable()


class Hasty(Roomy):
    """Short waits, too: for requests that are to be given up."""

    exchange_s = 0.3


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def own(authority: Authority) -> Issued:
    return authority.issue("krypton")


@pytest.fixture
def plain(tmp_path: Path, queries: Queries) -> Iterator[int]:
    """The port of a service in clear, on this machine."""
    with wired(tmp_path) as web, serving(web.app, Roomy) as port:
        yield port


@contextmanager
def encrypted(
    own: Issued, authority: Authority, ways: Sequence[Authenticator], issued: GivesTokens | None = None
) -> Iterator[int]:
    """The port of a service with TLS that asks for certificates."""
    made = context(own.certificate, own.key, authority.file, required=False)
    spoken = type("Encrypted", (Roomy,), {"tls": made})
    web = face(_ours(), ways, lambda: True, lambda: b"", issued=issued)
    try:
        with serving(web.app, spoken) as port:
            yield port
    finally:
        web.close()


def by(folder: Path, *accounts: str) -> list[Authenticator]:
    """To sign in by these accounts."""
    return [Accounts(accounts_file(folder, *accounts), folder)]


def _ours() -> Any:
    return SimpleNamespace(pool=2, settings=SimpleNamespace(web_viewer=Path("no-viewer")))


def trusting(authority: Authority, shown: Issued | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(authority.file))
    if shown:
        made.load_cert_chain(shown.certificate, shown.key)
    return made


def get(
    port: int, path: str = RECORD, headers: Mapping[str, str] = SIGNED, verify: ssl.SSLContext | None = None
) -> httpx.Response:
    scheme = "https" if verify else "http"
    return httpx.get(f"{scheme}://127.0.0.1:{port}{path}", headers=headers, timeout=WITHIN_S, verify=verify or True)


def said(port: int, *parts: bytes) -> bytes:
    """All that comes back to these bytes, until the end of the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as wire:
        try:
            for part in parts:
                wire.sendall(part)
            while got := wire.recv(65_536):
                answer += got
        except OSError:  # cut
            pass
    return answer


def works(port: int) -> bool:
    """Whether somebody with a token is answered."""
    return get(port).status_code == 200


def test_a_small_answer_does_not_wait_for_the_peer_to_acknowledge_its_headers() -> None:
    """Forty milliseconds, with Nagle's algorithm and an acknowledgement that is put off."""
    with (
        listen("127.0.0.1", 0, "a free port") as opened,
        socket.create_connection(opened.getsockname(), WITHIN_S),
        opened.accept()[0] as taken,
    ):
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_program_signs_in_by_its_certificate(
    tmp_path: Path, own: Issued, authority: Authority, queries: Queries
) -> None:
    portal, other = authority.issue(PORTAL), authority.issue("other.chb.example")
    with encrypted(own, authority, by(tmp_path, account("portal", DOCTOR, certificate=PORTAL))) as port:
        for _ in range(20):  # the request may come with the end of the handshake
            assert get(port, headers=WHY, verify=trusting(authority, portal)).status_code == 200
        assert get(port, headers=WHY, verify=trusting(authority, other)).status_code == 401
        assert get(port, headers=WHY, verify=trusting(authority)).status_code == 401
    assert {caller.actor for _, caller, _ in queries.asked} == {DOCTOR}
    assert len(queries.asked) == 20


def test_a_certificate_of_another_authority_is_hung_up_on(
    tmp_path: Path, own: Issued, authority: Authority, queries: Queries
) -> None:
    (strange := tmp_path / "strange").mkdir()
    forged = Authority(strange, "other").issue(PORTAL)
    with encrypted(own, authority, by(tmp_path, account("portal", DOCTOR, certificate=PORTAL))) as port:
        with pytest.raises(httpx.TransportError):
            get(port, headers=WHY, verify=trusting(authority, forged))
        assert get(port, "/health", verify=trusting(authority)).status_code == 200
    assert queries.asked == []


def test_an_older_tls_and_no_tls_are_not_spoken_and_others_go_on(
    tmp_path: Path, own: Issued, authority: Authority
) -> None:
    old = trusting(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with encrypted(own, authority, by(tmp_path)) as port:
        with pytest.raises(httpx.TransportError):
            get(port, "/health", verify=old)
        assert b"HTTP/" not in said(port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert get(port, "/health", verify=trusting(authority)).status_code == 200


def test_handshakes_that_do_not_go_on_lock_nobody_out(tmp_path: Path, own: Issued, authority: Authority) -> None:
    with encrypted(own, authority, by(tmp_path)) as port:
        mute = [socket.create_connection(("127.0.0.1", port), WITHIN_S) for _ in range(200)]
        for one in mute[::2]:
            one.sendall(b"\x16\x03\x01\x02\x00\x01")  # the start of a handshake
        assert get(port, "/health", verify=trusting(authority)).status_code == 200
        for one in mute:
            one.close()


def test_a_handshake_that_does_not_go_on_is_ended(tmp_path: Path, own: Issued, authority: Authority) -> None:
    made = context(own.certificate, own.key, authority.file, required=False)
    spoken = type("Encrypted", (Hasty,), {"tls": made})
    with wired(tmp_path) as web, serving(web.app, spoken) as port:
        assert said(port) == said(port, b"\x16\x03\x01\x02\x00\x01") == b""


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


AUTH = f"Authorization: {SIGNED['Authorization']}"
NO_HTTP = [
    b"\x00" * 50,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    b"GET\r\n\r\n",
    b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\n\r\n",
    b"GET /h\xe9alth HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    b"POST /api/people/record HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/people/record HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /api/people/record HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
    b"POST /api/people/record HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(20_000)),
]
REFUSED = [
    request("GET http://evil.example/health HTTP/1.1", "Host: a", "Connection: close"),
    request("CONNECT evil.example:443 HTTP/1.1", "Host: a", "Connection: close"),
    request("OPTIONS * HTTP/1.1", "Host: a", "Connection: close"),
    request("TRACE /health HTTP/1.1", "Host: a", "Connection: close"),
    request("G\x21T /health HTTP/1.1", "Host: a", "Connection: close"),
    request("GET /../../etc/passwd HTTP/1.1", "Host: a", "Connection: close"),
    request("GET /api/%2e%2e/metrics HTTP/1.1", "Host: a", "Connection: close"),
    request("GET //metrics HTTP/1.1", "Host: a", "Connection: close"),
    request("GET /metrics/ HTTP/1.1", "Host: a", "Connection: close"),
    request(f"GET {RECORD}%00 HTTP/1.1", "Host: a", AUTH, "Connection: close"),
    request(f"GET {RECORD}/ HTTP/1.1", "Host: a", AUTH, "Connection: close"),
    request("GET /api/people/{person}/record HTTP/1.1", "Host: a", AUTH, "Connection: close"),
    request("GET /api/studies/1%27%20OR%201=1 HTTP/1.1", "Host: a", AUTH, "Connection: close"),
    request("POST /api/people/record HTTP/1.1", "Host: a", AUTH, "Content-Length: 99999999999", "Connection: close"),
    request("GET /metrics HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade, close"),
    request("GET /metrics HTTP/1.1", "Host: a", "Authorization: Bearer \xff\xfe", "Connection: close"),
    request("POST /api/people/record HTTP/1.1", "Host: a", AUTH, "Transfer-Encoding: chunked", body=b"zz\r\n"),
    request(
        "POST /api/people/record HTTP/1.1", "Host: a", AUTH, "Transfer-Encoding: chunked", body=b"f" * 21 + b"\r\n"
    ),
]


@pytest.mark.parametrize("sent", [*NO_HTTP, *REFUSED], ids=range(len(NO_HTTP) + len(REFUSED)))
def test_a_hostile_request_is_refused_and_the_next_is_answered(plain: int, queries: Queries, sent: bytes) -> None:
    answer = said(plain, sent)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert b"\r\ncontent-security-policy: default-src 'none'" in answer.lower() or answer == b""
    assert queries.asked == []
    assert works(plain)


def test_what_is_smuggled_behind_a_request_is_a_request_of_nobody(plain: int, queries: Queries) -> None:
    """The headers of the one before it, a token among them, do not sign it in."""
    first = request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x", "Content-Length: 0")
    second = request("GET /metrics HTTP/1.1", "Host: a", "Connection: close")
    answers = said(plain, first + second).split(b"HTTP/1.1 ")
    assert [one[:3] for one in answers[1:]] == [b"200", b"401"]


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /health HT",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: ",
        request("POST /api/people/record HTTP/1.1", "Host: a", AUTH, "Content-Length: 900", body=b"{"),
        request("POST /api/people/record HTTP/1.1", "Host: a", AUTH, "Transfer-Encoding: chunked", body=b"5\r\nab"),
    ],
    ids=["nothing", "half a line", "half a header", "half a body", "half a chunk"],
)
def test_a_request_that_stops_half_way_is_ended(tmp_path: Path, queries: Queries, begun: bytes) -> None:
    with wired(tmp_path, limits=Limits(answer_s=0.2)) as web, serving(web.app, Hasty) as port:
        assert said(port, begun)[:12] in (b"", b"HTTP/1.1 408")
    assert queries.asked == []


def test_a_header_that_comes_byte_by_byte_does_not_hold_a_place(tmp_path: Path) -> None:
    with (
        wired(tmp_path) as web,
        serving(web.app, Hasty) as port,
        socket.create_connection(("127.0.0.1", port), WITHIN_S) as wire,
    ):
        wire.settimeout(0.02)

        def ended() -> bool:
            try:
                wire.sendall(b"a")
                return wire.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wire.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX: ")
        until(ended, "it is ended all the same")


def test_mute_connections_lock_nobody_out(plain: int) -> None:
    mute = [socket.create_connection(("127.0.0.1", plain), WITHIN_S) for _ in range(200)]
    try:
        assert works(plain)
    finally:
        for one in mute:
            one.close()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_who_does_not_read_an_answer_is_ended(
    tmp_path: Path, queries: Queries, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    queries.document, ended = "x" * (20 * MIB), threading.Event()

    class Observed(Hasty):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            ended.set()

    if streamed:
        monkeypatch.setattr(routes, "as_json", lambda _: StreamingResponse(endless()))
    with (
        wired(tmp_path, limits=Limits(taken_s=0.2)) as web,
        serving(web.app, Observed) as port,
        socket.socket() as wire,
    ):
        wire.settimeout(WITHIN_S)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        wire.connect(("127.0.0.1", port))
        wire.sendall(request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x"))
        assert ended.wait(WITHIN_S)
        until(lambda: web.metrics.open._value.get() == 0, "nobody waits for the peer")
        read = 0
        with suppress(ConnectionResetError):
            while got := len(wire.recv(MIB)):  # what the system had taken already
                read += got
        assert read < 10 * MIB


async def endless() -> AsyncIterator[bytes]:
    """An answer that has no end."""
    while True:
        yield b"x" * 65_536


def test_readers_that_take_nothing_lock_nobody_out(tmp_path: Path, queries: Queries) -> None:
    """Not even where all connections are theirs, and all of them are being answered."""

    class Small(Roomy):
        most = 3
        stuck_s = 0.0

    def answered() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=WITHIN_S).status_code == 200
        return False

    queries.document = "x" * (20 * MIB)
    with wired(tmp_path) as web, serving(web.app, Small) as port, ExitStack() as readers:
        for _ in range(Small.most):
            wire = readers.enter_context(socket.socket())
            wire.settimeout(WITHIN_S)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            wire.connect(("127.0.0.1", port))
            wire.sendall(request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x"))
            assert wire.recv(64).startswith(b"HTTP/1.1 200")
        until(answered, "somebody else is answered")


def test_who_goes_away_in_the_middle_leaves_nothing_behind(tmp_path: Path, queries: Queries) -> None:
    queries.document = "x" * (10 * MIB)
    with wired(tmp_path) as web, serving(web.app, Roomy) as port:
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", port), WITHIN_S) as wire:
                wire.sendall(request(f"GET {RECORD} HTTP/1.1", "Host: a", AUTH, "Krypton-Reason: x"))
                assert wire.recv(100)
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: web.metrics.open._value.get() == 0, "all are given up")
        queries.document = {}
        assert works(port)


def test_an_answer_that_is_being_made_is_sent_whole_when_the_service_stops(tmp_path: Path, queries: Queries) -> None:
    begun, goes_on, found = threading.Event(), threading.Event(), list[int]()

    def waits() -> None:
        begun.set()
        assert goes_on.wait(WITHIN_S)

    queries.before = waits
    with wired(tmp_path) as web:
        with serving(web.app, Roomy) as port:
            asking = threading.Thread(target=lambda: found.append(get(port).status_code))
            asking.start()
            assert begun.wait(WITHIN_S)
            threading.Thread(target=lambda: goes_on.set() if stops(port) else None).start()
        asking.join(WITHIN_S)
    assert found == [200]


def stops(port: int) -> bool:
    """Wait until nobody listens there any more."""

    def refused() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), WITHIN_S).close()
        except OSError:
            return True
        return False

    until(refused, "it does not listen any more")
    return True


def settings(folder: Path, **given: object) -> Settings:
    return Settings.read({f"KRYPTON_WEB_{name.upper()}": str(value) for name, value in given.items()}, folder)


def test_nothing_listens_on_a_network_in_clear(tmp_path: Path, own: Issued) -> None:
    for host in ("0.0.0.0", "10.0.0.7", "krypton.example"):
        with pytest.raises(SettingsWrong, match="KRYPTON_WEB_TLS_CERT_FILE"):
            protocol(settings(tmp_path, host=host))
    assert protocol(settings(tmp_path, host="0.0.0.0", proxies="10.0.0.7")).tls is None
    assert protocol(settings(tmp_path)).tls is None
    files = {"tls_cert_file": own.certificate, "tls_key_file": own.key}
    assert protocol(settings(tmp_path, host="0.0.0.0", **files)).tls is not None
    with pytest.raises(SettingsWrong, match="of the web service cannot be used"):
        protocol(settings(tmp_path, **files | {"tls_key_file": private(tmp_path / "no.key", "none")}))


def test_the_service_asks_for_a_certificate_and_does_without(tmp_path: Path, own: Issued, authority: Authority) -> None:
    files = {"tls_cert_file": own.certificate, "tls_key_file": own.key, "tls_ca_file": authority.file}
    made = protocol(settings(tmp_path, **files, connections=7))
    assert made.tls is not None
    assert (made.tls.verify_mode, made.tls.minimum_version) == (ssl.CERT_OPTIONAL, ssl.TLSVersion.TLSv1_2)
    assert made.most == 7
