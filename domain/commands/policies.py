"""Commands that record what operators decided about entries that a policy gave up."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from domain.aggregates.policy_entry import PolicyEntry
from domain.aggregates.viewing import key_of
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class RetryEntry:
    """An entry of a policy's outbox is tried again. ``does``: the command, lookup or notice, by its name."""

    policy: str
    entry: UUID
    does: str
    decision: UUID = field(default_factory=uuid4)

    def decide(self, work: Work) -> dict[str, Any]:
        """Record it."""
        work.add(PolicyEntry.retry(self.decision, policy=self.policy, entry_id=self.entry, does=self.does))
        return {"entry": str(self.entry)}


@dataclass(frozen=True, kw_only=True)
class DropEntry:
    """An entry of a policy's outbox is discarded. ``by``: the actor."""

    policy: str
    entry: UUID
    does: str
    by: str
    reason: str
    decision: UUID = field(default_factory=uuid4)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NoReasonToDrop (Y1)."""
        told: dict[str, Any] = {"policy": self.policy, "entry_id": self.entry, "does": self.does}
        work.add(PolicyEntry.drop(self.decision, **told, caller_id=key_of(self.by), reason=self.reason))
        return {"entry": str(self.entry)}
