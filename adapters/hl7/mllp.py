"""MLLP, how HL7 messages follow each other on a connection: VT, the message, FS, CR; within bounds of size and time.

Source: HL7 v2.5, appendix C, minimal lower layer protocol.
"""

import socket
import time
from dataclasses import dataclass
from typing import Final

START: Final = b"\x0b"
END: Final = b"\x1c\r"
BETWEEN: Final = b"\r\n"
"""What may stand between two messages."""
READ: Final = 65_536


@dataclass(frozen=True)
class Bounds:
    """``most``: bytes of a message. ``idle_s``: without a message; ``unfinished_s``: from a message's first byte to its
    end, and for the peer to take an answer.
    """

    most: int = 1_048_576
    idle_s: float = 3_600.0
    unfinished_s: float = 30.0


class Broken(Exception):
    """The connection is of no more use: what came is no MLLP, too large, or does not come to its end."""


class Frames:
    """The messages of one connection."""

    def __init__(self, connection: socket.socket, bounds: Bounds) -> None:
        self._connection, self._bounds = connection, bounds
        self._held = bytearray()

    def next(self) -> bytes | None:
        """The next message; None after the last one. Raises Broken, TimeoutError, OSError."""
        if not self._begun():
            return None
        until, looked = time.monotonic() + self._bounds.unfinished_s, 0
        while (end := self._held.find(END, max(0, looked - 1))) < 0:
            looked = len(self._held)
            if looked > self._bounds.most:
                raise Broken("a message is larger than is taken")
            if not self._more(until - time.monotonic()):
                raise Broken("the connection ended within a message")
        if end > self._bounds.most:
            raise Broken("a message is larger than is taken")
        message = bytes(self._held[:end])
        del self._held[: end + len(END)]
        if START in message:
            raise Broken("a message begins within another")
        return message

    def _begun(self) -> bool:
        """Wait for the start of a message, and take it away; false where the peer has nothing more to say."""
        until = time.monotonic() + self._bounds.idle_s
        while True:
            self._held = self._held.lstrip(BETWEEN)
            if self._held:
                break
            if not self._more(until - time.monotonic()):
                return False
        if not self._held.startswith(START):
            raise Broken("what came is not MLLP")
        del self._held[:1]
        return True

    def _more(self, within_s: float) -> bool:
        if within_s <= 0:
            raise TimeoutError
        self._connection.settimeout(within_s)
        came = self._connection.recv(READ)
        self._held += came
        return bool(came)

    def send(self, message: bytes) -> None:
        """Send one message. Raises TimeoutError, OSError."""
        self._connection.settimeout(self._bounds.unfinished_s)
        self._connection.sendall(START + message + END)
