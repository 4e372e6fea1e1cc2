"""Two brokers, and four workers of one view; one of each is killed under load: nothing is lost, nothing is doubled."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from krypton.devstack.stack import Stack
from streams.broker import broker, topics
from tests.forked import Running
from tests.integration.live_ledger import LiveLedger, kill, live_ledger
from tests.integration.two_brokers import COPIES, TwoBrokers
from tests.waiting import WITHIN_S, until

pytestmark = [pytest.mark.live, pytest.mark.fault]

VIEW = "identity_index"
GROUP = f"krypton-{VIEW}-v1"
WORKERS = 4
BURST = 40
PAUSE_S = 0.1
AHEAD = 50 * BURST
"""So far at most the load is ahead of the view: how long the view needs to follow depends on no machine's speed."""
UNAVAILABLE = 4  # of a command: a service does not answer


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoBrokers]:
    """Two brokers, without topics."""
    made = TwoBrokers(tmp_path_factory.mktemp("brokers"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def ledger(stack: Stack, cluster: TwoBrokers, tmp_path: Path) -> Iterator[LiveLedger]:
    """Each partition on both brokers; with a relay."""
    with live_ledger(Stack(stack.root, given_kafka=cluster.survivor), tmp_path) as ours:
        topics.create(cluster.survivor, COPIES)  # before init, which would keep one copy of each
        _ = ours.krypton  # installed
        start(ours, cluster, "relay")
        yield ours


def start(ledger: LiveLedger, cluster: TwoBrokers, *words: str) -> Running:
    """Start a process of Krypton, which knows both brokers."""
    return ledger.start(*words, KRYPTON_KAFKA=cluster.address)


class Workers:
    """Those of the view. Who ends by itself is started again, as the supervisor does (``krypton run``).

    A worker's watchdog ends it where a rebalance leaves it without partitions for long, which a busy machine may do.
    """

    def __init__(self, ledger: LiveLedger, cluster: TwoBrokers, count: int) -> None:
        self._ledger, self._cluster = ledger, cluster
        self._running = [self._started() for _ in range(count)]

    def kill_one(self) -> None:
        """SIGKILL; it is not started again."""
        kill(self._running.pop())

    def share(self) -> bool:
        """Whether each of them has partitions, and nobody else has."""
        self._running = [one if one.poll() is None else self._started() for one in self._running]
        return members(self._ledger) == len(self._running)

    def _started(self) -> Running:
        return start(self._ledger, self._cluster, "worker", VIEW)


def members(ledger: LiveLedger) -> int:
    """How many workers have partitions."""
    admin = KafkaAdminClient(**broker.options(ledger.krypton.addresses.kafka))
    try:
        found = admin.describe_groups([GROUP])[GROUP]["members"]
    except KafkaError:  # the first group of a broker takes it a moment
        return 0
    finally:
        admin.close()
    assigned = (member["member_assignment"] for member in found)
    known = (one for one in assigned if not isinstance(one, (str, bytes)))  # empty text during a rebalance
    return sum(any(topic["partitions"] for topic in one["assigned_partitions"]) for one in known)


def indexed(ledger: LiveLedger) -> int:
    """How many persons the view shows."""
    return int(ledger.query(f"SELECT count(*) FROM {VIEW}_v1.identity")[0][0])


class Load:
    """Registers persons, burst by burst, until told to stop. ``registered``: how many are stored."""

    def __init__(self, ledger: LiveLedger) -> None:
        self._ledger = ledger
        self._stop = threading.Event()
        self.registered = 0

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """In a thread of its own; an error of it is the test's."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                while not self._stop.is_set():
                    if self.registered - indexed(self._ledger) < AHEAD:
                        self._ledger.register(BURST)
                        self.registered += BURST
                    self._stop.wait(PAUSE_S)
            except BaseException as error:  # told where the test waits for it
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
        assert not failed, failed[0]


def checked(ledger: LiveLedger, cluster: TwoBrokers) -> bool:
    """Whether the view was compared with Kafka, and is equal; a broker that does not answer in time is asked again."""
    code = start(ledger, cluster, "views", "check", VIEW).wait(WITHIN_S)
    assert code in (0, UNAVAILABLE), ledger.said("views", "check", VIEW)
    return code == 0


def test_a_broker_and_a_worker_are_killed_under_load(ledger: LiveLedger, cluster: TwoBrokers) -> None:
    workers = Workers(ledger, cluster, WORKERS)
    until(workers.share, "all workers have partitions")
    assert cluster.leaders() == {1, 2}
    with Load(ledger).running() as load:
        until(lambda: indexed(ledger) > BURST, "the view follows")
        until(lambda: cluster.copies() == COPIES, "both brokers hold all")
        cluster.kill_second()
        workers.kill_one()
        killed_at = load.registered
        until(lambda: cluster.leaders() == {1}, "the broker that is left leads all partitions")
        until(workers.share, "the other workers share its partitions")
        until(lambda: indexed(ledger) > killed_at + BURST, "the view follows again")
    until(ledger.relayed, "all is relayed")
    assert ledger.published() == ledger.stored()
    until(lambda: workers.share() and indexed(ledger) == load.registered, "all are indexed, once")
    until(lambda: checked(ledger, cluster), "the view is checked")
