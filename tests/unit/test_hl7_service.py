"""The HL7 service as it is wired: it listens where the settings say, stores, answers, and stops."""

import socket
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from krypton.errors import ServiceUnavailable
from krypton.services.hl7 import serve
from krypton.services.run import COMMANDS, ports
from krypton.settings import Settings
from tests.fakes import hl7
from tests.fakes.hl7 import Answered, message, pid
from tests.fakes.ports import free_port
from tests.waiting import WITHIN_S, until


def ours(tmp_path: Path, port: int) -> tuple[Any, hl7.Ledger]:
    """An installation for tests, with its ledger in memory."""
    ledger = hl7.Ledger()
    hl7.desk(ledger)  # enrols the establishment
    settings = Settings.read({"KRYPTON_HL7_PORT": str(port), "KRYPTON_TEST_INSTALLATION": "1"}, tmp_path)
    return SimpleNamespace(settings=settings, ledger=ledger, pool=1), ledger


def test_it_takes_messages_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port, stop = free_port(), Event()
    installation, ledger = ours(tmp_path, port)
    head = ledger.recorder.max_notification_id() or 0
    running = Thread(target=serve, args=(installation, stop))
    running.start()
    try:
        until(lambda: connects(port), "the HL7 service listens")
        with socket.create_connection(("127.0.0.1", port), WITHIN_S) as sender:
            sender.sendall(b"\x0b" + message("A28", "m1", pid()) + b"\x1c\r")
            assert Answered(sender.recv(4_096)[1:-2]).verdict == "AA"
        assert ledger.recorder.max_notification_id() == head + 1
    finally:
        stop.set()
        running.join(WITHIN_S)
    assert not running.is_alive()
    assert not connects(port)


def test_a_port_that_is_taken_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        installation, _ = ours(tmp_path, taken.getsockname()[1])
        with pytest.raises(ServiceUnavailable, match="KRYPTON_HL7_PORT"):
            serve(installation, Event())


def test_krypton_run_starts_it_and_knows_its_port(tmp_path: Path) -> None:
    assert COMMANDS["hl7"] == ("serve", "hl7")
    settings = Settings.read({"KRYPTON_HL7_PORT": "2576", "KRYPTON_HL7_HOST": "127.0.0.2"}, tmp_path)
    assert [(one.host, one.port) for one in ports(settings) if one.service == "hl7"] == [("127.0.0.2", 2576)]


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
