"""Benchmark of DICOM reception under attack: four honest senders, alone and beside 500 hostile callers; and endurance.

Hostile callers say nothing, half a request, nonsense, are strangers, or begin a message and never finish it; each calls
again when it is closed, or after a second. All come from the address of the honest ones. Claims: the honest keep 0.8
of their rate, and 10,000 associations one after another leave memory, threads and files as they were.
"""

import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from bench import dicom_beside
from bench.dicom_beside import LOCAL, Load
from bench.dicom_peer import Peer, data, pdu, request, store_command

HOSTILE, ASSOCIATIONS, ROUNDS, HOLD_S = 500, 10_000, 3, 1.0
LOAD = Load("4 kB", 2_500, 400)


def run(hostile: int = HOSTILE, associations: int = ASSOCIATIONS, rounds: int = ROUNDS) -> dict[str, float]:
    """Nothing of the honest where there is no storescu."""
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        figures = _honest(Path(folder), hostile, rounds) if shutil.which("storescu") else {}
        return figures | _endurance(Path(folder), associations)


def _honest(folder: Path, hostile: int, rounds: int) -> dict[str, float]:
    alone, beside = [], []
    for number in range(rounds):
        senders = dicom_beside.files(folder / str(number), LOAD, 8)
        with dicom_beside.serving(folder, dicom_beside.krypton) as port:
            alone.append(LOAD.count * 4 / dicom_beside.sent(senders[:4], port))
            with _besieged(port, hostile):
                beside.append(LOAD.count * 4 / dicom_beside.sent(senders[4:], port))
    return {
        "honest alone/s": round(median(alone), 1),
        "honest beside hostile/s": round(median(beside), 1),
        "honest beside hostile: of alone": round(median(b / a for a, b in zip(alone, beside, strict=True)), 2),
    }


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
    asyncio.run(_all_at_once(port, hostile))


async def _all_at_once(port: int, hostile: int) -> None:
    await asyncio.gather(*(_call(port, kind) for kind in range(hostile)))


async def _call(port: int, kind: int) -> None:
    """One hostile caller, for ever."""
    said = (
        b"",
        request()[:50],
        request(calling="STRANGER"),
        os.urandom(300),
        request(calling="BENCH2") + data(store_command("1.2.9"), is_command=True) + data(b"x", last=False),
    )[kind % 5]
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(LOCAL, port)
            writer.write(said)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(), HOLD_S)
            writer.close()
        await asyncio.sleep(HOLD_S / 10)


def _endurance(folder: Path, associations: int) -> dict[str, float]:
    own = folder / "endurance"
    own.mkdir()
    with socket.create_server((LOCAL, 0)) as free:
        port = int(free.getsockname()[1])
    process = subprocess.Popen(dicom_beside.krypton(own, port))
    try:
        dicom_beside.until(lambda: dicom_beside.listens(port))
        _associate(port, associations // 20)
        before = _taken_by(process.pid)
        _associate(port, associations)
        after = _taken_by(process.pid)
    finally:
        process.terminate()
        process.wait()
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
