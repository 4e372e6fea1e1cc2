"""TLS of the HL7 service, on loopback sockets: who is connected is who the certificate names."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.hl7.mllp import Bounds
from adapters.hl7.server import Answers, Server, Slots
from adapters.tls import context
from krypton.errors import SettingsWrong
from krypton.services.hl7 import closed, tls
from krypton.settings import Settings
from tests.fakes import hl7
from tests.fakes.certificates import Authority, Issued
from tests.fakes.hl7 import SENDER, Answered, message, pid
from tests.fakes.private import private
from tests.unit.test_hl7_network import exchanged, framed, received
from tests.waiting import WITHIN_S

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def own(authority: Authority) -> Issued:
    return authority.issue("krypton")


@pytest.fixture
def serve(own: Issued, authority: Authority) -> Iterator[Serve]:
    begun: list[Server] = []

    def start(answer: Answers, *, mutual: bool = True, bounds: Bounds | None = None) -> Server:
        made = context(own.certificate, own.key, authority.file if mutual else None)
        server = Server("127.0.0.1", 0, answer, bounds or Bounds(), Slots(), made)
        server.start()
        begun.append(server)
        return server

    yield start
    for server in begun:
        server.stop()


def connected(server: Server, authority: Authority, sender: Issued | None = None) -> ssl.SSLSocket:
    trust = ssl.create_default_context(cafile=str(authority.file))
    if sender:
        trust.load_cert_chain(sender.certificate, sender.key)
    plain = socket.create_connection(("127.0.0.1", server.port), WITHIN_S)
    return trust.wrap_socket(plain, server_hostname="127.0.0.1")


def ended(connection: socket.socket, said: bytes = b"") -> bool:
    """Whether the service ends the connection without an answer to what is said."""
    try:
        connection.sendall(said)
        return connection.recv(1) == b""
    except OSError:  # told by TLS why, or cut
        return True


def answered(connection: socket.socket, said: bytes) -> bool:
    """Whether there is an answer in clear to what is said."""
    try:
        connection.sendall(said)
        return b"MSA" in received(connection)
    except OSError:
        return False


@pytest.mark.parametrize("names", [(SENDER,), ("sih.chb.example", SENDER)])
def test_a_sender_is_who_its_certificate_names(serve: Serve, authority: Authority, names: tuple[str, ...]) -> None:
    """As common name, or as a DNS name."""
    ledger = hl7.Ledger()
    server = serve(hl7.desk(ledger).answer)
    with connected(server, authority, authority.issue(*names)) as sender:
        for n in (1, 2):
            assert Answered(exchanged(sender, message("A28", f"m{n}", pid(str(n))))).verdict == "AA"


def test_a_message_of_somebody_else_is_rejected_and_writes_nothing(serve: Serve, authority: Authority) -> None:
    ledger = hl7.Ledger()
    server = serve(hl7.desk(ledger).answer)
    head = ledger.recorder.max_notification_id()
    with connected(server, authority, authority.issue("CHX_SIH")) as sender:
        answer = Answered(exchanged(sender, message("A28", "m1", pid())))
    assert (answer.verdict, answer.place) == ("AR", "MSH-3")
    assert ledger.recorder.max_notification_id() == head


def test_a_sender_without_a_certificate_or_with_a_strange_one_is_hung_up_on(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    heard: list[bytes] = []
    server = serve(lambda raw, _: heard.append(raw))
    for certificate in (None, Authority(tmp_path, "other").issue(SENDER)):
        with connected(server, authority, certificate) as sender:
            assert ended(sender, framed(message("A28", "m1", pid())))
    assert heard == []


def test_without_an_authority_of_senders_the_line_is_encrypted_and_nobody_is_named(
    serve: Serve, authority: Authority
) -> None:
    peers: list[object] = []

    def answer(raw: bytes, peer: object) -> bytes:
        peers.append(peer)
        return raw

    server = serve(answer, mutual=False)
    with connected(server, authority, authority.issue("CHX_SIH")) as sender:
        assert exchanged(sender, b"a") == b"a"
    assert peers == [None]


def test_whoever_speaks_no_tls_is_hung_up_on_and_others_go_on(serve: Serve, authority: Authority) -> None:
    server = serve(lambda raw, _: raw)
    with (
        socket.create_connection(("127.0.0.1", server.port), WITHIN_S) as plain,
        connected(server, authority, authority.issue(SENDER)) as sender,
    ):
        assert not answered(plain, framed(message("A28", "m1", pid())))
        assert exchanged(sender, b"a") == b"a"


def test_whoever_does_not_end_the_handshake_is_not_waited_for(serve: Serve) -> None:
    server = serve(lambda raw, _: raw, bounds=Bounds(unfinished_s=0.05))
    with socket.create_connection(("127.0.0.1", server.port), WITHIN_S) as silent:
        assert ended(silent)


def test_a_server_that_stops_answers_what_it_is_storing_and_nothing_goes_out_in_clear(
    serve: Serve, authority: Authority
) -> None:
    """What is not encrypted would end the sender's TLS with an error."""
    begun, goes_on = threading.Event(), threading.Event()

    def slow(raw: bytes, _: object) -> bytes:
        begun.set()
        assert goes_on.wait(WITHIN_S)
        return raw

    server = serve(slow)
    with connected(server, authority, authority.issue(SENDER)) as sender:
        sender.sendall(framed(b"a"))
        assert begun.wait(WITHIN_S)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        goes_on.set()
        assert received(sender) == b"a"
        assert sender.recv(1) == b""
        stopping.join(WITHIN_S)
        assert not stopping.is_alive()


def test_an_older_tls_is_not_spoken(serve: Serve, authority: Authority) -> None:
    server = serve(lambda raw, _: raw, mutual=False)
    old = ssl.create_default_context(cafile=str(authority.file))
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", server.port), WITHIN_S) as plain,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(plain, server_hostname="127.0.0.1").close()


def settings(folder: Path, **given: object) -> Settings:
    return Settings.read({f"KRYPTON_HL7_{name.upper()}": str(value) for name, value in given.items()}, folder)


def test_files_that_are_no_certificates_are_named_with_their_settings(tmp_path: Path, own: Issued) -> None:
    assert tls(settings(tmp_path)) is None
    assert tls(settings(tmp_path, tls_cert_file=own.certificate, tls_key_file=own.key))
    for wrong in (tmp_path / "none.pem", private(tmp_path / "no.key", own.certificate.read_text())):
        with pytest.raises(SettingsWrong, match="KRYPTON_HL7_TLS_CERT_FILE"):
            tls(settings(tmp_path, tls_cert_file=own.certificate, tls_key_file=wrong))


def test_a_certificate_needs_its_key_and_authorities_of_senders_need_both(tmp_path: Path, own: Issued) -> None:
    for given in ({"tls_cert_file": own.certificate}, {"tls_key_file": own.key}, {"tls_ca_file": own.certificate}):
        with pytest.raises(SettingsWrong, match="set the missing one"):
            settings(tmp_path, **given)


@pytest.mark.parametrize(
    ("host", "mutual", "answered"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("localhost", False, True),
        ("0.0.0.0", False, False),
        ("10.0.0.7", False, False),
        ("sih.example", False, False),
        ("", False, True),
        ("0.0.0.0", True, True),
    ],
)
def test_queries_are_answered_to_senders_that_are_known_or_on_this_machine(
    tmp_path: Path, own: Issued, host: str, mutual: bool, answered: bool
) -> None:
    files = {"tls_cert_file": own.certificate, "tls_key_file": own.key, "tls_ca_file": own.certificate}
    given = settings(tmp_path, host=host, **(files if mutual else {}))
    assert (closed(given) == "") is answered
