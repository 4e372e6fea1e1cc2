"""The HTTP server of Krypton's services: uvicorn, with a time limit for each exchange and a limit of connections.

uvicorn itself waits for ever for a request's first line, its headers or its body, and for a peer to read the answer:
connections that say nothing would fill the process. It also begins to count a connection after the TLS handshake
alone, so the handshake is made here, under the same limits. Source: uvicorn 0.54, ``H11Protocol``; asyncio's
``loop.start_tls``.
"""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final, Protocol

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.tls import names_of, thumbprint_of
from krypton.errors import ServiceUnavailable
from krypton.listeners import listener

EXCHANGE_S: Final = 10.0
"""From the connection, or the answer before, until the answer is sent whole."""
MOST_CONNECTIONS: Final = 200
STUCK_S: Final = 2.0
"""Who has taken nothing of an answer for so long makes room for others, where there is none."""
AT_ONCE: Final = struct.pack("ii", 1, 0)
"""Of SO_LINGER: a connection is reset when it is closed, and what waits to be sent is dropped."""
GRACE_S: Final = 5
"""How long answers that are being sent may go on when the server is told to stop."""


class LimitedProtocol(H11Protocol):
    """Ends a connection whose exchange takes too long; when too many are open, the one that has waited longest."""

    exchange_s: ClassVar[float] = EXCHANGE_S
    most: ClassVar[int] = MOST_CONNECTIONS
    stuck_s: ClassVar[float] = STUCK_S
    _ends: asyncio.TimerHandle | None = None
    _stuck_at: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._begin_exchange()
        self._make_room()

    def on_response_complete(self) -> None:
        """The next exchange begins."""
        self._begin_exchange()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _begin_exchange(self) -> None:
        self._stop_waiting()
        self._ends = self.loop.call_later(self.exchange_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._ends:
            self._ends.cancel()
        self._ends = None

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``: the peer takes no more for now."""
        self._stuck_at = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._stuck_at = None
        super().resume_writing()

    def _make_room(self) -> None:
        """Of those that are waited for this one is the newest. Where all others are being answered, the one goes whose
        peer has taken nothing for the longest; else this one.
        """
        if len(self.connections) <= self.most:
            return
        others: Any = self.connections - {self}
        waiting = [one for one in others if one._ends]
        since = self.loop.time() - self.stuck_s
        stuck = [one for one in others if one._stuck_at is not None and one._stuck_at <= since]
        if waiting:
            min(waiting, key=lambda one: one._ends.when()).transport.abort()
        else:
            min(stuck, key=lambda one: one._stuck_at, default=self).transport.abort()


class Renewing(Protocol):
    """A certificate that may be renewed."""

    def look(self) -> None:
        """Take a new one for connections to come, if there is one."""


class AnsweringProtocol(LimitedProtocol):
    """Limits the wait for a request; how long its answer may take, the application limits itself.

    ``tls``: where it is set, the connection is encrypted; ``followed`` renews its certificate. ``unreadable``:
    what is sent to bytes that are no HTTP. The application finds in its scope's ``state`` the ``names`` of the peer's
    certificate, its ``thumbprint``, and how to end the connection at once (``abort``).
    """

    tls: ClassVar[ssl.SSLContext | None] = None
    followed: ClassVar[Renewing | None] = None
    unreadable: ClassVar[bytes] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    _securing: asyncio.Task[None] | None = None
    _early: bytearray | None = None
    _lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with the handshake, where there is one: it is part of what is waited for."""
        if self.tls is None or transport.get_extra_info("sslcontext"):
            secured = transport.get_extra_info("ssl_object")
            shown = {"names": names_of(secured), "thumbprint": thumbprint_of(secured)} if secured else {}
            self.app_state = {**self.app_state, **shown, "abort": partial(cut, transport)}
            super().connection_made(transport)
            return
        if self.followed:
            self.followed.look()
        transport.pause_reading()  # until TLS reads
        self.transport, self._early = transport, bytearray()
        self.connections.add(self)
        self._begin_exchange()
        self._make_room()
        self._securing = self.loop.create_task(self._secure(transport))

    async def _secure(self, plain: asyncio.Transport) -> None:
        assert self.tls is not None
        try:
            secured = await self.loop.start_tls(
                plain,
                self,
                self.tls,
                server_side=True,
                ssl_handshake_timeout=self.exchange_s,
                ssl_shutdown_timeout=self.exchange_s,
            )
        except OSError:  # no TLS, an unknown certificate, too slow, or gone
            secured = None
        if secured is None or self._lost:  # asyncio returns None where the connection was aborted meanwhile
            self._stop_waiting()
            self.connections.discard(self)
            plain.abort()
            return
        early, self._early = self._early, None
        self.connection_made(secured)
        if early:
            self.data_received(bytes(early))

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``. What came with the end of the handshake is kept until that is noticed here."""
        if self._early is not None:
            self._early += data
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._lost = True
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """A request that is there whole but for its body is the application's to limit."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and end the connection; within an answer, end it at once."""
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
            return
        self._begin_exchange()  # for who does not read it
        self.transport.write(self.unreadable)
        self.transport.close()


def cut(transport: asyncio.Transport) -> None:
    """End a connection at once: what the system has taken, and not sent yet, is not sent any more."""
    opened = transport.get_extra_info("socket")
    if opened is not None:
        with suppress(OSError):  # closed already
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    transport.abort()


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. Raises ServiceUnavailable where the port is taken; ``setting`` names the port's setting."""
    try:
        opened = socket.create_server((host, port), backlog=128)
        # Connections inherit it; asyncio sets it for sockets alone that were made with the protocol's number.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened
    except OSError as taken:
        raise ServiceUnavailable(
            f"port {port} of {host} cannot be opened ({taken.strerror}): stop {listener(port)}, or set {setting}"
        ) from None


def server(app: Any, protocol: type[LimitedProtocol] = LimitedProtocol, grace_s: int = GRACE_S) -> uvicorn.Server:
    """The HTTP server of an application, without an access log.

    Its loop is asyncio's: uvloop reads a new connection before its protocol can ask for TLS.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # uvicorn would believe whoever connects from this machine
        server_header=False,
        timeout_graceful_shutdown=grace_s,
    )
    return uvicorn.Server(config)
