"""Messages with a data set on their way out: the same bytes in PDUs that the peer takes, from wherever they come."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.dicom.network.outgoing import BATCH, LARGEST, Cut, Made, Source, Stored
from adapters.dicom.network.pdu import HEAD, Negotiated, Result
from adapters.dicom.network.talk import Talk
from adapters.dicom.network.wire import Gone, Wire
from tests.fakes.dicom import CT_IMAGE

CONTEXT = 3
COMMAND = b"a command, which is opaque here "
WHOLE = LARGEST - 6  # bytes of a data set in the largest PDU
SIZES = (0, 2, 65_536, WHOLE - 2, WHOLE, WHOLE + 2, 4 * WHOLE, BATCH, 4 * WHOLE + 2, 1_300_000)


@dataclass
class Line:
    """A connection on this machine; what comes out of it is read by a thread."""

    wire: Wire
    peer: socket.socket
    heard: bytearray = field(default_factory=bytearray)
    _reader: threading.Thread | None = None

    def begin(self) -> None:
        """Read all that comes."""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while data := self.peer.recv(1_000_000):
            self.heard += data

    def all_of(self) -> bytes:
        """What has come when nothing more does."""
        self.wire.close()
        if self._reader:
            self._reader.join()
        return bytes(self.heard)


@pytest.fixture
def line() -> Iterator[Line]:
    """One."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    with peer:
        made = Line(Wire(own, LARGEST, lambda: False), peer)
        yield made
        made.all_of()


def talk(line: Line, max_pdu: int) -> Talk:
    """On that line."""
    return Talk(line.wire, {CONTEXT: Negotiated(CONTEXT, CT_IMAGE, "1.2", Result.ACCEPTED)}, max_pdu, 1.0)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Callable[[int], tuple[Stored, bytes]]]:
    """Makes files whose data set has so many bytes, behind a head of 300."""
    files: list[int] = []

    def made(size: int) -> tuple[Stored, bytes]:
        data, path = os.urandom(size), tmp_path / f"{len(files)}.dcm"
        path.write_bytes(bytes(300) + data)
        files.append(os.open(path, os.O_RDONLY))
        return Stored(files[-1], 300, size), data

    yield made
    for fd in files:
        os.close(fd)


def fragments(heard: bytes, max_pdu: int) -> Iterator[tuple[int, bytes]]:
    """The control byte and the bytes of each data value; each is in a PDU of its own that the peer takes."""
    at = 0
    while at < len(heard):
        kind, length = HEAD.unpack_from(heard, at)
        inner, context, control = struct.unpack_from(">LBB", heard, at + HEAD.size)
        assert (kind, inner, context) == (4, length - 4, CONTEXT)
        assert length <= (max_pdu or LARGEST)
        yield control, heard[at + HEAD.size + 6 : at + HEAD.size + length]
        at += HEAD.size + length


def message(heard: bytes, max_pdu: int) -> tuple[bytes, bytes]:
    """The command and the data set of the one message that came."""
    came = [*fragments(heard, max_pdu)]
    commands = [data for control, data in came if control & 1]
    data_set = [data for control, data in came if not control & 1]
    assert [control for control, _ in came] == [1] * (len(commands) - 1) + [3] + [0] * (len(data_set) - 1) + [2]
    assert all(len(data) % 2 == 0 for data in data_set)
    return b"".join(commands), b"".join(data_set)


@pytest.mark.parametrize("max_pdu", [0, 20, 128, 16_384, LARGEST, 1_000_000])
@pytest.mark.parametrize("size", SIZES)
def test_a_stored_data_set_goes_out_byte_for_byte(
    line: Line, stored: Callable[[int], tuple[Stored, bytes]], size: int, max_pdu: int
) -> None:
    source, data = stored(size)
    line.begin()
    talk(line, max_pdu).say(CONTEXT, COMMAND, source)
    assert message(line.all_of(), max_pdu) == (COMMAND, data)


@pytest.mark.parametrize("size", [size for size in SIZES if size])
def test_so_does_one_that_was_made(line: Line, size: int) -> None:
    data = os.urandom(size)
    line.begin()
    talk(line, LARGEST).say(CONTEXT, COMMAND, Made(data))
    assert message(line.all_of(), LARGEST) == (COMMAND, data)


def test_a_long_command_goes_out_before_its_data_set(line: Line) -> None:
    command, data = b"a long one" * 400, os.urandom(2_000)
    line.begin()
    talk(line, 512).say(CONTEXT, command, Made(data))
    assert message(line.all_of(), 512) == (command, data)


def test_two_data_sets_one_after_the_other(line: Line, stored: Callable[[int], tuple[Stored, bytes]]) -> None:
    """The second is shorter: nothing of the first is left."""
    long, short = stored(1_300_000), stored(700)
    line.begin()
    said = talk(line, LARGEST)
    for source, _ in (long, short, stored(0)):
        said.say(CONTEXT, COMMAND, source)
    came = [data for control, data in fragments(line.all_of(), LARGEST) if not control & 1]
    assert b"".join(came) == long[1] + short[1]
    assert came[-2:] == [short[1], b""]


def sources(stored: Callable[[int], tuple[Stored, bytes]], size: int) -> list[tuple[int, Source]]:
    """Of each kind, with the PDUs that they go out in."""
    return [(LARGEST, stored(size)[0]), (16_384, stored(size)[0]), (LARGEST, Made(bytes(size)))]


@pytest.mark.parametrize("which", range(3))
def test_somebody_is_asked_before_each_part_and_may_end_it(
    line: Line, stored: Callable[[int], tuple[Stored, bytes]], which: int
) -> None:
    class NoMore(Exception):
        pass

    asked: list[int] = []

    def between() -> None:
        asked.append(1)
        if len(asked) == 4:
            raise NoMore

    max_pdu, source = sources(stored, 5 * BATCH)[which]
    line.begin()
    with pytest.raises(NoMore):
        talk(line, max_pdu).say(CONTEXT, COMMAND, source, between)
    came = sum(len(data) for control, data in fragments(line.all_of(), max_pdu) if not control & 1)
    assert 2 * BATCH < came <= 4 * BATCH


def test_a_file_that_is_shorter_than_it_was_is_cut(line: Line, stored: Callable[[int], tuple[Stored, bytes]]) -> None:
    line.begin()
    for max_pdu in (16_384, LARGEST):
        source, _ = stored(400_000)
        source.size += 2
        with pytest.raises(Cut):
            talk(line, max_pdu).say(CONTEXT, COMMAND, source)


def test_a_peer_that_is_gone_is_noticed(line: Line, stored: Callable[[int], tuple[Stored, bytes]]) -> None:
    said = talk(line, LARGEST)
    line.peer.close()

    def say() -> None:
        for _ in range(100):
            said.say(CONTEXT, COMMAND, stored(400_000)[0])

    with pytest.raises(Gone):
        say()
