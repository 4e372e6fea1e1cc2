"""What waits for a clerk's decision: the kinds, and the flags for which one identity waits by itself.

Source: HL7 table 0445-FR (DPOT, DOUA, COLP, COLV).
"""

from collections.abc import Collection, Mapping
from typing import Final

PROPOSAL: Final = "proposal"
DUPLICATE: Final = "duplicate"
COLLISION: Final = "collision"
DOUBTFUL_NUMBER: Final = "doubtful-number"
KINDS: Final = (PROPOSAL, DUPLICATE, COLLISION, DOUBTFUL_NUMBER)

NUMBER_OF_TWO: Final = "collision"
"""The flag of whoever came in under a number that is in use for another person."""
MAY_BE_MIXED: Final = ("names_differ", "traits_differ")
"""Flags of an identity that may hold two people."""
STATEMENTS_OF_TWO: Final = "statements_of_two"
"""The flag of both parts of an identity that was split, or that a study left, as long as nobody said whose its
oppositions and holds are.
"""
INS_DOUBTFUL: Final = "ins_doubtful"
INS_REPLACED: Final = "ins_replaced"
IN_DOUBT: Final = (INS_DOUBTFUL, INS_REPLACED)
"""Flags of an identity whose matricule is in doubt (``domain.ins_doubt``)."""
DOUBTED: Final = (*IN_DOUBT, "ins_left_out", "number_swapped")
"""Flags of an identity whose number or matricule is in doubt."""
FLAGS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    COLLISION: (NUMBER_OF_TWO, *MAY_BE_MIXED, STATEMENTS_OF_TWO),
    DOUBTFUL_NUMBER: DOUBTED,
}
"""Of each kind for which one identity may wait alone, the flags that say so."""


def kind_of(flag: str) -> str | None:
    """The kind for which an identity with that flag waits; None: for none."""
    return next((kind for kind, flags in FLAGS_OF.items() if flag in flags), None)


def kinds_of(flags: Collection[str]) -> list[str]:
    """The kinds for which an identity with these flags waits."""
    return [kind for kind, those in FLAGS_OF.items() if set(those) & set(flags)]
