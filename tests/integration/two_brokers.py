"""A Kafka cluster of two brokers for tests: each its own process, with logins, every partition on both.

The first is the controller too, as one of three is in production: it has to live. The second may be killed.
"""

import subprocess
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from krypton.devstack import class_cache, secure
from krypton.devstack.broker_properties import configuration
from krypton.devstack.home import StackHome
from krypton.devstack.jars import class_path
from krypton.devstack.processes import ENVIRONMENT, last_lines
from krypton.devstack.teller import Silent
from krypton.home import cache_folder
from krypton.ports import HOST, Ports
from streams.broker.broker import OPERATOR, with_login
from tests.fakes.librdkafka import own
from tests.fakes.ports import free_port, listens
from tests.integration.live_ledger import kill
from tests.waiting import WITHIN_S, until

COPIES = 2
ASK_S = 5
CLUSTER_ID = "a3J5cHRvbi1sZWRnZXItMg"
BOTH = {
    "offsets.topic.replication.factor": str(COPIES),
    "transaction.state.log.replication.factor": str(COPIES),
    "share.coordinator.state.topic.replication.factor": str(COPIES),
    # A broker of a busy machine is not taken for dead: the partitions that it alone holds would have no leader.
    "broker.session.timeout.ms": "9000",
}


class TwoBrokers:
    """The cluster. ``address``: both brokers, under the operator's login; ``survivor``: the first one alone.

    A test asks the survivor: kafka-python leaves open the sockets of a broker that refuses them.
    """

    def __init__(self, folder: Path) -> None:
        self._home = StackHome(folder)
        self._jars = class_path(cache_folder(folder), Silent())
        secure.make_passwords(self._home)
        first, second, controller = free_port(), free_port(), free_port()
        self.address = with_login(f"{HOST}:{first},{HOST}:{second}", OPERATOR, self._home.kafka_password)
        self.survivor = with_login(f"{HOST}:{first}", OPERATOR, self._home.kafka_password)
        self._ports = first, second
        of_second = {
            "process.roles": "broker",
            "node.id": "2",
            "listeners": f"CLIENTS://{HOST}:{second}",
            "advertised.listeners": f"CLIENTS://{HOST}:{second}",
        }
        self._properties = [
            self._written(1, Ports(kafka=first, kafka_controller=controller), BOTH),
            self._written(2, Ports(kafka=second, kafka_controller=controller), BOTH | of_second),
        ]
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Format both, start them, and wait until each knows the other."""
        logins = secure.format_arguments(self._home, self._home.root)
        for properties, more in zip(self._properties, (["--standalone", *logins], []), strict=True):
            told = ["format", f"--cluster-id={CLUSTER_ID}", f"--config={properties}", *more]
            command = class_cache.java(self._jars, "kafka.tools.StorageTool", *told)
            said = subprocess.run(
                command, env=ENVIRONMENT, capture_output=True, text=True, timeout=WITHIN_S, check=False
            )
            assert said.returncode == 0, said.stderr
        self._processes = [self._started(properties) for properties in self._properties]
        until(lambda: self._died() or all(map(listens, self._ports)), "both brokers listen")
        until(lambda: self._died() or len(self.brokers()) == COPIES, "both brokers are there")
        assert not self._died(), self._died()

    def kill_second(self) -> None:
        """SIGKILL, as a power cut would."""
        kill(self._processes[1])

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            kill(process)

    def brokers(self) -> set[int]:
        """The brokers that are there; none where the one that is asked cannot tell yet."""
        told = self._told()
        return set(told.brokers) if told else set()

    def leaders(self) -> set[int]:
        """The brokers that lead partitions; -1 where none does."""
        return {one.leader for one in self._partitions()}

    def copies(self) -> int:
        """How many brokers hold each partition whole, of the one that the fewest do."""
        return min((len(one.isrs) for one in self._partitions()), default=0)

    def _partitions(self) -> list[Any]:
        told = self._told()
        return [one for topic in told.topics.values() for one in topic.partitions.values()] if told else []

    def _told(self) -> Any:
        try:
            return AdminClient(own(self.survivor) | {"log_level": 0}).list_topics(timeout=ASK_S)
        except KafkaException:
            return None

    def _written(self, number: int, ports: Ports, changes: dict[str, str]) -> Path:
        """The properties of a broker; of two lines for one setting the last one counts."""
        text = configuration(self._home.root / f"data-{number}", ports, secure.settings(self._home) | changes)
        file = self._home.root / f"broker-{number}.properties"
        file.write_text(text)
        return file

    def _started(self, properties: Path) -> "subprocess.Popen[bytes]":
        with properties.with_suffix(".log").open("wb") as log:
            command = class_cache.java(self._jars, "kafka.Kafka", str(properties))
            return subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _died(self) -> str:
        """The end of the log of a broker that ended by itself."""
        for process, properties in zip(self._processes, self._properties, strict=True):
            if process.poll() is not None:
                return last_lines(properties.with_suffix(".log"), 20)
        return ""
