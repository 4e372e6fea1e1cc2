"""Policies in memory: reactions to the whole history, and their commands asked when they are due, each once."""

from uuid import UUID, uuid5

from domain.errors import NotFound, RuleBroken
from domain.ledger import Ledger
from domain.times import micros
from domain.work import Envelope
from policies import commands
from policies.all import POLICIES
from policies.policy import Due, Kind
from schemas.codec import Codec
from schemas.event import LedgerEvent
from schemas.registry import registry
from streams.relay.outgoing import NoKeys

SPACE = UUID(int=7)


def history(ledger: Ledger, after: int = 0) -> list[LedgerEvent]:
    """The events after a position as policies read them: what is sealed stays sealed."""
    codec, found = Codec(registry(), NoKeys()), []
    for stored in ledger.recorder.select_notifications(after, 1_000_000, inclusive_of_start=False):
        schema, data = codec.decode(stored.state, stored.originator_version)
        found.append(LedgerEvent(stored.id, schema.type, data[schema.aggregate], stored.originator_version, data))
    return found


class MemoryEngine:
    """One ledger's policies. Lookups ask a view, which is not here."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._settled: set[UUID] = set()
        self.notices: list[Due] = []

    def run(self) -> None:
        """Do all that is due by the ledger's clock, and what follows from it."""
        while self._once():
            pass

    def _once(self) -> bool:
        now, worked = micros(self._ledger.clock()), False
        for event in history(self._ledger):
            for policy in POLICIES.values():
                for place, due in enumerate(policy.react(event)):
                    ident = uuid5(SPACE, f"{policy.name}|{event.position}|{place}")
                    worked = self._do(policy.name, ident, due, now) or worked
        return worked

    def _do(self, policy: str, ident: UUID, due: Due, now: int) -> bool:
        if ident in self._settled or due.kind is Kind.LOOKUP or (due.at or 0) > now:
            return False
        self._settled.add(ident)
        if due.kind is Kind.DELIVERY:
            self.notices.append(due)
            return False
        try:
            self._ledger.execute(commands.build(due.does, due.body), Envelope(f"system:policy-{policy}", ident))
        except (RuleBroken, NotFound):
            return False
        return True
