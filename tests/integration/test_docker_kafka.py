"""The broker of ``docker/``, as its start script makes it, run without Docker: on the embedded jars and free ports."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException

from krypton.devstack import class_cache
from krypton.devstack.jars import class_path
from krypton.devstack.kafka import serving
from krypton.devstack.processes import last_lines
from krypton.devstack.teller import Silent
from krypton.home import cache_folder
from streams.broker import acl, topics
from streams.broker.broker import MECHANISM, PROTOCOL, with_login
from tests.fakes.ports import free_port, listens
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
SECRETS = {"krypton.password": "a-test_password", "kafka_controller_password": "another-1"}
PROGRAMS = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}


def script(folder: Path) -> subprocess.Popen[bytes]:
    """Start ``kafka.sh`` as the container does."""
    env = {
        "PATH": os.environ["PATH"],
        "KAFKA_HOME": str(folder),
        "SECRETS": str(folder),
        "CONFIG": str(folder / "run"),
        "CLUSTER_ID": "a3J5cHRvbi1sZWRnZXItMQ",
        "SUBSCRIBERS_HOST": "127.0.0.1",
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(["sh", str(folder / "kafka.sh")], env=env, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the container has, on this machine's ports and Java."""
    found = tmp_path_factory.mktemp("container")
    ports = {port: str(free_port()) for port in ("9092", "9093", "9094")}
    properties = (ROOT / "docker/kafka.properties").read_text()
    for port, free in ports.items():
        properties = properties.replace(f":{port}", f":{free}")
    properties = properties.replace("CLIENTS://kafka:", "CLIENTS://127.0.0.1:").replace("/var/lib/kafka", str(found))
    (found / "kafka.properties").write_text(properties)
    (found / "subscribers").write_text(f"127.0.0.1:{ports['9094']}")
    shutil.copy(ROOT / "docker/kafka.sh", found)
    for name, secret in SECRETS.items():
        (found / name).write_text(secret + "\n")
    (found / "bin").mkdir()
    jars = class_path(cache_folder(found), Silent())
    for name, main in PROGRAMS.items():
        program = found / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(class_cache.java(jars, main))} "$@"\n')
        program.chmod(0o755)
    return found


@pytest.fixture(scope="module")
def kafka(folder: Path) -> Iterator[str]:
    """The address for subscribers, under Krypton's login; the broker was started, ended and started again."""
    server = (folder / "subscribers").read_text()
    address = with_login(server, "krypton", folder / "krypton.password")
    for last in (False, True):
        process = script(folder)
        try:
            until(lambda: process.poll() is not None or listens(int(server.split(":")[1])), "it listens")  # noqa: B023 - within the turn
            until(lambda: process.poll() is not None or serving(address), "it serves")  # noqa: B023 - as above
            assert process.poll() is None, last_lines(folder / "log", 20)
            if last:
                yield address
        finally:
            process.terminate()
            process.wait(WITHIN_S)


def test_krypton_makes_its_topics_and_a_subscriber(kafka: str) -> None:
    assert topics.create(kafka)
    acl.add(kafka, "lab", ["krypton.studies"])
    assert acl.listed(kafka) == [acl.Subscriber("lab", ("krypton.studies",))]


@pytest.mark.parametrize(
    "login",
    [
        {},
        *(
            {
                "security.protocol": PROTOCOL,
                "sasl.mechanism": mechanism,
                "sasl.username": user,
                "sasl.password": SECRETS["kafka_controller_password"],
            }
            for user, mechanism in (("krypton", MECHANISM), ("_controller", MECHANISM), ("_controller", "PLAIN"))
        ),
    ],
)
def test_nobody_gets_in_by_another_way(login: dict[str, str], kafka: str, folder: Path) -> None:
    """Not without a login, not with a wrong password, and not as the controller from outside."""
    server = (folder / "subscribers").read_text()
    consumer = Consumer({"bootstrap.servers": server, "group.id": "lab", **login})
    try:
        with pytest.raises(KafkaException):
            consumer.list_topics(timeout=2)
    finally:
        consumer.close()


def test_what_holds_passwords_is_its_owners_alone(kafka: str, folder: Path) -> None:
    written = list((folder / "run").iterdir())
    assert {file.name for file in written} == {"server.properties", "client.properties"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in written)
    assert not any(secret in (folder / "log").read_text() for secret in SECRETS.values())


def test_a_password_that_would_break_the_properties_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("kafka.sh", "kafka.properties"):
        shutil.copy(folder / name, tmp_path)
    (tmp_path / "krypton.password").write_text('quote"quote')
    (tmp_path / "kafka_controller_password").write_text("fine")
    assert script(tmp_path).wait(WITHIN_S) == 1
    assert "make them with openssl rand" in (tmp_path / "log").read_text()
