"""A connection's bytes as PDUs: waits for the socket alone, with a deadline for each wait and a bound for each PDU.

A connection may speak TLS. It is never shut by ``SSLSocket``'s own ``shutdown``: that forgets the encryption at once.
"""

import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from adapters.dicom.network.pdu import HEAD, Malformed

TICK_S = 1.0  # a deadline, or a stop, may be noticed this much late
FAREWELL_S = 2.0  # for the peer to close first, PS3.8 9.2.3, ARTIM
SEND_S = 30.0  # in which a peer must take something of what is sent


class Gone(Exception):
    """The peer is not there any more."""


class Late(Exception):
    """Nothing came in time, or the service stops."""


class Wire:
    """One connection. ``max_pdu``: most bytes of a PDU's variable part; ``stopping``: asked while nothing comes."""

    def __init__(self, connection: socket.socket, max_pdu: int, stopping: Callable[[], bool]) -> None:
        if isinstance(connection, ssl.SSLSocket):
            connection.settimeout(TICK_S)  # without one, OpenSSL tries again by itself, and never comes back
        else:
            connection.setblocking(True)
            # The kernel's own time-outs: Python's would poll before each read.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(TICK_S), 0))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(SEND_S), 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else an answer waits 40 ms
        self._connection, self._max_pdu, self._stopping = connection, max_pdu, stopping
        self._buffer = memoryview(bytearray(max_pdu + HEAD.size))
        self._start = self._end = 0

    def ready(self) -> bool:
        """Whether something has come, or the peer is gone: ``next`` would not wait for its beginning."""
        if self._start < self._end or (isinstance(self._connection, ssl.SSLSocket) and self._connection.pending()):
            return True
        try:
            poll = select.poll()
            poll.register(self._connection, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # it is closed
            raise Gone from None

    def next(self, idle_s: float, unfinished_s: float) -> tuple[int, memoryview]:
        """The next PDU's type and variable part, which is valid until the next call.

        It must begin within ``idle_s`` and end ``unfinished_s`` later. Raises Gone, Late, Malformed.
        """
        self._fill(1, time.monotonic() + idle_s, may_stop=True)
        until = time.monotonic() + unfinished_s
        self._fill(HEAD.size, until)
        kind, length = HEAD.unpack_from(self._buffer, self._start)
        if length > self._max_pdu:
            raise Malformed("a PDU longer than was agreed")
        whole = HEAD.size + length
        self._fill(whole, until)
        begin = self._start + HEAD.size
        self._start += whole
        return kind, self._buffer[begin : self._start]

    def _fill(self, count: int, until: float, *, may_stop: bool = False) -> None:
        """Have ``count`` bytes at the start of the buffer."""
        if self._start == self._end:
            self._start = self._end = 0
        if self._start + count > len(self._buffer):
            kept = self._end - self._start
            self._buffer[:kept] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, kept
        while self._end - self._start < count:
            try:
                got = self._connection.recv_into(self._buffer[self._end :])
            except (BlockingIOError, TimeoutError):
                got = None
            except OSError:
                raise Gone from None
            if got == 0:
                raise Gone
            self._end += got or 0
            if self._end - self._start < count and (
                time.monotonic() >= until or (may_stop and got is None and self._stopping())
            ):
                raise Late

    def send(self, data: bytes | memoryview) -> None:
        """Send. Raises Gone, also where the peer does not read."""
        try:
            if isinstance(self._connection, ssl.SSLSocket):
                self._connection.settimeout(SEND_S)
            self._connection.sendall(data)
            if isinstance(self._connection, ssl.SSLSocket):
                self._connection.settimeout(TICK_S)
        except OSError:
            raise Gone from None

    def bid_farewell(self, data: bytes) -> None:
        """Send a last PDU, and leave it to the peer to close: else what was sent might not arrive."""
        until = time.monotonic() + FAREWELL_S
        with suppress(OSError):
            self._connection.sendall(data)
            socket.socket.shutdown(self._connection, socket.SHUT_WR)
            while time.monotonic() < until:
                with suppress(BlockingIOError, TimeoutError):
                    if not self._connection.recv_into(self._buffer):
                        return

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
        self._connection.close()
