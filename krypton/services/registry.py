"""Runs the schema registry's HTTP server until it is told to stop."""

import socket

import uvicorn

from adapters.registry.app import build
from krypton.listeners import listener
from krypton.settings import ServiceUnavailable, Settings
from schemas.registry import registry


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ServiceUnavailable where the port is taken."""
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as taken:
        raise ServiceUnavailable(
            f"port {port} of {host} cannot be opened ({taken.strerror}): stop {listener(port)}, "
            "or set KRYPTON_REGISTRY_PORT"
        ) from None


def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT. Needs neither Kafka nor the database. Raises ServiceUnavailable."""
    with listen(settings.registry_host, settings.registry_port) as opened:
        server(registry_app=build(registry())).run(sockets=[opened])


def server(registry_app: object) -> uvicorn.Server:
    """The HTTP server of an application, without an access log: reads of public schemas are not worth logging."""
    config = uvicorn.Config(
        registry_app,  # type: ignore[arg-type]  # uvicorn's own protocol of an application is private
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)
