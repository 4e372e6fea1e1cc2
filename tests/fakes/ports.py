"""Ports of this machine: one that is free, and whether somebody listens on one."""

import random
import socket
from typing import Final

from krypton.devstack.ports import is_free

HOST: Final = "127.0.0.1"
RANGE: Final = range(12_000, 20_000)
"""Below the ports that a system gives to outgoing connections: one of those would hold a port for a moment before its
service opens it. The embedded servers have theirs above (``krypton.devstack.ports``).
"""


def free_port() -> int:
    """A port that nobody listens on. As long as this process lives, nobody else is given it here.

    It holds the UDP port of that number, which nothing here uses. Raises OSError where all are taken.
    """
    for port in random.SystemRandom().sample(RANGE, len(RANGE)):
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind((HOST, port))
        except OSError:  # given to somebody else
            held.close()
            continue
        if is_free(port):
            held.detach()  # until this process ends
            return port
        held.close()
    raise OSError(f"no free port of {HOST} between {RANGE.start} and {RANGE.stop - 1}")


def free_ports() -> dict[str, str]:
    """Those of all that ``krypton run`` starts, as settings."""
    return {f"KRYPTON_{name}_PORT": str(free_port()) for name in ("DICOM", "HL7", "WEB", "REGISTRY", "HEALTH")}


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
