"""``krypton run`` is killed: nothing of it is left, and the next one works at once, naming what is in its way."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from krypton.devstack.processes import alive
from krypton.devstack.stack import Stack
from tests.fakes.ports import free_ports, listens
from tests.forked import Running
from tests.integration.live_ledger import LiveLedger, live_ledger
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

FEWEST = 7  # relay, DICOM service, registry, notary, policies, and a worker per view


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Of the services that ``krypton run`` starts."""
    settings = free_ports()
    for name, port in settings.items():
        monkeypatch.setenv(name, port)
    return {name: int(port) for name, port in settings.items()}


@pytest.fixture
def ledger(stack: Stack, tmp_path: Path, ports: dict[str, int]) -> Iterator[LiveLedger]:
    """Installed, with nothing running."""
    with live_ledger(stack, tmp_path) as ours:
        _ = ours.krypton
        yield ours


def serving(process: Running, ports: dict[str, int]) -> list[psutil.Process]:
    """The children of ``krypton run``, once its services answer."""
    ours = psutil.Process(process.pid)
    until(lambda: all(map(listens, ports.values())), "the services answer")
    until(lambda: len(ours.children()) >= FEWEST, "all processes started")
    return ours.children(recursive=True)


def test_nothing_is_left_of_a_killed_run_and_the_next_one_works(ledger: LiveLedger, ports: dict[str, int]) -> None:
    first = ledger.start("run")
    children = serving(first, ports)
    first.send_signal(signal.SIGKILL)
    until(lambda: not any(map(alive, children)), "every child has ended")
    registry = ports["KRYPTON_REGISTRY_PORT"]
    stranger = socket.create_server(("", registry))  # its port is free: another program takes it
    try:
        second = ledger.start("run")
        held = f"port {registry}, which registry needs, is held by {psutil.Process().name()} (pid "
        until(lambda: held in ledger.said("run").replace("\n", " "), "the holder named")
        third = ledger.spawn("third", [*psutil.Process(second.pid).cmdline()])
        assert third.wait(WITHIN_S) == 4
        assert f"(pid {second.pid})" in (ledger.logs / "third.log").read_text().replace("\n", " ")
    finally:
        stranger.close()
    again = serving(second, ports)
    assert not {child.pid for child in children} & {child.pid for child in again}
    ledger.register(200)
    until(ledger.relayed, "the relay works")
    second.terminate()
    assert second.wait(WITHIN_S) == 0
    assert not any(map(alive, again))
