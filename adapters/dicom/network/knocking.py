"""A connection that has no association yet, how long it may wait, and what is read of it."""

import socket
import ssl
from dataclasses import dataclass, field
from typing import Final

from adapters.dicom.network.pdu import HEAD, Because, Kind, Malformed
from adapters.dicom.network.request import LONGEST_REQUEST
from adapters.tls import names_of

NOTHING_YET: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
FAREWELL: Final = 65_536
"""Bytes that one that was turned away may still say."""


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Bounds of what is not associated yet."""

    request_s: float = 30.0  # from the connection to the end of its request
    from_an_address: int = 32
    in_all: int = 128
    accepted_per_s: float = 200.0  # associations of one AE title; beyond, they wait
    refused_per_s: float = 50.0  # of one address; beyond, the answer waits
    connected_per_s: float = 500.0  # in all; beyond, they wait in the kernel's queue


@dataclass(eq=False)
class Knocking:
    """A connection without an association. ``answered``: it is to be told no more than goodbye."""

    connection: socket.socket
    address: str
    until: float
    heard: bytearray = field(default_factory=bytearray)
    answered: bool = False
    shaken: bool = True

    @property
    def names(self) -> frozenset[str] | None:
        """Those in its certificate; None where none is asked for."""
        connection = self.connection
        asked = isinstance(connection, ssl.SSLSocket) and connection.context.verify_mode is ssl.CERT_REQUIRED
        return names_of(connection) if asked and isinstance(connection, ssl.SSLSocket) else None

    @property
    def missing(self) -> int:
        """Bytes that its request still lacks, as far as is known. Raises Malformed where it is no request."""
        if len(self.heard) < HEAD.size:
            return HEAD.size - len(self.heard)
        kind, length = HEAD.unpack_from(self.heard)
        if kind != Kind.ASSOCIATE_RQ:
            known = kind in set(Kind)
            raise Malformed("no association request", Because.UNEXPECTED_PDU if known else Because.UNRECOGNIZED_PDU)
        if length > LONGEST_REQUEST:
            raise Malformed("an association request that is too long")
        return HEAD.size + int(length) - len(self.heard)

    @property
    def is_opened(self) -> bool:
        """Whether TLS has opened what nobody says again is there."""
        return isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.pending())

    def hear(self) -> bytes:
        """What it says now; empty: it is gone. Shakes hands first. Raises ``NOTHING_YET``, OSError, Malformed."""
        if not self.shaken and isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()
            self.shaken = True
        return self.connection.recv(FAREWELL if self.answered else self.missing)

    def turn_away(self, answer: bytes) -> None:
        """Say why. Raises OSError."""
        self.answered = True
        self.connection.send(answer)
        socket.socket.shutdown(self.connection, socket.SHUT_WR)  # SSLSocket's own forgets the encryption
