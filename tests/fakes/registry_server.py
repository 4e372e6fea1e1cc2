"""The schema registry on a free port of this process, as ``krypton serve registry`` runs it."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.registry.app import build
from krypton.services.http import LimitedProtocol
from schemas.registry import Registry
from tests.fakes import http_server


@contextmanager
def serving(registry: Registry, protocol: type[LimitedProtocol] = LimitedProtocol) -> Iterator[str]:
    """Its URL, while it answers."""
    with http_server.serving(build(registry), protocol) as port:
        yield f"http://127.0.0.1:{port}"
