"""What a DICOM peer sends, byte for byte: its own association ends at most, and others are served after it.

An input is a list of pieces to send; after some an answer is awaited. What is held is whole, and an honest sender
stores an instance after each input. In the end no thread, socket or slot is left.
"""

import io
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from adapters.dicom.attributes import read_header, read_instance
from adapters.dicom.inlet import spool_at
from adapters.dicom.network.agreed import Patience
from adapters.dicom.network.knocking import Waits
from adapters.dicom.part10 import dataset_digest, read_file_meta, seal_of
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.dicom.store import Bounds
from adapters.inbox.batches import Limits
from bench.dicom_peer import ABORT, CT_IMAGE, DEFLATED, EXPLICIT, Peer, command, data, pdu, request, store_command
from tests.fakes.dicom import enrolled, instance, new_uid, part10
from tests.fuzz.frame import Wrong, scratch
from tests.fuzz.mutate import LENGTHS, havoc

VERIFICATION: Final = "1.2.840.10008.1.1"
ECHO: Final = command(
    (0x0002, VERIFICATION.encode() + b"\0"), (0x0100, b"\x30\0"), (0x0110, b"\1\0"), (0x0800, b"\1\1")
)
RELEASE: Final = pdu(0x05, bytes(4))
MOST_PIECES: Final = 12
AWAITED_S: Final = 60.0
SETTLED: Final = 25  # inputs after which everything must have been given up

Script = list[tuple[bytes, bool]]
"""Pieces to send, and whether an answer is awaited after each."""


class Pdus:
    """See the module."""

    name = "pdus"

    def __init__(self) -> None:
        self._folder = scratch()
        self._spool = spool_at(self._folder, room=0)
        ledger = enrolled()

        def site_of(ae_title: str) -> str | None:
            return ledger.log.site_of(ae_title)

        fast = Waits(accepted_per_s=10_000, refused_per_s=10_000, connected_per_s=10_000, request_s=2.0)
        ways = Ways(
            batches=Limits(quiet_s=0.2, linger_s=0.02),
            bounds=Bounds(instance_mib=1),
            patience=Patience(idle_s=2.0, unfinished_s=2.0),
        )
        self._service = StorageService(
            ledger=ledger,
            spool=self._spool,
            site_of=site_of,
            refused=lambda _: None,
            doors=Doors(port=0, waits=fast),
            ways=ways,
        )
        self._log = _Broken()
        logging.getLogger("adapters").addHandler(self._log)
        self._service.start()
        self._count = 0
        self._honest()
        _until(lambda: self._service.associations == 0 and self._service.callers == 0)
        self._threads, self._sockets = threading.active_count(), _sockets()

    def seeds(self) -> Sequence[bytes]:
        """Associations that do what an honest or merely odd device does."""
        image = _dataset("1.2.3.4")
        asked, both = (
            request(),
            request(contexts=((CT_IMAGE, EXPLICIT), (VERIFICATION, EXPLICIT), (CT_IMAGE, DEFLATED))),
        )
        command_of = data(store_command("1.2.3.4"), is_command=True)
        pieces = [data(image[at : at + 200], last=at + 200 >= len(image)) for at in range(0, len(image), 200)]
        scripts: list[Script] = [
            [(asked, True), (command_of + data(image), True), (RELEASE, True)],
            [(asked, True), (command_of, False), *((piece, False) for piece in pieces[:-1]), (pieces[-1], True)],
            [
                (both, True),
                (data(ECHO, context=3, is_command=True), True),
                (command_of + data(image), True),
                (RELEASE, True),
            ],
            [
                (both, True),
                (data(store_command("1.2.9"), context=5, is_command=True) + data(b"\x4b\x4c", context=5), True),
            ],
            [(request(calling="STRANGER"), True)],
            [(request(max_pdu=40), True), (data(ECHO, is_command=True), True)],
            [(asked, True), (command_of, False), (pdu(0x07, bytes(4)), False)],
            [
                (asked, True),
                (data(store_command("1.2.9"), is_command=True) + data(b"no data set"), True),
                (RELEASE, True),
            ],
            [(asked[:50], False), (asked[50:], True), (command_of[:9], False), (command_of[9:] + data(image), True)],
        ]
        return [_written(script) for script in scripts]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """A piece becomes another one, is cut, doubled, moved; or a length in it is made wrong."""
        script, donor = _read(given), _read(other)
        at = random.randrange(len(script)) if script else 0
        match random.randrange(8):
            case 0 | 1 | 2 if script:
                piece, waits = script[at]
                script[at] = (_odd(piece, random.choice(donor)[0] if donor else b"", random), waits)
            case 3 if script:
                piece, waits = script[at]
                cut = random.randrange(len(piece) + 1)
                script[at : at + 1] = [(piece[:cut], False), (piece[cut:], waits)]
            case 4 if script:
                script.insert(at, random.choice(script))
            case 5 if script:
                del script[at]
            case 6:
                script[at:at] = donor[random.randrange(len(donor) + 1) :]
            case _:
                script.insert(at, (random.choice(PIECES), random.random() < 0.5))
        return _written(script[:MOST_PIECES])

    def close(self) -> None:
        """Stop the service."""
        self._service.stop(grace_s=1)
        logging.getLogger("adapters").removeHandler(self._log)
        shutil.rmtree(self._folder)

    def answer(self, given: bytes) -> str:
        """Send it; then an honest sender sends an instance, and what was given up is seen to be."""
        self._log.lines.clear()
        before = self._held()
        said = self._send(_read(given))
        self._honest()
        if self._log.lines:
            raise Wrong(f"the log: an error of the service's own ({self._log.lines[0]})")
        for path in self._held() - before:
            self._is_whole(path.read_bytes())
        self._count += 1
        if self._count % SETTLED == 0:
            self.settled()
        return said

    def settled(self) -> None:
        """Nothing is left of what came. Raises Wrong."""
        _until(lambda: self._service.associations == 0, "slots: an association is held for ever")
        _until(lambda: self._service.callers == 0, "sockets: a connection without association is held for ever")
        _until(lambda: threading.active_count() <= self._threads, "threads: one is left of an association")
        _until(lambda: _sockets() <= self._sockets, "sockets: one is left of an association")
        _until(lambda: not list(self._folder.glob("work/*/incoming/*")), "disk: half an instance is left")

    def _held(self) -> set[Path]:
        return {path for path in self._folder.glob("instances/*/*/*") if path.is_file()}

    def _is_whole(self, kept: bytes) -> None:
        """It can be read to its end: half an instance cannot."""
        meta, seal = read_file_meta(kept), seal_of(kept)
        if seal is None or seal[1] != dataset_digest(kept, meta.offset):
            raise Wrong("half: an instance is held whose bytes are not those that were sealed")
        stream = io.BytesIO(kept)
        stream.seek(meta.offset)
        read_instance(read_header(stream, len(kept), meta.transfer_syntax))

    def _send(self, script: Script) -> str:
        """The kinds of PDUs that were answered."""
        kinds: list[str] = []
        with Peer(self._service.port) as peer:
            try:
                for piece, waits in script:
                    peer.send(piece)
                    if waits:
                        peer.socket.settimeout(0.1)  # of what is incomplete there is no answer
                        kinds.append(str(peer.hear()[0]))
                        if kinds[-1] in ("0", str(ABORT)):
                            break
            except TimeoutError:
                kinds.append("silent")
            except OSError:
                kinds.append("closed")
        return " ".join(kinds)

    def _honest(self) -> None:
        """Others are served as ever, within a time that a busy machine has too."""
        uid = new_uid()
        try:
            with Peer(self._service.port) as peer:
                peer.socket.settimeout(AWAITED_S)
                peer.associate(calling="CHP_PACS")
                status = peer.store(uid, _dataset(uid))
                peer.send(RELEASE).hear()
        except (OSError, AssertionError) as failed:
            raise Wrong(f"honest: a sender is not served any more ({type(failed).__name__})") from None
        if status != 0 or not self._spool.claim("CHP", uid).exists():
            raise Wrong(f"honest: an instance is not taken in (status {status:#06x})")


class _Broken(logging.Handler):
    """Errors that the service does not expect of a peer."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        self.lines.append(record.getMessage())


def _dataset(uid: str) -> bytes:
    whole = part10(
        instance(SOPInstanceUID=uid, PatientName="TESTPATIENT^FICTIVEMENT", PixelData=bytes(300), BitsAllocated=8)
    )
    return whole[read_file_meta(whole).offset :]


def _odd(piece: bytes, other: bytes, random: Random) -> bytes:
    """Another piece; half of the time one whose outer length is true, so that what is within is read."""
    if random.random() < 0.2 and len(piece) > 6:
        return piece[:2] + (random.choice(LENGTHS) & 0xFFFFFFFF).to_bytes(4, "big") + piece[6:]
    if random.random() < 0.5 and len(piece) > 6:
        return pdu(piece[0], havoc(piece[6:], other[6:], random)[:200_000])
    return havoc(piece, other, random)[:200_000]


PIECES: Final = (
    RELEASE,
    pdu(0x06, bytes(4)),
    pdu(0x07, bytes(4)),
    pdu(0x03, bytes(4)),
    pdu(0x04, b""),
    pdu(0x09, b"x"),
    request(),
    b"\0",
    b"",
    data(ECHO, is_command=True),
    data(b"x" * 300, last=False),
    data(b"", is_command=True),
    pdu(0x04, b"\0\0\0\2\1\3" * 3_000),
    data(store_command("../x"), is_command=True),
    data(command((0x0100, b"\x20\0"), (0x0110, b"\1\0"), (0x0800, b"\1\1")), is_command=True),
)


def _sockets() -> int:
    return sum(1 for name in os.listdir("/proc/self/fd") if _is_socket(name))  # noqa: PTH208


def _is_socket(name: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{name}").startswith("socket:")  # noqa: PTH115
    except OSError:
        return False


def _until(true: Callable[[], bool], what: str = "it did not happen") -> None:
    end = time.monotonic() + AWAITED_S
    while not true():
        if time.monotonic() > end:
            raise Wrong(what)
        time.sleep(0.01)


def _written(script: Script) -> bytes:
    return json.dumps([[piece.hex(), waits] for piece, waits in script]).encode()


def _read(given: bytes) -> Script:
    return [(bytes.fromhex(piece), waits) for piece, waits in json.loads(given)]
