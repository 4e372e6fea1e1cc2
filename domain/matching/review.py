"""Orders what a human is shown: a decision is worth its probability times the pairs of records that it would join.

A person of seven records that one more may belong to comes before two single records that agree as well.
"""

from domain.matching.weights import probability


def worth(bits: float, records_of_one: int, records_of_other: int) -> float:
    """Pairs of records gained, on average: from 0 to the product of the two sizes. ``bits``: the weight of the pair."""
    return probability(bits) * records_of_one * records_of_other
