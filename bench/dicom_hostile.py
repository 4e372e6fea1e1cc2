"""Benchmark of DICOM reception under attack: four honest senders, alone and beside 500 hostile callers; and endurance.

Hostile callers say nothing, half a request, nonsense, are strangers, or begin a message and never finish it; each calls
again when it is closed, or after a second. All come from the address of the honest ones. They run on the same machine
and take of its processors what on others they would not, so the honest are also measured while as many call a port
where nobody answers. Claims: the honest keep 0.8 of that rate, and 10,000 associations one after another leave memory,
threads and files as they were.
"""

import heapq
import multiprocessing
import os
import selectors
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median

from bench import dicom_beside
from bench.dicom_beside import Load
from bench.dicom_peer import Peer, data, pdu, request, store_command
from bench.listening import LOCAL, listening, serving
from tests.fakes.ports import free_port

HOSTILE, ASSOCIATIONS, ROUNDS, HOLD_S = 500, 10_000, 5, 1.0
LOAD = Load("4 kB", 2_500, 400)
SAID = (
    b"",
    request()[:50],
    request(calling="STRANGER"),
    os.urandom(300),
    request(calling="BENCH2") + data(store_command("1.2.9"), is_command=True) + data(b"x", last=False),
)


def run(hostile: int = HOSTILE, associations: int = ASSOCIATIONS, rounds: int = ROUNDS) -> dict[str, float]:
    """Nothing of the honest where there is no storescu."""
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        figures = _honest(Path(folder), hostile, rounds) if shutil.which("storescu") else {}
        return figures | _endurance(Path(folder), associations)


def _honest(folder: Path, hostile: int, rounds: int) -> dict[str, float]:
    alone, elsewhere, beside = [], [], []
    for number in range(rounds):
        senders = dicom_beside.files(folder / str(number), LOAD, 12)
        with serving(folder, dicom_beside.krypton, dicom_beside.ENVIRONMENT) as (_, port):
            alone.append(_rate(senders[:4], port))
            with _nobody() as other, _besieged(other, hostile):
                elsewhere.append(_rate(senders[4:8], port))
            with _besieged(port, hostile):
                beside.append(_rate(senders[8:], port))
    return {
        "honest alone/s": round(median(alone), 1),
        "honest while others are called/s": round(median(elsewhere), 1),
        "honest beside hostile/s": round(median(beside), 1),
        "honest beside hostile: of alone": _ratio(beside, alone),
        "honest beside hostile: of while others are called": _ratio(beside, elsewhere),
    }


def _rate(senders: list[Path], port: int) -> float:
    return LOAD.count * len(senders) / dicom_beside.sent(senders, port)


def _ratio(rates: list[float], of: list[float]) -> float:
    return round(median(rate / other for rate, other in zip(rates, of, strict=True)), 2)


@contextmanager
def _nobody() -> Iterator[int]:
    """A port where connections are made and nobody ever answers."""
    with socket.create_server((LOCAL, 0), backlog=4_096) as deaf:
        yield int(deaf.getsockname()[1])


@contextmanager
def _besieged(port: int, hostile: int) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_besiege, args=(port, hostile), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _besiege(port: int, hostile: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    siege = _Siege(port)
    for kind in range(hostile):
        siege.call(kind)
    while True:
        siege.turn()


class _Siege:
    """All callers in one thread, as cheap as can be: what they cost is to be what they cost the server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, int] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def turn(self) -> None:
        """Wait, speak where a line was taken, and call again where it was closed."""
        for key, _ in self._selector.select(max(0.0, self._due[0][0] - time.monotonic())):
            self._answered(key.fileobj, key.events)  # type: ignore[arg-type]  # sockets alone are registered
        while self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def call(self, kind: int) -> None:
        """Call as one of five kinds, and hang up after a second at the latest."""
        line = socket.socket()
        line.setblocking(False)
        line.connect_ex((LOCAL, self._port))
        self._open[line] = kind
        self._selector.register(line, selectors.EVENT_WRITE)
        self._later(HOLD_S, lambda: self._hang_up(line))

    def _answered(self, line: socket.socket, events: int) -> None:
        try:
            if events == selectors.EVENT_WRITE:
                line.send(SAID[self._open[line] % len(SAID)])
                self._selector.modify(line, selectors.EVENT_READ)
            elif not line.recv(4_096):
                self._hang_up(line)
        except OSError:
            self._hang_up(line)

    def _hang_up(self, line: socket.socket) -> None:
        if (kind := self._open.pop(line, None)) is not None:
            self._selector.unregister(line)
            line.close()
            self._later(HOLD_S / 10, lambda: self.call(kind))

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), do))


def _endurance(folder: Path, associations: int) -> dict[str, float]:
    own = folder / "endurance"
    own.mkdir()
    port = free_port()
    with listening(dicom_beside.krypton(own, port), port) as process:
        _associate(port, associations // 20)
        before = _taken_by(process.pid)
        _associate(port, associations)
        after = _taken_by(process.pid)
    return {
        f"{name} after {associations:,} associations: more": after[name] - before[name]
        for name in ("MB", "threads", "files")
    }


def _associate(port: int, count: int) -> None:
    for _ in range(count):
        with Peer(port) as peer:
            peer.associate()
            peer.send(pdu(0x05, bytes(4))).hear()


def _taken_by(pid: int) -> dict[str, float]:
    process = Path("/proc") / str(pid)
    pages = int((process / "statm").read_text().split()[1])
    return {
        "MB": round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1),
        "threads": len(list((process / "task").iterdir())),
        "files": len(list((process / "fd").iterdir())),
    }


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{figure:48} {value:>8}")
