"""The event store: eventsourcing_sqlalchemy on PostgreSQL, with the command log in the same transaction.

The library loads it through PERSISTENCE_MODULE, which expects exactly one Factory here.
"""

from adapters.eventstore.factory import Factory

__all__ = ["Factory"]
