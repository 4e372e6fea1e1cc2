"""The schema registry on a free port of this process, as ``krypton serve registry`` runs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.registry.app import build
from krypton.services.http import LimitedProtocol, listen, server
from schemas.registry import Registry
from tests.waiting import WITHIN_S


@contextmanager
def serving(registry: Registry, protocol: type[LimitedProtocol] = LimitedProtocol) -> Iterator[str]:
    """Its URL, while it answers."""
    with listen("127.0.0.1", 0, "a free port") as opened:
        http = server(build(registry), protocol)
        thread = threading.Thread(target=http.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        finally:
            http.should_exit = True
            thread.join(WITHIN_S)
