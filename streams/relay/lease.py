"""The right to relay: a PostgreSQL advisory lock on a session of its own, turned into a lease that runs out.

The lock alone does not stop a relay that was frozen while another took over. So:
- a thread asks the lock's session for a sign of life every ``BEAT_S``; each answer proves the lock, and the lease then
  holds for ``LEASE_S`` from before the question. Without a lease nothing is sent (``streams.relay.outlet``);
- whoever takes the lock over from a relay that did not hand it back waits ``LEASE_S`` first: what the other could
  still have sent is in the log by then, and is seen there;
- a holder that gave no sign of life for ``STALLED_S`` is ended by the one that waits (its session, by the server).

So a dead relay is succeeded within about 4 s, a frozen one within about 8 s.
"""

import logging
import os
import socket
import threading
import time
from contextlib import suppress

import psycopg2

from streams.broker.database import connect

log = logging.getLogger(__name__)

LOCK = 0x6B727970  # "kryp": the advisory lock's key, one relay per database
BEAT_S = 0.5
LEASE_S = 3.0
STALLED_S = 4.0

# The lock's holder, if it neither asks nor takes an answer: its session idles, or the server waits for it to read.
END_STALLED = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1 AND granted
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (state <> 'active' OR wait_event_type = 'Client')
  AND state_change < clock_timestamp() - make_interval(secs => %s)
"""


def now_s() -> float:
    """Seconds on a clock that goes on while the machine sleeps, and is never set back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """One session that wants the lock, has it, or lost it; never used again once lost."""

    def __init__(self, database: str) -> None:
        """Raises psycopg2.Error when the database is away."""
        self._connection = connect(database, "krypton-relay-lock")
        self._until = 0.0
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="relay-lease", daemon=True)

    def acquire(self) -> bool:
        """Try to get the lock, without waiting; ends a holder that is stalled. Raises psycopg2.Error."""
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
        """Whether we may send at this moment."""
        return now_s() < self._until

    def close(self) -> None:
        """Give the lock back, if we still have it."""
        self._over.set()
        self._until = 0.0
        if self._beating.is_alive():
            self._beating.join(2 * BEAT_S)
        if self._beating.is_alive():  # the server hangs: end its question, or we would hang with it
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
