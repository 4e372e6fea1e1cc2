"""The HTTP server of Krypton's services: uvicorn, with a time limit for each exchange and a limit of connections.

uvicorn itself waits for ever for a request's first line, its headers or its body, and for a peer to read the answer:
connections that say nothing would fill the process. Source: uvicorn 0.54, ``H11Protocol``.
"""

import asyncio
import socket
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from krypton.listeners import listener
from krypton.settings import ServiceUnavailable

EXCHANGE_S: Final = 10.0
"""From the connection, or the answer before, until the answer is sent whole."""
MOST_CONNECTIONS: Final = 200


class LimitedProtocol(H11Protocol):
    """Ends a connection whose exchange takes too long; when too many are open, the one that has waited longest."""

    exchange_s = EXCHANGE_S
    most = MOST_CONNECTIONS
    _ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._begin_exchange()
        if len(self.connections) > self.most:
            min(self.connections, key=lambda one: one._ends.when() if one._ends else 0.0).transport.abort()  # type: ignore[union-attr]

    def on_response_complete(self) -> None:
        """The next exchange begins."""
        self._begin_exchange()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        if self._ends:
            self._ends.cancel()
        super().connection_lost(exc)

    def _begin_exchange(self) -> None:
        if self._ends:
            self._ends.cancel()
        self._ends = self.loop.call_later(self.exchange_s, self.transport.abort)


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. Raises ServiceUnavailable where the port is taken; ``setting`` names the port's setting."""
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as taken:
        raise ServiceUnavailable(
            f"port {port} of {host} cannot be opened ({taken.strerror}): stop {listener(port)}, or set {setting}"
        ) from None


def server(app: Any, protocol: type[LimitedProtocol] = LimitedProtocol) -> uvicorn.Server:
    """The HTTP server of an application, without an access log."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)
