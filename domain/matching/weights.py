"""What the agreement of two records is worth, in bits: Fellegi and Sunter's weights, with term frequencies.

A level is worth log2(m / u): m is its share among pairs of one person, u among pairs of two. A bit doubles the odds. A
rare name that agrees is worth more than a common one, by ``TERM`` of what its share says. Bits are kept, not
probabilities: those end at 1.0, and then order nothing. Source: Fellegi, Sunter, A Theory for Record Linkage (1969).
"""

from dataclasses import dataclass
from math import log2
from operator import getitem
from typing import Final

from domain.matching.frequencies import Shares
from domain.matching.levels import Agreement, Family, Given
from domain.matching.record import Record

Table = tuple[tuple[float, ...], ...]
"""A number for each level of each field, in the order of ``levels``; that of level 0 counts for nothing."""

TERM: Final = 0.5
"""Half of what a share says: the other half is lost, for slips and families at one address share rare names, too."""
LEAST: Final = 1e-9
LIMIT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Weights:
    """``prior``: log2 odds that any two records of the region are of one person. ``bits``: what each level adds."""

    prior: float
    bits: Table

    def of(self, agreement: Agreement) -> float:
        """Bits of an agreement, the prior among them; names count as neither common nor rare."""
        return self.prior + sum(map(getitem, self.bits, agreement))


def weights(prior: float, m: Table, u: Table) -> Weights:
    """Of the shares of each level among pairs of one person, and of two."""
    return Weights(
        prior,
        tuple(
            (0.0, *(_limited(log2(max(a, LEAST) / max(b, LEAST))) for a, b in zip(of_one[1:], of_two[1:], strict=True)))
            for of_one, of_two in zip(m, u, strict=True)
        ),
    )


def _limited(bits: float) -> float:
    return max(-LIMIT, min(LIMIT, bits))


def terms(agreement: Agreement, one: Record, other: Record, family: Shares, given: Shares) -> float:
    """Bits that a name's share in the region adds to its agreement: over 0 for rare names, below for common ones."""
    added = 0.0
    if agreement.family is Family.EXACT and one.family:
        added += _term(family, one.family.whole)
    if agreement.given is Given.EXACT and one.given:
        added += _term(given, one.given.whole)
    if agreement.family is Family.CROSS:
        crossed = [name.whole for name in (one.used, other.used) if name]
        added += max((_term(family, whole) for whole in crossed), default=0.0)
    return added


def _term(shares: Shares, name: str) -> float:
    return TERM * log2(shares.chance / shares.share(name))


def probability(bits: float) -> float:
    """Of 0 to 1, from log2 odds."""
    if bits < -LIMIT:
        return 0.0
    return 1.0 / (1.0 + 2.0**-bits) if bits < LIMIT else 1.0
