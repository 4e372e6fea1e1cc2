"""MLLP on loopback sockets: framing, bounds, and a server that answers several senders and stops cleanly."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from adapters.hl7.desk import Peer
from adapters.hl7.mllp import Bounds, Broken, Frames
from adapters.hl7.server import Answers, Server, Slots
from tests.fakes import hl7
from tests.fakes.hl7 import Answered, message, pid
from tests.waiting import WITHIN_S

Pair = tuple[socket.socket, socket.socket]


def framed(raw: bytes) -> bytes:
    return b"\x0b" + raw + b"\x1c\r"


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(WITHIN_S)
        yield ours, theirs


@pytest.mark.parametrize("chunk", [1, 3, 1_000])
def test_messages_are_read_however_they_come_in(pair: Pair, chunk: int) -> None:
    ours, theirs = pair
    said = framed(b"MSH|one\x1c|\rPID") + b"\r\n" + framed(b"MSH|two")
    for start in range(0, len(said), chunk):
        theirs.sendall(said[start : start + chunk])
    theirs.shutdown(socket.SHUT_WR)
    frames = Frames(ours, Bounds())
    assert [frames.next(), frames.next(), frames.next()] == [b"MSH|one\x1c|\rPID", b"MSH|two", None]


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\x0bMSH|half", framed(b"MSH|\x0bMSH|two"), b"\x0b" + b"x" * 200]
)
def test_what_is_no_mllp_or_too_large_or_half_is_not_waited_for(pair: Pair, said: bytes) -> None:
    ours, theirs = pair
    theirs.sendall(said)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(Broken):
        Frames(ours, Bounds(most=100)).next()


def test_a_message_that_is_as_large_as_is_taken_is_taken_and_one_byte_more_is_not(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(framed(b"x" * 100) + framed(b"x" * 101))
    frames = Frames(ours, Bounds(most=100))
    assert len(frames.next() or b"") == 100
    with pytest.raises(Broken):
        frames.next()


@pytest.mark.parametrize(("said", "bounds"), [(b"", Bounds(idle_s=0.05)), (b"\x0bMSH|", Bounds(unfinished_s=0.05))])
def test_a_peer_that_says_nothing_more_is_not_waited_for(pair: Pair, said: bytes, bounds: Bounds) -> None:
    ours, theirs = pair
    theirs.sendall(said)
    with pytest.raises(TimeoutError):
        Frames(ours, bounds).next()


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    begun: list[Server] = []

    def start(answer: Answers, bounds: Bounds | None = None, slots: Slots | None = None) -> Server:
        server = Server("127.0.0.1", 0, answer, bounds or Bounds(), slots or Slots())
        server.start()
        begun.append(server)
        return server

    yield start
    for server in begun:
        server.stop()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), WITHIN_S)


def exchanged(connection: socket.socket, raw: bytes) -> bytes:
    """What is answered to one message; empty where the connection was closed."""
    connection.sendall(framed(raw))
    return received(connection)


def received(connection: socket.socket) -> bytes:
    came = b""
    while not came.endswith(b"\x1c\r"):
        if not (more := connection.recv(4_096)):
            return b""
        came += more
    return came[1:-2]


def test_a_message_over_a_socket_is_stored_before_it_is_answered(serve: Serve) -> None:
    ledger = hl7.Ledger()
    server = serve(hl7.desk(ledger).answer)
    head = ledger.recorder.max_notification_id() or 0
    with connected(server) as sender:
        for n in (1, 2):
            answer = Answered(exchanged(sender, message("A28", f"m{n}", pid(str(n)))))
            assert (answer.verdict, answer.of) == ("AA", f"m{n}")
            assert ledger.recorder.max_notification_id() == head + n


def test_many_senders_at_once_are_each_answered_their_own(serve: Serve) -> None:
    server = serve(lambda raw, _: raw[::-1])
    wrong: list[int] = []

    def talk(name: bytes) -> None:
        with connected(server) as sender:
            wrong.extend(n for n in range(20) if exchanged(sender, name * (n + 1)) != (name * (n + 1))[::-1])

    talkers = [threading.Thread(target=talk, args=(b"MSH%d" % n,)) for n in range(8)]
    for each in talkers:
        each.start()
    for each in talkers:
        each.join(WITHIN_S)
    assert not wrong
    assert not any(each.is_alive() for each in talkers)


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", framed(b"no message")])
def test_whoever_speaks_no_hl7_is_hung_up_on_and_others_go_on(serve: Serve, said: bytes) -> None:
    server = serve(hl7.desk(hl7.Ledger()).answer)
    with connected(server) as other, connected(server) as sender:
        other.sendall(said)
        assert received(other) == b""
        assert Answered(exchanged(sender, message("A28", "m1", pid()))).verdict == "AA"


def test_an_answer_is_not_lost_where_what_follows_the_message_is_no_hl7(serve: Serve) -> None:
    """A connection that is closed while something in it was not read is reset, and what was sent before may be gone."""
    server = serve(lambda raw, _: raw)
    with connected(server) as sender:
        sender.sendall(framed(b"a") + b"x" * 1_000_000)
        sender.shutdown(socket.SHUT_WR)
        assert received(sender) == b"a"
        assert sender.recv(1) == b""


@pytest.mark.parametrize("slots", [Slots(in_all=2), Slots(from_an_address=2)])
def test_one_connection_too_many_is_closed_and_one_that_ends_makes_room(serve: Serve, slots: Slots) -> None:
    server = serve(lambda raw, _: raw, slots=slots)
    with connected(server) as first, connected(server) as second:
        assert exchanged(first, b"a") == exchanged(second, b"a") == b"a"
        with connected(server) as third:
            assert third.recv(1) == b""
        first.shutdown(socket.SHUT_WR)
        assert first.recv(1) == b""  # its thread has ended, and gave its place back before it closed
        with connected(server) as fourth:
            assert exchanged(fourth, b"b") == b"b"


def test_a_server_that_stops_answers_what_it_is_storing(serve: Serve) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(raw: bytes, _: Peer) -> bytes:
        if raw == b"a":
            begun.set()
            assert goes_on.wait(WITHIN_S)
        return raw

    server = serve(slow)
    with connected(server) as sender, connected(server) as idle:
        assert exchanged(idle, b"b") == b"b"  # one that was not accepted yet would be reset
        sender.sendall(framed(b"a"))
        assert begun.wait(WITHIN_S)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert idle.recv(1) == b""
        goes_on.set()
        assert received(sender) == b"a"
        assert sender.recv(1) == b""
        stopping.join(WITHIN_S)
        assert not stopping.is_alive()
