"""Matching rules as rule documents: when two local identities are merged or proposed for review.

A document holds a model that weighs how far two identities agree (``domain.rules.weighed``). Rules of equal fields,
which older ledgers hold, are read and shown, and decide nothing. Source: RNIV 1 v2.0, strict traits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import EqualFields
from domain.matching.model import Model
from domain.matching.tier import Tier
from domain.rules import weighed
from domain.rules.place import Checks, Place

MERGE, PROPOSE = "merge", "propose"
ACTIONS: Final = {Tier.SURE: MERGE, Tier.STRICT: MERGE, Tier.REVIEW: PROPOSE}
"""What each tier of a model does."""


@dataclass(frozen=True)
class MatchingRules:
    """The model of one version. Version 0, where none is in force, and versions of older programs may have none."""

    version: int = 0
    model: Model | None = None


def check(body: Place) -> None:
    """Raises G7 to G11, G13, G16, G17, with the path of each error."""
    if isinstance(body.value, dict) and "rules" in body.value:
        raise EqualFields(
            f"{body.path}.rules: rules of equal fields merge twins, and see no contradiction: let krypton rules "
            "train-matching learn a model from your identities, or publish the one in rules/matching-2.json"
        )
    with Checks() as checks:
        weighed.check(checks.fields(body, ("model",))["model"])


def build(version: int, body: Mapping[str, Any]) -> MatchingRules:
    """The rules of a published body, which was checked then."""
    return MatchingRules(version, weighed.build(body["model"]) if "model" in body else None)
