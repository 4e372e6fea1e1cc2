"""Runs the schema registry's HTTP server until it is told to stop."""

from adapters.registry.app import build
from krypton.services.http import listen, server
from krypton.settings import Settings
from schemas.registry import registry


def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT. Needs neither Kafka nor the database. Raises ServiceUnavailable."""
    with listen(settings.registry_host, settings.registry_port, "KRYPTON_REGISTRY_PORT") as opened:
        server(build(registry())).run(sockets=[opened])
