"""The schema registry on a free port of this process, as ``krypton serve registry`` runs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.registry.app import build
from krypton.services.registry import listen, server
from schemas.registry import Registry


@contextmanager
def serving(registry: Registry) -> Iterator[str]:
    """Its URL, while it answers."""
    with listen("127.0.0.1", 0) as opened:
        http = server(build(registry))
        thread = threading.Thread(target=http.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        finally:
            http.should_exit = True
            thread.join(10)
