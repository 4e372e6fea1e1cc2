"""The embedded stack under the faults it must survive, on a stack of its own."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from krypton.addresses import locate
from krypton.devstack import processes
from krypton.devstack.home import StackHome
from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from krypton.master_keys import plain_keys
from krypton.ports import HOST, Ports
from krypton.settings import Settings
from streams.broker import broker
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live

# What `krypton dev up` does, in a process of its own.
UP = "import sys; from pathlib import Path; from krypton.devstack.stack import Stack; Stack(Path(sys.argv[1])).up()"
# The same, killed when it is about to put a folder that it made in its place.
UP_KILLED = f"import os, pathlib; pathlib.Path.rename = lambda *_: os.kill(os.getpid(), 9); {UP}"


@pytest.fixture(scope="module")
def broken() -> Iterator[Stack]:
    """A stack that tests may break; each leaves it so that `up` mends it."""
    home = Path(tempfile.mkdtemp(prefix="krypton é "))  # a space and an accent: users have both
    ours = Stack(home)
    yield ours
    ours.down()
    shutil.rmtree(home)


@pytest.fixture
def up(broken: Stack) -> Stack:
    broken.up()
    return broken


@pytest.fixture
def stopped(broken: Stack) -> Stack:
    """It ran before, and its servers are stopped: most often the test before left it so, and nothing is started."""
    if not StackHome(broken.root).ports.exists():
        broken.up()
    broken.down()
    return broken


def servers(stack: Stack) -> dict[str, psutil.Process]:
    """The running servers of a stack by program name, found by looking at the whole machine."""
    kafka = processes.find_all(lambda argv: argv[-1] == str(stack.root / "kafka.properties"))
    postgres = processes.find_all(lambda argv: argv[1:3] == ["-D", str(stack.root / "postgres")])
    assert len(kafka) <= 1
    assert len(postgres) <= 1
    return {process.name(): process for process in (*kafka, *postgres)}


def query(url: str, statement: str) -> object:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def topics(stack: Stack) -> set[str]:
    client = KafkaAdminClient(**broker.options(stack.addresses().kafka))
    try:
        return set(client.list_topics())
    finally:
        client.close()


def create_topic(stack: Stack, name: str) -> None:
    client = KafkaAdminClient(**broker.options(stack.addresses().kafka))
    try:
        client.create_topics([NewTopic(name, 1, 1)])
    finally:
        client.close()


def test_up_returns_addresses_that_answer_and_that_settings_find(up: Stack) -> None:
    found = locate(up.root, None, None)
    assert found == up.addresses()
    assert query(found.database, "SELECT current_database()") == "krypton"
    assert topics(up) is not None


def test_up_again_changes_nothing(up: Stack) -> None:
    before, place = servers(up), up.addresses()
    assert up.up() == place
    assert servers(up) == before


def test_status_says_both_are_up(up: Stack) -> None:
    assert [(service.service, service.up, service.given) for service in up.status()] == [
        ("kafka", True, False),
        ("database", True, False),
    ]


def test_servers_listen_on_loopback_only(up: Stack) -> None:
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in servers(up).values()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {HOST}


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"), ("max_wal_size", "2GB")],
)
def test_the_database_is_crash_safe(setting: str, value: str, up: Stack) -> None:
    assert query(up.addresses().database, f"SHOW {setting}") == value


def test_a_statement_that_fails_leaves_no_value_in_the_log(up: Stack) -> None:
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
        query(up.addresses().database, "SELECT 'a' || 'KRYPTON-MARKED-NAME' || ('b' || 1/0)::text || 'x'::int")
    url = up.addresses().database
    query(url, "CREATE TABLE named (name text UNIQUE)")
    query(url, "INSERT INTO named VALUES ('KRYPTON-MARKED-NAME')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        query(url, "INSERT INTO named VALUES ('KRYPTON-MARKED-NAME')")
    query(url, "DROP TABLE named")
    assert "KRYPTON-MARKED-NAME" not in (up.root / "logs" / "postgres.log").read_text()


def test_a_killed_broker_comes_back_on_its_port_with_its_topics(up: Stack) -> None:
    place = up.addresses()
    create_topic(up, "kept")
    up.kill_kafka()
    assert "java" not in servers(up)
    up.start_kafka()
    assert up.addresses() == place
    assert "kept" in topics(up)


def test_a_database_stopped_at_once_keeps_what_was_committed(up: Stack) -> None:
    url = up.addresses().database
    query(url, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    up.stop_database_immediate()
    with pytest.raises(ServiceUnavailable, match=r"database does not run .*krypton dev up"):
        locate(up.root, None, None)
    up.start_database()
    assert query(url, "SELECT answer FROM kept") == 42


def test_a_killed_database_comes_back_though_its_pid_file_stayed(up: Stack) -> None:
    place = up.addresses()
    processes.end(servers(up)["postgres"], [(signal.SIGKILL, 10)])
    assert (up.root / "postgres" / "postmaster.pid").exists()
    assert up.up() == place
    assert query(place.database, "SELECT 1") == 1


def test_a_pid_file_that_names_a_stranger_harms_nobody(stopped: Stack) -> None:
    owner = (stopped.root / "postgres").stat()
    with subprocess.Popen(["sleep", "600"], user=owner.st_uid, cwd="/") as stranger:
        noted = stopped.root / "postgres" / "postmaster.pid"
        noted.write_text(f"{stranger.pid}\n{noted.parent}\n1\n5432\n\n{HOST}\n\nready\n")
        noted.chmod(0o644)
        stopped.up()
        assert stranger.poll() is None
        stopped.down()
        assert stranger.poll() is None
        stranger.terminate()


def test_down_stops_everything_and_may_be_repeated(up: Stack) -> None:
    up.down()
    up.down()
    assert servers(up) == {}
    assert [service.up for service in up.status()] == [False, False]


def test_a_second_start_is_on_the_same_ports(stopped: Stack) -> None:
    before = Ports.load(StackHome(stopped.root).ports)
    stopped.up()
    assert Ports.load(StackHome(stopped.root).ports) == before


def test_two_at_once_start_one_of_each(stopped: Stack) -> None:
    starters = [subprocess.Popen([sys.executable, "-c", UP, str(stopped.root)], cwd=Path.cwd()) for _ in range(2)]
    assert [starter.wait(WITHIN_S) for starter in starters] == [0, 0]
    assert set(servers(stopped)) == {"java", "postgres"}
    assert all(service.up for service in stopped.status())


def test_forgotten_ports_are_chosen_anew_though_servers_run(up: Stack) -> None:
    StackHome(up.root).ports.unlink()
    place = up.up()
    assert query(place.database, "SELECT 1") == 1
    assert all(service.up for service in up.status())


def test_a_port_taken_meanwhile_is_replaced(stopped: Stack) -> None:
    before = Ports.load(StackHome(stopped.root).ports)
    with (
        socket.create_server((HOST, before.database or 0)),
        socket.create_server((HOST, before.kafka_controller or 0)),
    ):
        stopped.up()
        after = Ports.load(StackHome(stopped.root).ports)
        assert before.kafka == after.kafka
        assert before.database != after.database
        assert before.kafka_controller != after.kafka_controller
        assert all(service.up for service in stopped.status())


def test_half_formatted_folders_are_made_anew(up: Stack) -> None:
    up.reset()
    for remains in ("kafka/__cluster_metadata-0", "postgres/base/1"):
        (up.root / remains).mkdir(parents=True)
    up.up()
    assert all(service.up for service in up.status())


def test_a_start_that_was_killed_half_way_is_carried_on(up: Stack) -> None:
    up.reset()
    killed = subprocess.run([sys.executable, "-c", UP_KILLED, str(up.root)], cwd=Path.cwd(), timeout=WITHIN_S)
    assert killed.returncode == -signal.SIGKILL
    assert any(up.root.glob("*.new-*/data/*"))
    up.up()
    assert all(service.up for service in up.status())


def test_remains_of_a_killed_start_are_swept_away(up: Stack) -> None:
    (up.root / "kafka.new-x" / "data").mkdir(parents=True)
    up.up()
    assert not (up.root / "kafka.new-x").exists()


def test_data_without_its_marker_is_never_thrown_away(up: Stack) -> None:
    create_topic(up, "precious")
    up.down()
    marker = up.root / "kafka" / "meta.properties"
    kept = marker.read_text()
    marker.unlink()
    with pytest.raises(ServiceUnavailable, match=r"holds topics but its meta\.properties is gone"):
        up.up()
    marker.write_text(kept)
    up.up()
    assert "precious" in topics(up)


def test_reset_forgets_data_and_keys_and_stops_the_servers(up: Stack) -> None:
    create_topic(up, "forgotten")
    settings = Settings(home=up.root)
    key = plain_keys(settings)
    settings.log_folder.mkdir()
    settings.log_key.write_text("of the ledger that is forgotten")
    up.reset()
    assert servers(up) == {}
    assert not settings.log_folder.exists()
    assert not settings.log_key.exists()
    up.up()
    assert "forgotten" not in topics(up)
    assert plain_keys(Settings(home=up.root)) != key


def test_a_server_that_cannot_start_shows_the_end_of_its_log(up: Stack) -> None:
    up.down()
    control = up.root / "postgres" / "global" / "pg_control"
    kept = control.read_bytes()
    control.write_bytes(b"")
    with pytest.raises(ServiceUnavailable, match=r"(?s)database did not come up .* ends with:.*FATAL|PANIC"):
        up.up()
    control.write_bytes(kept)


def test_given_services_are_used_and_none_is_started(up: Stack, tmp_path: Path) -> None:
    place = up.addresses()
    guest = Stack(tmp_path / "guest", given_kafka=place.kafka, given_database=place.database)
    assert guest.up() == place
    assert not (tmp_path / "guest").exists()


def test_a_fresh_database_is_empty_and_goes_with_its_test(stack: Stack, database_url: str) -> None:
    assert query(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    stack.drop_database(database_url.rsplit("/", 1)[1])
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        query(database_url, "SELECT 1")
