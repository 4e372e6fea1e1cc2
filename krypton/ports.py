"""Reads the remembered loopback ports of the embedded servers, and checks whether one answers."""

import json
import socket
from dataclasses import dataclass, fields
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """One port per server; None where none was chosen yet."""

    kafka: int | None = None
    kafka_controller: int | None = None
    database: int | None = None

    @staticmethod
    def load(path: Path) -> "Ports":
        """Read them; a missing or damaged file is an empty memory."""
        try:
            kept = json.loads(path.read_text())
            return Ports(**{f.name: _port(kept.get(f.name)) for f in fields(Ports)})
        except (OSError, ValueError, AttributeError):
            return Ports()


def answers(port: int, timeout_s: float = 1.0) -> bool:
    """Whether something accepts connections on ``port`` of the loopback address."""
    try:
        socket.create_connection((HOST, port), timeout_s).close()
    except OSError:
        return False
    return True


def _port(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value < 65536 else None
