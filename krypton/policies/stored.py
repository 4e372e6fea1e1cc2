"""What the ledger knows already of the pairs that a lookup found due, and the view does not know yet.

In an import the view is far behind. Two who find each other are two lookups; the second one found due what the first
one's merge had done, a third of all that was raised. The ledger would refuse it (L2): so it is not asked. Should the
two be parted again, that is a statement with lookups of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from domain.persons import Persons
from policies.policy import Due

Becomes = Mapping[UUID, Sequence[tuple[int, Due]]]
SIDES = ("one", "other")
MERGE, UNMERGE = "merge", "unmerge"
HELD: Final = 2_000
"""Merges whose persons are held in memory: a decision of a region finds hundreds of thousands."""


def not_yet_said(becomes: Becomes, membership: Callable[[], Persons]) -> Becomes:
    """Without merges of two who are one person in the ledger, unless somebody of that person is to be unmerged now.
    ``membership``: of the ledger.

    A proposal of such two is asked, and its refusal has them looked up again (``policies.matching``).
    """
    said = [_pair(due) for dues in becomes.values() for _, due in dues if due.does == MERGE]
    if not said:
        return becomes
    parted = {side for dues in becomes.values() for _, due in dues if due.does == UNMERGE for side in _pair(due)}
    known = {pair for at in range(0, len(said), HELD) for pair in _said(said[at : at + HELD], parted, membership())}
    return {
        entry: [(place, due) for place, due in dues if due.does != MERGE or _pair(due) not in known]
        for entry, dues in becomes.items()
    }


def _said(pairs: Sequence[tuple[str, str]], parted: set[str], persons: Persons) -> list[tuple[str, str]]:
    """Those of the pairs that are one person of whom nobody is parted."""
    persons.load(side for pair in pairs for side in pair)
    whose = [(pair, persons.person_of(pair[0])) for pair in pairs]
    return [pair for pair, person in whose if pair[1] in person and person.isdisjoint(parted)]


def _pair(due: Due) -> tuple[str, str]:
    one, other = (due.body[side] for side in SIDES)
    return one, other
