"""Writes the embedded broker's properties: one node, no retention limit, no automatic topic creation."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from krypton.ports import HOST, Ports


def configuration(data: Path, ports: Ports, logins: Mapping[str, str] = MappingProxyType({})) -> str:
    """The broker's properties: one node, no retention limit, no automatic topic creation.

    ``logins``: the secure profile's properties.
    """
    clients, controller = f"{HOST}:{ports.kafka}", f"{HOST}:{ports.kafka_controller}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": controller,
        "listeners": f"CLIENTS://{clients},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENTS://{clients},CONTROLLER://{controller}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "log.retention.ms": "-1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "8",  # 50 for one node only slow its start and its recovery
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A broker that was killed may register again only when its old session is over; 9 s by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",  # a lone worker need not wait 3 s for others
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in (settings | dict(logins)).items())


def _escaped(value: str) -> str:
    """A value in java.util.Properties format: ASCII, with other characters and backslashes escaped."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)
