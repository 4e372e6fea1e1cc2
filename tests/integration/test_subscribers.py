"""Subscribers on a broker that asks for logins: what a login can do and cannot, and every example of the guide."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its documented names, which it does not export
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from kafka import KafkaAdminClient
from kafka.errors import ClusterAuthorizationFailedError, KafkaError

from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from krypton.services import logins
from schemas.registry import registry
from streams.broker import acl, broker, topics
from streams.broker.topics import PARTITIONS
from streams.relay.outgoing import Outgoing
from tests.fakes.librdkafka import Client, with_password
from tests.fakes.published import publish, samples
from tests.fakes.registry_server import serving
from tests.fakes.roles import every_role
from tests.integration.live_ledger import LiveLedger, delete_topics, live_ledger
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
ROUNDS = 12
AT_LEAST = 8
EVERYTHING = AclBinding(
    ResourceType.TOPIC, "*", ResourcePatternType.LITERAL, "User:lab", "*", AclOperation.ALL, AclPermissionType.ALLOW
)
LAB, LAB_TOPICS = "lab", ("krypton.doses", "krypton.studies")
SNIPPET = re.compile(r"^```(\w+) title=([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = {title: body for _, title, body in SNIPPET.findall((ROOT / "docs/subscribing.md").read_text())}


@pytest.fixture(scope="module")
def secure() -> Iterator[Stack]:
    """A stack for these subscribers; not in pytest's folder, which other runs close to PostgreSQL's account."""
    home = Path(tempfile.mkdtemp(prefix="krypton-secure é "))
    ours = Stack(home)
    try:
        ours.up()
        yield ours
    finally:
        ours.down()
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def kafka(secure: Stack) -> str:
    """The broker's address with Krypton's own login; topics are there, and empty."""
    address = secure.addresses().kafka
    delete_topics(address)
    topics.create(address)
    return address


@pytest.fixture(scope="module")
def published(kafka: str) -> list[Outgoing]:
    """Events of every type."""
    return publish(kafka, samples(ROUNDS))


@pytest.fixture(scope="module")
def lab(kafka: str) -> Client:
    """The subscriber ``lab``, with librdkafka's settings."""
    return with_password(kafka, LAB, acl.add(kafka, LAB, LAB_TOPICS))


@pytest.fixture(scope="module")
def schemas() -> Iterator[str]:
    """The registry's URL."""
    with serving(registry()) as url:
        yield url


def read(login: Client, topic: str, group: str) -> int:
    """Subscribes, and finds so many of the topic's first records; raises what it is refused with."""
    settings = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(login | settings)
    try:
        consumer.subscribe([topic])
        for found in range(AT_LEAST):
            if (record := consumer.poll(WITHIN_S)) is None:
                return found
            if error := record.error():
                raise KafkaException(error)
        return AT_LEAST
    finally:
        consumer.close()


def visible(login: Client, timeout_s: float = WITHIN_S) -> set[str]:
    """The topics that a login is shown."""
    consumer = Consumer(login | {"group.id": "unused"})
    try:
        return shown(consumer, timeout_s)
    finally:
        consumer.close()


def shown(consumer: Consumer, timeout_s: float = WITHIN_S) -> set[str]:
    """The topics that a consumer is shown."""
    return set(consumer.list_topics(timeout=timeout_s).topics)


def still_shown(consumer: Consumer) -> set[str]:
    """As ``shown``; a client that opens another connection for its question is refused there, and is shown nothing."""
    try:
        return shown(consumer)
    except KafkaException as refused:
        if refused.args[0].name() not in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_AUTHENTICATION"):
            raise
        return set()


def refused_as(refusal: pytest.ExceptionInfo[KafkaException]) -> str:
    """The name of Kafka's error."""
    return str(refusal.value.args[0].name())


class TestOurOwnProcesses:
    """Relay, workers and commands log in, all by the same address."""

    def test_an_event_reaches_its_view(self, secure: Stack, tmp_path: Path) -> None:
        with live_ledger(secure, tmp_path) as ledger:
            ledger.register(50)
            ledger.start("relay")
            ledger.start("worker", "identity_index")
            until(lambda: indexed(ledger) == 50, "all indexed")
            assert ledger.published() == ledger.stored()

    def test_nobody_reads_without_a_login(self, secure: Stack) -> None:
        (server,) = broker.servers(secure.addresses().kafka)
        with pytest.raises(KafkaError):
            KafkaAdminClient(bootstrap_servers=server, bootstrap_timeout_ms=3_000)

    def test_the_profile_belongs_to_the_folder(self, secure: Stack) -> None:
        """Whoever starts it next, or asks where it is, need not know."""
        again = Stack(secure.root)
        assert again.up().kafka == secure.addresses().kafka
        assert all(service.up for service in again.status())

    def test_its_passwords_are_its_owners_alone_and_in_no_log(self, secure: Stack) -> None:
        passwords = list(secure.root.rglob("*.password"))
        passwords.remove(secure.root / "postgres.password")
        assert len(passwords) == 2 + len(logins.rights())
        for file in (*passwords, secure.root / "kafka.properties"):
            assert file.stat().st_mode & 0o077 == 0
        said = (secure.root / "logs" / "kafka.log").read_text()
        assert not any(file.read_text().strip() in said for file in passwords)


def indexed(ledger: LiveLedger) -> int:
    return int(ledger.query("SELECT count(*) FROM identity_index_v1.identity")[0][0])


@pytest.mark.usefixtures("published")
class TestRights:
    """A login reads its own topics in its own groups."""

    @pytest.mark.parametrize("topic", LAB_TOPICS)
    @pytest.mark.parametrize("group", [LAB, f"{LAB}.nightly"])
    def test_it_reads_its_topics_in_its_groups(self, lab: Client, topic: str, group: str) -> None:
        assert read(lab, topic, group) == AT_LEAST

    @pytest.mark.parametrize("topic", sorted(PARTITIONS.keys() - set(LAB_TOPICS)))
    def test_it_reads_no_other_topic(self, lab: Client, topic: str) -> None:
        with pytest.raises(KafkaException) as refusal:
            read(lab, topic, LAB)
        assert refused_as(refusal) == "TOPIC_AUTHORIZATION_FAILED"

    @pytest.mark.parametrize("group", ["other", f"{LAB}2", f"{LAB}-2", "krypton-identity_index-v1"])
    def test_it_joins_no_other_group(self, lab: Client, group: str) -> None:
        with pytest.raises(KafkaException) as refusal:
            read(lab, LAB_TOPICS[0], group)
        assert refused_as(refusal) == "GROUP_AUTHORIZATION_FAILED"

    @pytest.mark.parametrize("topic", [*LAB_TOPICS, "krypton.links"])
    def test_it_writes_to_no_topic(self, lab: Client, topic: str) -> None:
        told: list[Any] = []
        producer = Producer(lab)
        producer.produce(topic, b"forged", on_delivery=lambda error, _: told.append(error))
        assert producer.flush(WITHIN_S) == 0
        assert [error.name() for error in told] == ["TOPIC_AUTHORIZATION_FAILED"]

    def test_it_changes_no_topic_and_no_right(self, lab: Client) -> None:
        admin = AdminClient(lab)
        asked: list[Any] = [
            *admin.delete_topics([LAB_TOPICS[0]]).values(),
            *admin.create_topics([NewTopic("krypton.mine", 1, 1)]).values(),
            *admin.create_acls([EVERYTHING]).values(),
        ]
        for answer in asked:
            with pytest.raises(KafkaException) as refusal:
                answer.result(20)
            assert refused_as(refusal) in ("TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED")

    def test_it_sees_and_makes_no_login(self, kafka: str, lab: Client, tmp_path: Path) -> None:
        password = tmp_path / "password"
        password.write_text(lab["sasl.password"])
        with pytest.raises(ClusterAuthorizationFailedError):
            acl.add(broker.with_login(lab["bootstrap.servers"], LAB, password), "accomplice", LAB_TOPICS)
        assert [one.name for one in acl.listed(kafka)] == [LAB]

    def test_it_sees_no_topic_that_it_may_not_read(self, lab: Client) -> None:
        assert visible(lab) == set(LAB_TOPICS)

    def test_who_was_removed_gets_nothing_more(self, kafka: str, lab: Client) -> None:
        """Also on the connection that it has."""
        leaver = with_password(kafka, "leaver", acl.add(kafka, "leaver", LAB_TOPICS))
        consumer = Consumer(leaver | {"group.id": "leaver"})
        try:
            assert shown(consumer) == set(LAB_TOPICS)
            acl.remove(kafka, "leaver")
            assert still_shown(consumer) == set()
        finally:
            consumer.close()
        with pytest.raises(KafkaException):
            visible(leaver, timeout_s=3)  # no login any more
        assert [one.name for one in acl.listed(kafka)] == [LAB]

    def test_a_name_that_is_taken_is_refused(self, kafka: str, lab: Client) -> None:
        with pytest.raises(acl.SubscriberWrong, match=f"{LAB} exists already"):
            acl.add(kafka, LAB, LAB_TOPICS)

    @pytest.mark.parametrize("name", ["krypton", "krypton-relay", "krypton-identity"])
    def test_a_name_of_kryptons_own_is_refused(self, kafka: str, name: str) -> None:
        with pytest.raises(acl.SubscriberWrong, match="are Krypton's own logins"):
            acl.add(kafka, name, LAB_TOPICS)


@pytest.fixture(scope="module")
def open_to_all(secure: Stack) -> Iterator[Stack]:
    """A broker as KRYPTON_DEV_SECURE=0 makes it."""
    home = Path(tempfile.mkdtemp(prefix="krypton-open-"))
    ours = Stack(home, given_database=secure.addresses().database, secure=False)
    try:
        ours.up()
        yield ours
    finally:
        ours.down()
        shutil.rmtree(home)


def test_a_broker_without_logins_can_hold_nobody_to_rights(open_to_all: Stack) -> None:
    with pytest.raises(acl.NoAuthorizer):
        acl.add(open_to_all.addresses().kafka, LAB, LAB_TOPICS)


def test_a_ledger_is_installed_on_a_broker_without_logins_too(open_to_all: Stack, tmp_path: Path) -> None:
    place = open_to_all.addresses()
    assert logins.install(place.kafka) is None
    assert topics.create(place.kafka)


def test_a_folder_made_without_logins_is_not_taken_for_a_secure_one(open_to_all: Stack) -> None:
    again = Stack(open_to_all.root, given_database=open_to_all.addresses().database)
    with pytest.raises(ServiceUnavailable, match=r"krypton dev reset .* KRYPTON_DEV_SECURE=0"):
        again.up()


@pytest.fixture(scope="module")
def guide(secure: Stack, published: list[Outgoing], schemas: str, tmp_path_factory: pytest.TempPathFactory) -> "Guide":
    """The guide's environment, after its first step: a login."""
    return Guide(secure, schemas, tmp_path_factory.mktemp("guide"))


class Guide:
    """Runs the guide's examples as somebody would who follows it."""

    def __init__(self, secure: Stack, schemas: str, folder: Path) -> None:
        self._folder = folder
        tools = folder / "bin"
        tools.mkdir()
        consumer = tools / "kafka-console-consumer.sh"
        consumer.write_text(f'#!/bin/sh\nexec {sys.executable} -m krypton.cli.main dev tool console-consumer "$@"\n')
        consumer.chmod(0o755)
        self._env = {
            "PATH": f"{Path(sys.executable).parent}:{tools}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", str(folder)),
            "PYTHONPATH": str(ROOT),
            "KRYPTON_HOME": str(secure.root),
            "KRYPTON_ROLES": str(every_role()),
            "REGISTRY": schemas,
        }
        said = self.run("login")
        found = re.search(r"^ *password +(\S+)", said, re.MULTILINE)
        assert found is not None, said
        (server,) = broker.servers(secure.addresses().kafka)
        self._env |= {"KAFKA": server, "KAFKA_USER": "cancer-registry", "KAFKA_PASSWORD": found[1]}

    def run(self, title: str) -> str:
        """What an example prints; it must end well."""
        program = ["sh", "-eu", "-c"] if title in ("login", "console", "registry") else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, SNIPPETS[title]],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def test_every_example_of_the_guide_is_tested() -> None:
    assert SNIPPETS.keys() == {"login", "confluent", "kafka-python", "console", "registry", "read-events"}


class TestGuide:
    """docs/subscribing.md, example by example."""

    def test_confluent_kafka(self, guide: Guide, published: list[Outgoing]) -> None:
        lines = guide.run("confluent").splitlines()
        assert sorted(int(line.split()[0]) for line in lines) == positions(published, "study.arrived")
        assert all("sample study_uid 2026-01-05T" in line for line in lines)

    def test_kafka_python_and_fastavro(self, guide: Guide, published: list[Outgoing]) -> None:
        lines = guide.run("kafka-python").splitlines()
        assert len(lines) == len(positions(published, "dose.reported"))
        assert lines[0].endswith("1 exposures, 12.5 mGy·cm")

    def test_kafkas_console_consumer(self, guide: Guide) -> None:
        lines = guide.run("console").splitlines()
        assert len(lines) == 5
        assert all("ce_type:study." in line and "position:" in line for line in lines)

    def test_the_registry_by_curl(self, guide: Guide) -> None:
        said = guide.run("registry")
        assert "krypton.studies-krypton.study.StudyArrived" in said
        assert json.dumps(registry().of_id(1).document["doc"]).strip('"') in said

    def test_the_reader_library(self, guide: Guide, published: list[Outgoing]) -> None:
        lines = [line.split() for line in guide.run("read-events").splitlines()]
        wanted = sorted(positions(published, "study.arrived") + positions(published, "dose.reported"))
        assert [int(line[0]) for line in lines] == [position for position in wanted if position <= 200]


def positions(published: list[Outgoing], event_type: str) -> list[int]:
    return [e.position for e in published if dict(e.headers)["ce_type"] == event_type.encode()]
