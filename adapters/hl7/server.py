"""The listener for HL7 messages: a thread for each connection, and no more connections than are allowed.

With TLS, the names in a peer's certificate go with each of its messages. A connection is never shut by ``SSLSocket``'s
own ``shutdown``: it forgets the encryption at once, and an answer under way would go out in clear.
"""

import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread

from adapters.hl7.desk import Peer
from adapters.hl7.mllp import READ, Bounds, Broken, Frames
from adapters.tls import names_of

log = logging.getLogger(__name__)

Answers = Callable[[bytes, Peer], bytes | None]
"""What is answered to a message of a peer; None: nothing, and the connection is closed."""
GRACE_S = 5.0
LINGER_S = 5.0
"""How long is read, and thrown away, what a peer says after the end."""


@dataclass(frozen=True)
class Slots:
    """How many connections may be open at once."""

    in_all: int = 64
    from_an_address: int = 16


class Server:
    """Call ``start``, then ``stop``. ``answer`` is called from several threads. ``tls``: made by ``tls.context``."""

    def __init__(
        self,
        host: str,
        port: int,
        answer: Answers,
        bounds: Bounds,
        slots: Slots,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._where, self._answer, self._bounds, self._slots = (host, port), answer, bounds, slots
        self._tls = tls
        self._open: dict[socket.socket, tuple[Thread, str]] = {}
        self._lock = Lock()
        self._stopping = Event()

    def start(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        self._listener = socket.create_server(self._where, backlog=64)
        self._accepting = Thread(target=self._accept, name="hl7 listener", daemon=True)
        self._accepting.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Take no more messages; those that are being stored are answered first."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._accepting.join(GRACE_S)
        until = time.monotonic() + GRACE_S
        with self._lock:
            open_now = dict(self._open)
        for connection in open_now:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RD)  # its thread reads an end, after what it does now
        for connection, (thread, _) in open_now.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                connection.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, (address, *_) = self._listener.accept()
            except OSError as failed:
                if self._stopping.is_set():
                    return
                log.warning("a connection could not be accepted (%s)", failed.strerror)
                self._stopping.wait(0.1)  # no more files, perhaps: others end
                continue
            self._take(connection, address)

    def _take(self, connection: socket.socket, address: str) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a peer that is gone is noticed
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            except OSError:
                return  # it is gone already, and closed
        thread = Thread(target=self._serve, args=(connection,), name="hl7 connection", daemon=True)
        with self._lock:
            same = Counter(at for _, at in self._open.values())[address]
            if len(self._open) >= self._slots.in_all or same >= self._slots.from_an_address:
                log.warning("a connection from %s was closed: too many are open", address)
                connection.close()
                return
            self._open[connection] = thread, address
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        peer_ended = False
        try:
            peer_ended = self._spoken(connection)
        except Broken as broken:
            log.info("a connection was closed: %s", broken)
        except ssl.SSLError as unfit:
            log.info("a connection was closed: no TLS that is taken (%s)", unfit.reason)
        except OSError as ended:  # a time-out among them
            log.debug("a connection ended (%s)", type(ended).__name__)
        finally:
            if not peer_ended:
                _end(connection)
            with self._lock:
                self._open.pop(connection, None)
            _say_goodbye(connection)
            connection.close()

    def _spoken(self, connection: socket.socket) -> bool:
        """Answer all messages of a connection; whether the peer ended it. Raises Broken, OSError."""
        peer = self._shaken_hands(connection)
        frames = Frames(connection, self._bounds)
        while not self._stopping.is_set():
            if (message := frames.next()) is None:
                return True
            if (answer := self._answer(message, peer)) is None:
                break
            frames.send(answer)
        return False

    def _shaken_hands(self, connection: socket.socket) -> Peer:
        """Begin to encrypt, where that is asked for. Raises OSError, ssl.SSLError."""
        if not isinstance(connection, ssl.SSLSocket):
            return None
        connection.settimeout(self._bounds.unfinished_s)
        connection.do_handshake()
        return names_of(connection) if connection.context.verify_mode is ssl.CERT_REQUIRED else None


def _end(connection: socket.socket) -> None:
    """Say that this is the end, and read what the peer still says: else the system resets the connection, and takes an
    answer with it that the peer has not read yet.
    """
    _say_goodbye(connection)
    until = time.monotonic() + LINGER_S
    with suppress(OSError):  # the peer is gone
        socket.socket.shutdown(connection, socket.SHUT_WR)
        while (left_s := until - time.monotonic()) > 0:
            connection.settimeout(left_s)
            if not socket.socket.recv(connection, READ):
                return


def _say_goodbye(connection: socket.socket) -> None:
    """Tell a peer by TLS that this is the end, and not that somebody cut the line; wait for nothing."""
    if isinstance(connection, ssl.SSLSocket):
        with suppress(OSError, ValueError):
            connection.settimeout(0)
            connection.unwrap()
