"""Says what a failure of the database means to whoever asked the event store, as the eventsourcing library's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from eventsourcing.persistence import IntegrityError, OperationalError

from adapters.eventstore.tables import LOCK_TIMEOUT_MS
from postgres.session import Busy, Unreachable


@contextmanager
def translated() -> Iterator[None]:
    """Maps database errors to the eventsourcing library's; their text may quote rows, so it is dropped."""
    try:
        yield
    except psycopg2.errors.UniqueViolation:
        raise IntegrityError("another writer was first") from None
    except psycopg2.errors.LockNotAvailable:
        raise OperationalError(f"the event store was locked for {LOCK_TIMEOUT_MS} ms: nothing written") from None
    except Busy as busy:
        raise OperationalError(str(busy)) from None
    except Unreachable as away:
        raise OperationalError(
            "the database does not answer, and nothing was written: run krypton dev up, or check KRYPTON_DATABASE"
        ) from away
    except (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.InternalError) as away:
        raise OperationalError(
            f"the event store did not answer ({type(away).__name__}): retry with the same command id, "
            "which is stored at most once"
        ) from away
