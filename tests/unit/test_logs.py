"""Logs are bounded while they are written to: by the supervisor, whose folder also holds Kafka's and PostgreSQL's."""

import shutil
import sys
import threading
from pathlib import Path

import pytest

from krypton.logs import bound
from krypton.services import supervisor
from krypton.services.supervisor import Child, supervise
from tests.waiting import until

MOST = 1_000
CHATTY = "import time\nwhile True: print('a line of a log', flush=True); time.sleep(0.0005)"


def test_a_long_log_is_kept_once_and_begun_again_in_the_same_file(tmp_path: Path) -> None:
    log = tmp_path / "relay.log"
    with log.open("ab", buffering=0) as writer:
        for line in (b"first\n", b"second\n", b"third\n"):
            writer.write(line * MOST)
            bound([log], MOST)
            assert (tmp_path / "relay.log.1").read_bytes() == line * MOST
        writer.write(b"last\n")
        bound([log], MOST)
    assert log.read_bytes() == b"last\n"
    assert {file.name for file in tmp_path.iterdir()} == {"relay.log", "relay.log.1"}


def test_without_room_for_the_copy_the_log_is_cut_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, aside: Path) -> None:
        aside.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    log = tmp_path / "relay.log"
    log.write_bytes(b"x" * 2 * MOST)
    bound([log], MOST)
    assert [file.name for file in tmp_path.iterdir()] == ["relay.log"]
    assert log.stat().st_size == 0


def test_a_log_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    bound([tmp_path / "gone.log"], MOST)


def test_the_supervisor_bounds_every_log_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOGS_EVERY_S", 0.0)
    monkeypatch.setattr(supervisor, "MOST_LOG_BYTES", MOST)
    servers = tmp_path / "kafka.log"
    servers.write_bytes(b"x" * 2 * MOST)
    child = Child("chatty", [sys.executable, "-c", CHATTY], tmp_path / "chatty.log")
    stop = threading.Event()
    running = threading.Thread(target=supervise, args=([child], print, stop))
    running.start()
    try:
        until((tmp_path / "chatty.log.1").exists, "the log is cut")
        (tmp_path / "chatty.log.1").unlink()
        until((tmp_path / "chatty.log.1").exists, "the log is cut")  # and goes on in the same file
    finally:
        stop.set()
        running.join()
    assert servers.stat().st_size == 0
    assert (tmp_path / "kafka.log.1").stat().st_size == 2 * MOST
