"""What the ledger knows already of the pairs that a lookup found due, and the view does not know yet.

In an import the view is far behind. Two who find each other are two lookups; the second one found due what the first
one's merge had done, a third of all that was raised. The ledger would refuse it (L2): so it is not asked. Should the
two be parted again, that is a statement with lookups of its own.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.persons import Persons
from policies.policy import Due

Becomes = Mapping[UUID, Sequence[tuple[int, Due]]]
SIDES = ("one", "other")
MERGE, UNMERGE = "merge", "unmerge"


def not_yet_said(becomes: Becomes, persons: Persons) -> Becomes:
    """Without merges of two who are one person in the ledger, unless somebody of that person is to be unmerged now.

    A proposal of such two is asked, and its refusal has them looked up again (``policies.matching``).
    """
    said = [due.body for dues in becomes.values() for _, due in dues if due.does == MERGE]
    if not said:
        return becomes
    parted = {due.body[side] for dues in becomes.values() for _, due in dues if due.does == UNMERGE for side in SIDES}
    persons.load(body[side] for body in said for side in SIDES)

    def is_new(due: Due) -> bool:
        person = persons.person_of(due.body["one"])
        return due.body["other"] not in person or not person.isdisjoint(parted)

    return {
        entry: [(place, due) for place, due in dues if due.does != MERGE or is_new(due)]
        for entry, dues in becomes.items()
    }
