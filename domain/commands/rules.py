"""The command that publishes a version of a kind of rules."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.aggregates.ruleset import RuleSet
from domain.errors import VersionTaken
from domain.ids import Ids
from domain.rules.document import BUILT_IN, RuleDocument, build
from domain.rules.in_force import ABSENT
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class PublishRules:
    """Publish one version of a kind's rules. ``document``: as ``domain.rules.document`` checked it."""

    document: RuleDocument

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The kind's rule set."""
        return (RuleSet.create_id(self.document.kind),)

    def decide(self, work: Work) -> dict[str, Any]:
        """Publish; publishing the same content again writes nothing and returns the same answer.

        Raises VersionTaken (G4), BadVersion (G3).
        """
        told = self.document
        if told.kind in BUILT_IN and told.version == (held := ABSENT[told.kind]).version and _rules(told) != held:
            raise VersionTaken(f"{told.id} is built in with other content: give the new rules version 2 or more")
        ruleset = work.find(RuleSet, RuleSet.create_id(told.kind)) or work.add(RuleSet(told.kind))
        ruleset.publish(told)
        return {"rules": str(told.id), "digest": told.digest}


def _rules(told: RuleDocument) -> Any:
    return build(told.kind, told.version, told.body)
