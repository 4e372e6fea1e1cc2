"""Makes our recorder; ``krypton init`` creates the tables, once, so that starting processes never race over DDL."""

import eventsourcing_sqlalchemy.factory as library

from adapters.eventstore.recorder import LedgerRecorder


class Factory(library.SQLAlchemyFactory):  # type: ignore[misc]  # the library ships no types
    """The library's factory, with our recorder."""

    application_recorder_class = LedgerRecorder
