"""Wires links to the viewer: their store, and the threads that look there."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.web_sessions.sealed import Sealing
from adapters.web_sessions.viewings import Viewings
from krypton.bootstrap import Krypton
from krypton.faces.http.workers import Workers
from krypton.faces.viewer.routes import Links
from postgres.pool import Pool

AT_ONCE: Final = 1
"""Connections in which viewings are looked up: by their key, a thousand in a second."""
WAITING: Final = 200


@dataclass(frozen=True)
class Linking:
    """``links``: for the face; to be closed after it."""

    links: Links
    connections: Pool

    def close(self) -> None:
        """See ``krypton.faces.http.app.Closing``."""
        self.links.threads.close()
        self.connections.close()


def linking(ours: Krypton, sealing: Sealing, still: Callable[[str], bool]) -> Linking:
    """``still``: whether who signed in under a key may do so still."""
    pool = Pool(ours.addresses.database, "viewings", AT_ONCE)
    viewings = Viewings(pool, sealing, lambda: time.time_ns() // 1_000)
    return Linking(Links(viewings, Workers(AT_ONCE, WAITING), still), pool)
