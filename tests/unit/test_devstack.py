"""The parts of the development stack, without its servers."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from krypton.addresses import without_password
from krypton.devstack import accounts, jars
from krypton.devstack.broker_properties import configuration
from krypton.devstack.home import StackHome
from krypton.devstack.jars_lock import LOCKED
from krypton.devstack.ports import choose, is_free
from krypton.devstack.state import save, with_free, write_secret
from krypton.devstack.teller import Silent
from krypton.errors import ServiceUnavailable
from krypton.home import cache_folder
from krypton.ports import HOST, Ports, answers
from tests.waiting import WITHIN_S


class Heard(Silent):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free_and_answers(taken_port: int) -> None:
    assert not is_free(taken_port)
    assert answers(taken_port)


def test_a_chosen_port_is_free_and_not_one_already_given() -> None:
    port = choose(set())
    assert is_free(port)
    assert not answers(port)
    assert choose({port}) != port


def test_a_remembered_port_is_kept() -> None:
    port = choose(set())
    assert with_free(Ports(kafka=port), ("kafka",), Silent()).kafka == port


def test_a_remembered_port_that_somebody_took_is_changed_and_told(taken_port: int) -> None:
    heard = Heard()
    changed = with_free(Ports(kafka=taken_port, database=1), ("kafka",), heard)
    assert changed.kafka not in (None, taken_port)
    assert changed.database == 1
    (line,) = heard.lines
    assert line.startswith(f"port {taken_port} of kafka is held by ")
    assert line.endswith(f"(pid {os.getpid()}): using {changed.kafka} from now on")


def test_ports_chosen_together_differ() -> None:
    chosen = with_free(Ports(), ("kafka", "kafka_controller", "database"), Silent())
    assert len({chosen.kafka, chosen.kafka_controller, chosen.database}) == 3


def test_ports_are_remembered(tmp_path: Path) -> None:
    save(Ports(1, 2, 3), tmp_path / "ports.json")
    assert Ports.load(tmp_path / "ports.json") == Ports(1, 2, 3)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kafka": "x"}', '{"kafka": 70000}', "\udcff"])
def test_a_damaged_memory_is_an_empty_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_bytes(text.encode(errors="surrogateescape"))
    assert Ports.load(tmp_path / "ports.json") == Ports()


def test_a_secret_is_its_owners_alone_and_is_never_replaced(tmp_path: Path) -> None:
    write_secret(tmp_path / "secret", "first")
    write_secret(tmp_path / "secret", "second")
    assert (tmp_path / "secret").read_text() == "first"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match=r"MiB are free on the disk of .* needed: free some"):
        StackHome(tmp_path).prepare(min_free_bytes=1 << 60)


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServiceUnavailable, match=r"file/home cannot be written: set KRYPTON_HOME"):
        StackHome(tmp_path / "file" / "home").prepare()


def test_a_path_that_kafka_would_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="comma or a colon"):
        StackHome(tmp_path / "a,b").prepare()


def test_only_one_at_a_time_starts_and_stops_servers(tmp_path: Path) -> None:
    heard = Heard()
    home = StackHome(tmp_path)
    with (
        home.locked(Silent()),
        pytest.raises(ServiceUnavailable, match="another krypton dev is working"),
        home.locked(heard, timeout_s=0.15),
    ):
        pass
    assert heard.lines == [f"another krypton dev is working on {tmp_path}: waiting for it"]


def test_the_lock_ends_with_a_killed_holder(tmp_path: Path) -> None:
    hold = (
        "from pathlib import Path; from krypton.devstack.home import StackHome; from krypton.devstack.teller import *\n"
        f"with StackHome(Path({str(tmp_path)!r})).locked(Silent()): print('held', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, cwd=Path.cwd()) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    with StackHome(tmp_path).locked(Silent(), timeout_s=WITHIN_S):
        pass


def test_every_listener_of_the_broker_is_on_loopback() -> None:
    lines = configuration(Path("/data"), Ports(kafka=1111, kafka_controller=2222)).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert settings["listeners"] == "CLIENTS://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.retention.ms"] == "-1"


def test_a_path_with_accents_is_written_as_java_reads_it() -> None:
    written = configuration(Path("/home/rené\\x/𝄞"), Ports(1, 2))
    assert r"log.dirs=/home/ren\u00e9\\x/\ud834\udd1e" + "\n" in written


def test_jars_are_whole_only_when_each_has_its_locked_content(tmp_path: Path) -> None:
    for name in LOCKED:
        (tmp_path / name).write_bytes(b"cut short")
    assert not jars.complete(tmp_path)


def test_a_failed_download_says_what_to_do_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(work: Path, _tell: object) -> dict[str, Path]:
        (work / "part").write_bytes(b"half a jar")
        raise ConnectionError("no route")

    monkeypatch.setattr(jars, "_resolve", no_network)
    with pytest.raises(ServiceUnavailable, match=r"could not be fetched .*no route.* KRYPTON_KAFKA"):
        jars.class_path(tmp_path, Silent())
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_jar_with_other_content_than_locked_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tampered(work: Path, _tell: object) -> dict[str, Path]:
        for name in LOCKED:
            (work / name).write_bytes(b"other")
        return {name: work / name for name in LOCKED}

    monkeypatch.setattr(jars, "_resolve", tampered)
    with pytest.raises(ServiceUnavailable, match="a jar differs from its locked SHA-256"):
        jars.class_path(tmp_path, Silent())
    assert not (tmp_path / "kafka-4.3.1").exists()


def test_downloads_go_to_the_users_cache_or_else_to_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder(tmp_path / "home") == tmp_path / "cache" / "krypton"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder(tmp_path / "home") == tmp_path / "home" / "downloads"


def test_a_closed_folder_is_opened_for_crossing_only_and_that_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    heard = Heard()
    accounts.let_through(closed / "data", accounts.Account(uid=os.geteuid() + 1, gid=0), heard)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert any(str(closed) in line and "chmod o+x" in line for line in heard.lines)


def test_a_program_installed_for_its_owner_only_is_opened_for_reading(tmp_path: Path) -> None:
    program, library = tmp_path / "bin" / "postgres", tmp_path / "lib" / "code.so"
    for path, mode in ((program, 0o700), (library, 0o600)):
        path.parent.mkdir()
        path.touch(mode=mode)
    accounts.let_read(tmp_path, Silent())
    assert [stat.S_IMODE(path.stat().st_mode) for path in (program, library)] == [0o705, 0o604]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_root_runs_existing_data_as_its_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12346)
    assert accounts.for_postgres(tmp_path) == accounts.Account(12345, 12346)


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://u:p@ss@db:5432/k") == "postgresql://u@db:5432/k"
    assert without_password("postgresql://db/k") == "postgresql://db/k"
    assert without_password("one:9092,two:9092") == "one:9092,two:9092"
