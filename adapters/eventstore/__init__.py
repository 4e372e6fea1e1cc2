"""The event store on PostgreSQL, with the command log in the events' own transaction.

Named by PERSISTENCE_MODULE, which takes the one Factory it finds here.
"""

from adapters.eventstore.factory import Factory

__all__ = ["Factory"]
