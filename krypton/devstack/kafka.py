"""The embedded Kafka broker: Apache Kafka 4.3.1, one node as broker and KRaft controller, loopback only."""

import base64
import logging
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

import psutil

from krypton.addresses import kafka_address
from krypton.devstack import class_cache, processes, secure
from krypton.devstack.broker_properties import configuration
from krypton.devstack.home import StackHome
from krypton.devstack.jars import class_path
from krypton.devstack.state import write_secret
from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable
from krypton.ports import Ports, answers
from streams.broker import broker

START_TIMEOUT_S = 60.0
FORMAT_TIMEOUT_S = 60.0
PROBE_TIMEOUT_MS = 3000

# A clean stop writes snapshots and closes logs; a broker that hangs is ended, as a power cut would.
STOP = ((signal.SIGTERM, 30.0), (signal.SIGKILL, 10.0))


class Kafka:
    """Starts, finds and stops the broker of one state folder. Callers hold the folder's lock."""

    name = "kafka"
    port_names = ("kafka", "kafka_controller")

    def __init__(self, home: StackHome, cache: Path, tell: Teller, secure: bool = True) -> None:
        """``secure``: a new log folder requires logins; an existing one keeps its profile."""
        self._home = home
        self._secure = secure
        self._cache = cache
        self._tell = tell
        self._log = home.logs / "kafka.log"
        self._jars = ""  # checked once for each start, by ``prepare``: 46 MB

    def process(self) -> psutil.Process | None:
        """The running broker of this folder, whoever started it."""
        return processes.find(self._is_ours)

    def address(self, ports: Ports) -> str:
        """The address for clients. Raises ServiceUnavailable before the first start."""
        if ports.kafka is None:
            raise ServiceUnavailable("kafka was never started here: run krypton dev up")
        return kafka_address(self._home, ports.kafka)

    def serving(self, address: str) -> bool:
        """Whether a broker answers at this address."""
        return serving(address)

    def prepare(self) -> None:
        """Provide the jars and a formatted log folder. Raises ServiceUnavailable."""
        self._jars = class_path(self._cache, self._tell)
        class_cache.make(self._jars, self._tell)
        if (self._home.kafka / "meta.properties").is_file():
            self._check_profile()
            return
        if _holds_records(self._home.kafka):
            raise ServiceUnavailable(
                f"{self._home.kafka} holds topics but its meta.properties is gone: put it back, or lose the "
                "data with krypton dev reset"
            )
        if self._secure:
            secure.make_passwords(self._home)
        self._format()

    def launch(self, ports: Ports) -> psutil.Process | None:
        """Start the broker; ``wait`` returns when it serves. None: it ended at once."""
        self._configure(self._home.kafka_properties, self._home.kafka, ports)
        return processes.spawn(self._java("kafka.Kafka", str(self._home.kafka_properties)), log=self._log)

    def wait(self, ports: Ports, process: psutil.Process | None) -> None:
        """Return when the broker has joined the cluster. Raises ServiceUnavailable if it ended."""
        port = ports.kafka or 0
        processes.wait_until(lambda: answers(port) or not processes.alive(process), START_TIMEOUT_S)
        serves = processes.wait_until(
            lambda: not processes.alive(process) or serving(self.address(ports)), START_TIMEOUT_S
        )
        if not serves or not processes.alive(process):
            raise ServiceUnavailable(
                f"kafka did not come up on {self.address(ports)}; {self._log} ends with:\n"
                f"{processes.last_lines(self._log)}\nfix that, then run krypton dev up"
            )

    def stop(self) -> None:
        """Stop the broker cleanly; kill it if it hangs."""
        if running := self.process():
            processes.end(running, STOP)

    def kill(self) -> None:
        """Kill the broker, as a power cut would."""
        if running := self.process():
            processes.end(running, STOP[-1:])

    def erase(self) -> None:
        """Delete every record. The broker must be stopped."""
        shutil.rmtree(self._home.kafka, ignore_errors=True)
        shutil.rmtree(self._home.kafka_logins, ignore_errors=True)
        for file in (self._home.kafka_properties, self._home.kafka_controller_password):
            file.unlink(missing_ok=True)

    def _is_ours(self, argv: Sequence[str]) -> bool:
        return Path(argv[0]).name == "java" and list(argv[-2:]) == [
            "kafka.Kafka",
            str(self._home.kafka_properties),
        ]

    def _check_profile(self) -> None:
        if self._secure and not self._home.kafka_password.exists():
            raise ServiceUnavailable(
                f"{self._home.kafka} was made without a login for each process, as earlier programs made it: make it "
                "again with krypton dev reset (its data is lost), or set KRYPTON_HOME to another folder; one that asks "
                "for no login goes on with KRYPTON_DEV_SECURE=0"
            )

    def _configure(self, file: Path, data: Path, ports: Ports) -> None:
        """Rewrite the broker's properties; only the owner may read them, because they may contain passwords."""
        logins = secure.settings(self._home) if self._home.kafka_password.exists() else {}
        file.unlink(missing_ok=True)
        write_secret(file, configuration(data, ports, logins))

    def _java(self, main: str, *arguments: str) -> list[str]:
        return class_cache.java(self._jars, main, *arguments)

    def _format(self) -> None:
        """Format into a temporary folder, then move it into place: a folder in place is complete."""
        self._tell.say("formatting Kafka's log folder")
        with tempfile.TemporaryDirectory(prefix="kafka.new-", dir=self._home.root) as aside:
            data, properties = Path(aside, "data"), Path(aside, "properties")
            # The ports are not kept by the format: the broker takes those of its own start.
            self._configure(properties, data, Ports(kafka=1, kafka_controller=2))
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            told = ["format", "--standalone", f"--cluster-id={cluster}", f"--config={properties}"]
            if self._home.kafka_password.exists():
                told += secure.format_arguments(self._home, Path(aside))
            said = subprocess.run(
                self._java("kafka.tools.StorageTool", *told),
                env=processes.ENVIRONMENT,
                capture_output=True,
                text=True,
                timeout=FORMAT_TIMEOUT_S,
                check=False,
            )
            if said.returncode != 0:
                raise ServiceUnavailable(
                    f"Kafka's log folder {self._home.kafka} could not be formatted: "
                    f"{said.stderr.strip()[-500:]}\nfix that, then run krypton dev up"
                )
            shutil.rmtree(self._home.kafka, ignore_errors=True)  # half-formatted: it holds no record
            data.rename(self._home.kafka)


def serving(address: str, timeout_ms: int = PROBE_TIMEOUT_MS) -> bool:
    """Whether a broker at ``address`` answers a metadata request and names a broker that is not fenced."""
    from kafka import KafkaAdminClient  # imported here: 0.3 s that only a check needs
    from kafka.errors import KafkaError

    quiet = logging.getLogger("kafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # it reports each refused connection, which is what we ask about
    try:
        client = KafkaAdminClient(
            **broker.options(address),
            request_timeout_ms=timeout_ms,
            bootstrap_timeout_ms=timeout_ms,
            client_id="krypton-dev",
        )
        try:
            return bool(client.describe_cluster()["brokers"])
        finally:
            client.close()
    except (KafkaError, OSError):
        return False
    finally:
        quiet.setLevel(level)


def _holds_records(data: Path) -> bool:
    """Whether a log folder contains a partition of a topic; the metadata log alone contains no records of the
    ledger.
    """
    return any(
        not folder.name.startswith("__cluster_metadata") and any(folder.glob("*.log"))
        for folder in data.glob("*-[0-9]*")
    )
