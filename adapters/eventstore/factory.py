"""Makes the library use Krypton's recorder; only ``krypton init`` creates tables, so that no process races over DDL."""

from typing import Any, Final, NoReturn

from eventsourcing.persistence import InfrastructureFactory, NotSupportedError, TrackingRecorder

from adapters.eventstore.clock import BOUND_S
from adapters.eventstore.recorder import LedgerRecorder

DATABASE: Final = "EVENT_STORE_DATABASE"
"""Key of the environment that names the database, as a URL."""
CONNECTIONS: Final = "EVENT_STORE_CONNECTIONS"
"""Key of the environment that says how many connections the recorder may hold; without it, ``MOST``."""
MOST: Final = "4"
CLOCK_BOUND: Final = "EVENT_STORE_CLOCK_BOUND_S"
"""Key of the environment that says by how many seconds a writer's clock may differ from the store's."""


class Factory(InfrastructureFactory[TrackingRecorder]):
    """The library's factory, with Krypton's recorder. Views keep their positions themselves, and no aggregate needs
    snapshots.
    """

    def application_recorder(self) -> LedgerRecorder:
        """The ledger's own."""
        bound_s = float(self.env.get(CLOCK_BOUND) or BOUND_S)
        return LedgerRecorder(self.env[DATABASE], int(self.env.get(CONNECTIONS, MOST)), bound_s)

    def aggregate_recorder(self, purpose: str = "events") -> NoReturn:
        """Raises NotSupportedError."""
        raise NotSupportedError(f"the ledger stores events and nothing else, no {purpose} beside them")

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> NoReturn:
        """Raises NotSupportedError."""
        raise NotSupportedError("views keep their positions themselves: see projections.engine.positions")

    def process_recorder(self) -> NoReturn:
        """Raises NotSupportedError."""
        raise NotSupportedError("views keep their positions themselves: see projections.engine.positions")
