"""What one version of the matching rules knows: weights, shares of names, and limits; as a value and as a document.

The document is plain: numbers, and names that many people have. ``body`` and ``of_body`` undo each other.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from domain.matching.frequencies import Shares
from domain.matching.levels import ENUMS, FIELDS, Agreement
from domain.matching.limits import Limits, Placeless
from domain.matching.record import Record
from domain.matching.weights import Weights, terms


@dataclass(frozen=True, slots=True)
class Model:
    """See the module."""

    weights: Weights
    family: Shares = field(default_factory=Shares)
    given: Shares = field(default_factory=Shares)
    limits: Limits = field(default_factory=Limits)

    def bits(self, found: Agreement, one: Record, other: Record) -> float:
        """The weight of a pair: its log2 odds to be of one person. Symmetric."""
        return self.weights.of(found) + terms(found, one, other, self.family, self.given)


def body(model: Model) -> dict[str, Any]:
    """The model as plain values, with a name for each level."""
    return {
        "prior": model.weights.prior,
        "bits": {
            name: {level.name.lower(): model.weights.bits[place][level] for level in enum if level}
            for place, (name, enum) in enumerate(zip(FIELDS, ENUMS, strict=True))
        },
        "family_names": _of_shares(model.family),
        "given_names": _of_shares(model.given),
        "limits": {**asdict(model.limits), "placeless": model.limits.placeless.value},
    }


def _of_shares(shares: Shares) -> dict[str, Any]:
    return {"chance": shares.chance, "rarest": shares.rarest, "common": dict(shares.common)}


def of_body(told: Mapping[str, Any]) -> Model:
    """The model of a body. Raises KeyError or ValueError where one of its parts is missing or unknown."""
    bits = tuple(
        (0.0, *(float(told["bits"][name][level.name.lower()]) for level in enum if level))
        for name, enum in zip(FIELDS, ENUMS, strict=True)
    )
    limits = {**told["limits"], "placeless": Placeless(told["limits"]["placeless"])}
    return Model(
        Weights(float(told["prior"]), bits),
        Shares(**told["family_names"]),
        Shares(**told["given_names"]),
        Limits(**limits),
    )
