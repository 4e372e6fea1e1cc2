"""The PolicyEntry aggregate: an operator's decision on an entry that a policy gave up: tried again, or dropped.

Y1  An entry is dropped for a reason. It is sealed under the operator's own key.
There is one aggregate per decision; the entry itself is in the policy's outbox (``adapters.outbox``).
"""

from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import NoReasonToDrop


class PolicyEntry(Aggregate):
    """A decision: a single event."""

    TOPIC = "policy"

    class Created(Aggregate.Created):
        TOPIC = "policy.created"
        policy: str
        entry_id: UUID
        does: str

    class Retried(Created):
        TOPIC = "policy.entry_retried"

    class Dropped(Created):
        TOPIC = "policy.entry_dropped"
        caller_id: UUID
        reason: str

    def __init__(self, entry_id: UUID) -> None:
        self.entry_id = entry_id

    @classmethod
    def retry(cls, decision_id: UUID, *, policy: str, entry_id: UUID, does: str) -> "PolicyEntry":
        """Record that an entry is tried again."""
        return cls._create(cls.Retried, id=decision_id, policy=policy, entry_id=entry_id, does=does)

    @classmethod
    def drop(
        cls, decision_id: UUID, *, policy: str, entry_id: UUID, does: str, caller_id: UUID, reason: str
    ) -> "PolicyEntry":
        """Record that an entry is discarded, and why, under the key of ``caller_id``. Raises NoReasonToDrop (Y1)."""
        if not (why := reason.strip()):
            raise NoReasonToDrop("what is dropped is never done: say why")
        told = {"policy": policy, "entry_id": entry_id, "does": does}
        return cls._create(cls.Dropped, id=decision_id, **told, caller_id=caller_id, reason=why)
