"""Each of Krypton's processes under its own login: it can do its work, and writes nothing of another's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from kafka.admin import ACLOperation, ResourcePattern, ResourceType

from krypton.devstack.stack import Stack
from krypton.services import logins
from krypton.services.supervisor import krypton_command
from streams.broker import acl, broker
from streams.broker.topics import CHECKPOINTS, DEAD_LETTERS, LEDGER, PARTITIONS
from tests.fakes.librdkafka import Client, own, with_password
from tests.fakes.ports import free_port
from tests.fakes.private import private
from tests.integration.live_ledger import LiveLedger, end_offsets, live_ledger, read_log
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

VIEW = "identity_index"
VIEWS = ("patient_record", VIEW, "cumulative_dose", "access_history", "dose_practice")
WRITES = {
    logins.RELAY: set(LEDGER),
    logins.NOTARY: {CHECKPOINTS},
    logins.POLICY: {DEAD_LETTERS},
    logins.HEALTH: set[str](),
    logins.WEB: set[str](),
    **{logins.worker(view): {DEAD_LETTERS} for view in VIEWS},
}
"""Who writes what: only the relay writes events."""


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    """A hundred persons; each process has a folder with its own password alone, as a container has."""
    with live_ledger(stack, tmp_path_factory.mktemp("logins")) as ours:
        ours.register(100)
        yield ours


@pytest.fixture(scope="module")
def port() -> int:
    """Where the page of health listens."""
    return free_port()


@pytest.fixture(scope="module")
def running(ledger: LiveLedger, port: int) -> None:
    """The relay, a worker, the notary, the policies and the page of health."""
    alone(ledger, logins.RELAY, "relay")
    alone(ledger, logins.worker(VIEW), "worker", VIEW)
    alone(ledger, logins.NOTARY, "serve", "notary")
    alone(ledger, logins.POLICY, "policies", "run")
    alone(ledger, logins.HEALTH, "serve", "health", KRYPTON_HEALTH_PORT=str(port))


def alone(ledger: LiveLedger, user: str, *words: str, **given: str) -> None:
    """Start a process that can read no password but its own."""
    kafka = ledger.krypton.addresses.kafka
    folder = ledger.logs / user
    folder.mkdir()
    file = broker.login_file(folder, user)
    private(file, client(kafka, user)["sasl.password"])
    own = {
        "KRYPTON_KAFKA": ",".join(broker.servers(kafka)),
        "KRYPTON_KAFKA_USER": user,
        "KRYPTON_KAFKA_PASSWORD_FILE": str(file),
    }
    env = [f"{name}={value}" for name, value in (own | given).items()]
    ledger.spawn(user, ["env", *env, *krypton_command(*words)])


def client(kafka: str, user: str) -> Client:
    """What a client of librdkafka logs in with as one of Krypton's own."""
    return own(broker.under(kafka, user))


def written(login: Client) -> dict[str, str]:
    """What becomes of a record sent to each topic: an empty text where Kafka took it, else Kafka's error."""
    told: dict[str, str] = {}
    producer = Producer(login)

    def heard(error: Any, record: Any) -> None:
        told[record.topic()] = error.name() if error else ""

    for topic in PARTITIONS:
        producer.produce(topic, b"forged", on_delivery=heard)
    assert producer.flush(WITHIN_S) == 0
    return told


def visible(login: Client) -> set[str]:
    """The topics that a login is shown."""
    consumer = Consumer(login | {"group.id": "unused"})
    try:
        return set(consumer.list_topics(timeout=WITHIN_S).topics)
    finally:
        consumer.close()


@pytest.mark.usefixtures("running")
class TestWork:
    """With its own password alone, each does what it is for."""

    def test_the_relay_publishes_and_the_worker_applies(self, ledger: LiveLedger) -> None:
        until(lambda: indexed(ledger) == 100, "all indexed")
        assert read_log(ledger.krypton.addresses.kafka, LEDGER) == ledger.stored()

    def test_the_notary_publishes_checkpoints(self, ledger: LiveLedger) -> None:
        kafka = ledger.krypton.addresses.kafka
        until(lambda: sum(end_offsets(kafka, [CHECKPOINTS]).values()), "a checkpoint")

    def test_the_policies_follow_their_topics(self, ledger: LiveLedger) -> None:
        sent = "SELECT coalesce(sum(next), 0) FROM views.position WHERE view LIKE 'policy-%%' AND topic = %s"
        until(lambda: ledger.query(sent, "krypton.identities")[0][0] >= 100, "the policies read them")

    def test_health_sees_every_part(self, ledger: LiveLedger, port: int) -> None:
        """The other views have no worker here: it says so of them alone, and of no login."""
        from urllib.error import HTTPError
        from urllib.request import urlopen

        def answer() -> str:
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=WITHIN_S) as found:
                    return str(found.read().decode())
            except HTTPError as unwell:
                return unwell.read().decode()
            except OSError:
                return ""

        until(lambda: '"checkpoint_age_s"' in answer(), "an answer")
        until(lambda: '"checkpoint_age_s":null' not in answer().replace(" ", ""), "it reads checkpoints")
        assert '"problems":[]' in answer().replace(" ", "")


def indexed(ledger: LiveLedger) -> int:
    """How many persons the view shows."""
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}_v1.identity")[0][0])


class TestRights:
    """What a thief of one login could do. These write to the topics, so they come last."""

    def test_there_is_a_login_for_each_process(self) -> None:
        assert logins.rights().keys() == WRITES.keys()

    @pytest.mark.parametrize("user", WRITES)
    def test_it_writes_to_its_own_topics_alone(self, ledger: LiveLedger, user: str) -> None:
        told = written(client(ledger.krypton.addresses.kafka, user))
        assert {topic for topic, error in told.items() if not error} == WRITES[user]
        assert set(told.values()) <= {"", "TOPIC_AUTHORIZATION_FAILED"}

    def test_its_password_opens_no_other_login(self, ledger: LiveLedger) -> None:
        kafka = ledger.krypton.addresses.kafka
        mixed = with_password(kafka, logins.RELAY, client(kafka, logins.NOTARY)["sasl.password"])
        with pytest.raises(KafkaException):
            Consumer(mixed | {"group.id": "unused"}).list_topics(timeout=3)

    def test_a_worker_sees_no_topic_but_its_views_and_the_dead_letters(self, ledger: LiveLedger) -> None:
        shown = visible(client(ledger.krypton.addresses.kafka, logins.worker(VIEW)))
        assert shown == {*ledger.krypton.projection(VIEW).topics, DEAD_LETTERS}

    def test_a_worker_joins_no_group_of_another_view(self, ledger: LiveLedger) -> None:
        login = client(ledger.krypton.addresses.kafka, logins.worker(VIEW))
        consumer = Consumer(login | {"group.id": "krypton-patient_record-v1"})
        try:
            consumer.subscribe(["krypton.identities"])
            record = consumer.poll(WITHIN_S)
            assert record is not None
            error = record.error()
            assert error is not None
            assert error.name() == "GROUP_AUTHORIZATION_FAILED"
        finally:
            consumer.close()

    def test_a_subscriber_writes_nothing(self, ledger: LiveLedger) -> None:
        kafka = ledger.krypton.addresses.kafka
        password = acl.add(kafka, "a-lab", LEDGER)
        try:
            assert set(written(with_password(kafka, "a-lab", password)).values()) == {"TOPIC_AUTHORIZATION_FAILED"}
            listed = {one.name for one in acl.listed(kafka)}  # other tests may have subscribers, too
            assert "a-lab" in listed
            assert not [name for name in listed if name.startswith("krypton")]
        finally:
            acl.remove(kafka, "a-lab")

    def test_who_has_no_login_writes_nothing(self, ledger: LiveLedger) -> None:
        kafka = ledger.krypton.addresses.kafka
        before = end_offsets(kafka, list(PARTITIONS))
        producer = Producer({"bootstrap.servers": ",".join(broker.servers(kafka)), "message.timeout.ms": 3_000})
        told: list[Any] = []
        for topic in PARTITIONS:
            producer.produce(topic, b"forged", on_delivery=lambda error, _: told.append(error))
        producer.flush(WITHIN_S)
        assert all(told)
        assert end_offsets(kafka, list(PARTITIONS)) == before


class TestInstall:
    """``krypton init`` again, and after changes."""

    def test_it_changes_nothing_the_second_time(self, ledger: LiveLedger) -> None:
        assert logins.install(ledger.krypton.addresses.kafka) == f"logins: 0 made, {len(WRITES)} there already"

    def test_a_lost_password_is_made_again(self, ledger: LiveLedger) -> None:
        kafka = ledger.krypton.addresses.kafka
        file = broker.login_file(broker.logins(kafka) or Path(), logins.HEALTH)
        old = file.read_text()
        file.unlink()
        assert logins.install(kafka) == f"logins: 1 made, {len(WRITES) - 1} there already"
        assert file.read_text() != old
        assert file.stat().st_mode & 0o077 == 0
        until(lambda: visible(client(kafka, logins.HEALTH)), "the new password opens")

    def test_a_right_that_nobody_declared_is_taken_away(self, ledger: LiveLedger) -> None:
        kafka = ledger.krypton.addresses.kafka
        login = client(kafka, logins.HEALTH)
        with acl.connected(kafka) as admin:
            right = acl.allow(logins.HEALTH, ACLOperation.WRITE, ResourcePattern(ResourceType.TOPIC, TOPIC))
            admin.create_acls([right])
        until(lambda: not written(login)[TOPIC], "the right is there")
        logins.install(kafka)
        assert written(login)[TOPIC] == "TOPIC_AUTHORIZATION_FAILED"


TOPIC = "krypton.rules"
