"""A whole ledger of a test's own: a database, empty topics, and Krypton's processes, which may be killed and frozen."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
from eventsourcing.persistence import PersistenceError
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from sqlalchemy.exc import DBAPIError

from domain.commands.directory import EnrollSite
from domain.commands.identities import Register
from domain.work import Command, Envelope
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.devstack.ports import is_free
from krypton.devstack.stack import Stack
from krypton.services.install import install
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings
from schemas.registry import registry
from streams.broker import broker
from streams.broker.topics import DEAD_LETTERS, PARTITIONS
from streams.relay.outgoing import Addresser, Stored
from tests.fakes.databases import copied, frozen, install_tables, pattern
from tests.fakes.region import CLINICIAN as A_PROFESSIONAL
from tests.fakes.roles import every_role_by_name
from tests.fakes.sql import Asker
from tests.forked import Forked, Running
from tests.waiting import until

SITE = "CHB"
INSTALLED = "installed"  # the database that each ledger of a stack begins as a copy of
FORKED = ("relay", "worker", "policies")  # which tests start by the hundred


class Published(NamedTuple):
    """One record as it lies on Kafka."""

    position: int
    event: str
    value: bytes


Log = dict[tuple[str, int], list[Published]]
"""(topic, partition) to its records, in order."""


@dataclass
class LiveLedger:
    """Krypton on a stack. Its processes end with it."""

    stack: Stack
    database: str
    logs: Path
    processes: list[Running] = field(default_factory=list)

    @cached_property
    def krypton(self) -> Krypton:
        """The ledger, to ask in this process; installed when first used."""
        ours = self._connected()
        for _ in install(ours):
            pass
        ours.execute(EnrollSite(code=SITE, name="Hospital"), Envelope())
        return ours

    def _connected(self) -> Krypton:
        addresses = self.stack.addresses()
        folder, key = self._log  # its own: another ledger on the stack has another key
        settings = Settings(
            self.stack.root,
            kafka=addresses.kafka,
            database=self.database,
            test_given=True,
            log_folder_given=folder,
            log_key_given=key,
        )
        return Krypton(settings, type(addresses)(addresses.kafka, self.database))

    @contextlib.contextmanager
    def copy(self, logs: Path) -> Iterator["LiveLedger"]:
        """The same as it is now, with a database and signed logs of its own; the topics are both of theirs."""
        self.krypton.close()
        self._asker.close()
        shutil.copytree(self.logs, logs, dirs_exist_ok=True)
        with copied(self.stack, frozen(self.stack, self.database)) as database:
            ledger = LiveLedger(self.stack, database, logs)
            ledger.krypton = ledger._connected()
            try:
                yield ledger
            finally:
                ledger.close()

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self.database)

    @property
    def _log(self) -> tuple[Path, Path]:
        """The signed tree's folder and key."""
        return self.logs / "tlog", self.logs / "tlog.key"

    @property
    def _env(self) -> dict[str, str]:
        return {
            **os.environ,
            "KRYPTON_HOME": str(self.stack.root),
            "KRYPTON_KAFKA": self.krypton.addresses.kafka,
            "KRYPTON_DATABASE": self.database,
            "KRYPTON_TEST_INSTALLATION": "1",
            "KRYPTON_LOG_FOLDER": str(self._log[0]),
            "KRYPTON_LOG_KEY_FILE": str(self._log[1]),
            "KRYPTON_ROLES": str(every_role_by_name(A_PROFESSIONAL)),  # the database is given: no role is anybody's
        }

    def start(self, *words: str, **settings: str) -> Running:
        """Start ``krypton <words>`` with these settings beside the ledger's; what it says goes to a file."""
        name = "-".join(words)
        if words[0] not in FORKED:
            return self.spawn(name, krypton_command(*words), **settings)
        said = self.logs / f"{name}.log"
        said.touch()
        self.processes.append(Forked(words, self._env | settings, said))
        return self.processes[-1]

    def spawn(self, name: str, command: Sequence[str], **settings: str) -> subprocess.Popen[bytes]:
        """Start a program that finds this ledger, and these settings, in its environment."""
        with (self.logs / f"{name}.log").open("ab") as out:
            process = subprocess.Popen(command, env=self._env | settings, stdout=out, stderr=out)
        self.processes.append(process)
        return process

    def kept_up(self) -> bool:
        """Start again who ended by themselves, as the supervisor does; always true, for who waits.

        A watchdog ends a worker that a rebalance left without partitions, which a busy machine may do.
        """
        self.processes[:] = [
            one.again() if isinstance(one, Forked) and (one.poll() or 0) > 0 else one for one in self.processes
        ]
        return True

    def said(self, *words: str) -> str:
        """What ``krypton <words>`` said so far."""
        return (self.logs / f"{'-'.join(words)}.log").read_text()

    def close(self) -> None:
        """End all processes at once."""
        for process in self.processes:
            kill(process)
        self._asker.close()
        if "krypton" in vars(self):
            self.krypton.close()

    def register(self, count: int, prefix: str = "") -> None:
        """That many new persons, in bulk: one event each, over all partitions of identities."""
        prefix = prefix or uuid4().hex
        for first in range(0, count, 200):
            some = [(person(f"{prefix}-{n}"), Envelope()) for n in range(first, min(first + 200, count))]
            self.ask_many(some)

    def ask_many(self, asked: Sequence[tuple[Command, Envelope]]) -> None:
        """Ask commands until they are stored; a database that is away is asked again, with the same command ids."""

        def stored() -> bool:
            try:
                refused = [a for a in self.krypton.ledger.execute_many(asked) if isinstance(a, Exception)]
            except (PersistenceError, psycopg2.OperationalError, DBAPIError):
                return False
            assert not refused, refused[0]
            return True

        until(stored, "the database is back")

    def stored(self) -> Log:
        """What must be on Kafka: every stored event, in its partition, in order."""
        addresser = Addresser.of(registry())
        log: Log = {}
        rows = self.query(
            "SELECT id, originator_id::text, originator_version, state FROM ledger.ledger_events ORDER BY id"
        )
        for position, aggregate, version, state in rows:
            event = addresser.outgoing(Stored(position, aggregate, version, bytes(state)))
            published = Published(position, f"{aggregate}/{version}", event.value)
            log.setdefault((event.topic, event.partition), []).append(published)
        return log

    def published(self) -> Log:
        """What is on Kafka."""
        return read_log(self.krypton.addresses.kafka, [t for t in PARTITIONS if t != DEAD_LETTERS])

    def relayed(self) -> bool:
        """Whether as many records are on Kafka as events are stored."""
        topics = [t for t in PARTITIONS if t != DEAD_LETTERS]
        events = self.query("SELECT count(*) FROM ledger.ledger_events")[0][0]
        return bool(sum(end_offsets(self.krypton.addresses.kafka, topics).values()) >= events)

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        return self._asker.rows(sql, *values)


def person(local_id: str) -> Register:
    """A new fictitious person."""
    stated = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01", "sex": "F"}
    return Register(assigner=SITE, local_id=local_id, stated=stated)


def kill(process: Running) -> None:
    """SIGKILL it, frozen or not, and wait for its end."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def live_ledger(stack: Stack, logs: Path) -> Iterator[LiveLedger]:
    """A ledger with empty topics and an empty database on a stack; nobody else may use its topics meanwhile."""
    delete_topics(stack.up().kafka)  # up: a test before may have ended with a server down
    with copied(stack, pattern(stack, INSTALLED, lambda url: _install(stack, url))) as database:
        ledger = LiveLedger(stack, database, logs)
        try:
            yield ledger
        finally:
            ledger.close()


def _install(stack: Stack, database: str) -> None:
    kafka = stack.addresses().kafka
    ours = Krypton(Settings(stack.root, kafka=kafka, database=database, test_given=True), Addresses(kafka, database))
    install_tables(ours)
    ours.close()


def kill_kafka(stack: Stack) -> None:
    """SIGKILL the broker, and wait for the last of its threads: only then is its port free for the next start."""
    (server,) = broker.servers(stack.addresses().kafka)
    port = int(server.rpartition(":")[2])
    stack.kill_kafka()
    until(lambda: is_free(port), "Kafka's port free again")


def stop_database(stack: Stack) -> None:
    """Stop PostgreSQL at once, and wait until its port is free."""
    port = urlsplit(stack.addresses().database).port or 0
    stack.stop_database_immediate()
    until(lambda: is_free(port), "the database's port free again")


def delete_topics(kafka: str) -> None:
    """Remove every topic of the ledger, and wait until they are gone."""
    admin = KafkaAdminClient(**broker.options(kafka))
    try:
        if there := [t for t in admin.list_topics() if t in PARTITIONS]:
            admin.delete_topics(there)
            until(lambda: not set(there) & set(admin.list_topics()), "topics gone")
    finally:
        admin.close()


def end_offsets(kafka: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition."""
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None)
    try:
        return dict(consumer.end_offsets([TopicPartition(t, p) for t in topics for p in range(PARTITIONS[t])]))
    finally:
        consumer.close(autocommit=False)


def read_log(kafka: str, topics: Sequence[str]) -> Log:
    """Every record of these topics."""
    ends = {tp: end for tp, end in end_offsets(kafka, topics).items() if end}
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None)
    log: Log = {}
    try:
        consumer.assign(list(ends))
        consumer.seek_to_beginning()
        while any(consumer.position(tp) < end for tp, end in ends.items()):
            for tp, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    headers = dict(record.headers)
                    one = Published(int(headers["position"]), headers["ce_id"].decode(), record.value)
                    log.setdefault((tp.topic, tp.partition), []).append(one)
    finally:
        consumer.close(autocommit=False)
    return log
