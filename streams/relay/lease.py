"""Leader election for the relay: a PostgreSQL advisory lock turned into a lease that expires.

The lock alone does not stop a relay that was frozen while another took over. So:

- a thread sends a heartbeat on the lock's session every ``BEAT_S``; each answer proves the lock, and the lease then
  lasts ``LEASE_S`` from before the heartbeat. Without a lease nothing is sent (``streams.relay.outlet``);
- a relay that takes the lock from one that did not release it cleanly waits ``LEASE_S`` first: by then everything the
  other could have sent is in the log, and is seen there;
- a holder without a heartbeat for ``STALLED_S`` is ended by the standby (the server terminates its session).

So a dead relay is replaced within about 4 s, a frozen one within about 8 s.
"""

import logging
import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg2

from postgres.session import connect

log = logging.getLogger(__name__)

LOCK = 0x6B727970  # "kryp": the advisory lock's key, one relay per database
BEAT_S = 0.5
LEASE_S = 3.0
STALLED_S = 4.0

# The lock's holder, if it sends nothing and reads nothing: its session is idle, or the server waits for it to read.
END_STALLED = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1 AND granted
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (state <> 'active' OR wait_event_type = 'Client')
  AND state_change < clock_timestamp() - make_interval(secs => %s)
"""


def now_s() -> float:
    """Seconds on a clock that also runs while the machine sleeps, and never goes back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """One session that wants, holds or has lost the lock; not reused once lost."""

    def __init__(self, database: str) -> None:
        """Raises psycopg2.Error if the database is unavailable."""
        self._connection: Any = connect(database, "relay lock", autocommit=True)
        self._until = 0.0
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="relay-lease", daemon=True)

    def acquire(self) -> bool:
        """Try to get the lock, without waiting; ends a stalled holder. Raises psycopg2.Error."""
        asked = now_s()
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
            if not cursor.fetchone()[0]:
                cursor.execute(END_STALLED, (LOCK, STALLED_S))
                if cursor.rowcount:
                    log.warning("the active relay gave no sign of life for %.0f s: its session was ended", STALLED_S)
                return False
        self._until = asked + LEASE_S
        self._beating.start()
        return True

    def holds(self) -> bool:
        """Whether sending is allowed at this moment."""
        return now_s() < self._until

    def close(self) -> None:
        """Release the lock, if still held."""
        self._over.set()
        self._until = 0.0
        if self._beating.is_alive():
            self._beating.join(2 * BEAT_S)
        if self._beating.is_alive():  # the server hangs: cancel its query, or this would hang too
            with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            asked = now_s()
            try:
                with self._connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            except psycopg2.Error as lost:
                self._until = 0.0
                log.warning("the relay's lock is lost with its database session (%s)", type(lost).__name__)
                return
            if not self._over.is_set():
                self._until = asked + LEASE_S
