"""Somebody who is erased, for tests of what comes after: without requests, delays and the policy; and rules without
delay, which nobody can publish, for tests in which the policy carries an erasure out.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.commands.rules import PublishRules
from domain.ports import Answer
from domain.retention import Ground
from domain.rules.document import RETENTION, RuleDocument, canonical_json
from domain.rules.retention import BUILT_IN_BODY
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


def without_delay(ours: Krypton) -> None:
    """Let an erasure be carried out as soon as it is approved. A rule file is held to a day."""
    body = {**BUILT_IN_BODY, "delay_days": dict.fromkeys(Ground, 1e-9)}
    told = RuleDocument(RETENTION, 2, "2020-01-01", "", canonical_json(body))
    ours.execute(PublishRules(document=told), Envelope())


def erase(ours: Krypton, identity: UUID) -> Answer:
    """The same, and destroy the key, as the policy does."""
    answer = ours.execute(Erase(identity=identity, reason="error: asked in writing"), Envelope())
    ours.vault.destroy(str(identity))
    return answer
