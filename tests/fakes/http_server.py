"""An HTTP application on a free port of this process, as Krypton's services run theirs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from krypton.services.http import LimitedProtocol, listen, server
from tests.waiting import WITHIN_S


@contextmanager
def serving(app: Any, protocol: type[LimitedProtocol] = LimitedProtocol, port: int = 0) -> Iterator[int]:
    """Its port, while it answers: a free one, where none is named."""
    with listen("127.0.0.1", port, "a free port") as opened:
        http = server(app, protocol)
        port = int(opened.getsockname()[1])
        thread = threading.Thread(target=http.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield port
        finally:
            http.should_exit = True
            thread.join(WITHIN_S)
