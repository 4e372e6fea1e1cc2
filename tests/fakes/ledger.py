"""A real Ledger on the memory recorder: what unit and feature tests run commands against."""

from datetime import UTC, datetime, timedelta

from domain.ids import Ids
from domain.ins import TEST
from domain.ledger import Ledger
from domain.ports import Answer
from domain.work import Command, Envelope
from schemas.codec import Codec
from schemas.event import LedgerEvent
from schemas.registry import registry
from tests.fakes.ids import IDS
from tests.fakes.vault import MemoryVault


class FixedClock:
    """Starts at a fixed day; each reading is a second later, so that times in tests are known."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class MemoryLedger(Ledger):
    """The Application itself; only its recorder and vault are in memory."""

    name = "ledger"

    def __init__(self, ids: Ids = IDS) -> None:
        self.memory_vault = MemoryVault()
        super().__init__(
            {"PERSISTENCE_MODULE": "tests.fakes.eventstore"},
            codec=Codec(registry(), self.memory_vault),
            vault=self.memory_vault,
            ids=ids,
            authorities=TEST,
            clock=FixedClock(),
        )

    def ask(self, command: Command, actor: str = "system:test") -> Answer:
        """Execute under a new command id."""
        return self.execute(command, Envelope(actor))

    def history(self, after: int = 0) -> list[LedgerEvent]:
        """All stored events after a position, decoded as projections get them."""
        codec = Codec(registry(), self.memory_vault)
        found = []
        for stored in self.recorder.select_notifications(after, 1_000_000, inclusive_of_start=False):
            schema, data = codec.decode(stored.state, stored.originator_version)
            found.append(LedgerEvent(stored.id, schema.type, data[schema.aggregate], stored.originator_version, data))
        return found
