"""Somebody who is erased, for tests of what comes after: without requests, delays and the policy."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.ports import Answer
from domain.work import Envelope, Work
from krypton.bootstrap import Krypton


@dataclass(frozen=True, kw_only=True)
class Erase:
    """Record that the person is erased, as carrying out an erasure does; the key stays."""

    identity: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises Erased (I7)."""
        work.get(Identity, self.identity).erase(reason=self.reason)
        return {"identity": str(self.identity)}


def erase(ours: Krypton, identity: UUID) -> Answer:
    """The same, and destroy the key, as the policy does."""
    answer = ours.execute(Erase(identity=identity, reason="error: asked in writing"), Envelope())
    ours.vault.destroy(str(identity))
    return answer
