"""The event store on PostgreSQL: a recorder for the eventsourcing library, with the command log in its transactions.

The library loads it through PERSISTENCE_MODULE, which expects exactly one Factory here.
"""

from adapters.eventstore.factory import Factory

__all__ = ["Factory"]
