"""Says which other pairs hold two identities one person, and which merges give way once somebody merges two.

As the ledger knows it when somebody unmerges or merges them.
"""

from collections.abc import Mapping
from uuid import UUID

from domain.aggregates.link import Link
from domain.errors import JoinedByOthers
from domain.joined import Joined, Pair, joined
from domain.membership import Merging
from domain.work import Work

NAMED = 8
"""Pairs that a refusal names."""


def joined_by(work: Work, one: UUID, other: UUID) -> Joined:
    """The pairs that hold two one person; none where they are two. A pair that a rule merged is cut before one that a
    human merged, and a later one before an earlier one.
    """
    return _joined(work.membership.merged_in(str(one)), one, other)


def still_joined(work: Work, link: Link) -> dict[str, list[list[str]]]:
    """The pairs that hold the two of a link one person once it is unmerged, for the answer; empty where none does."""
    low, high = link.pair["low"], link.pair["high"]
    found = _joined(work.membership.merged_without(str(low), str(high)), low, high)
    return {"still_joined_by": [list(pair) for pair in found.cut]} if found.cut else {}


def giving_way(work: Work, one: UUID, other: UUID) -> dict[str, list[list[str]]]:
    """The pairs that rules merged, and that a bar holds back now that a human merges the two, for the answer; empty
    where none is.
    """
    found = work.membership.giving_way(str(one), str(other))
    return {"gives_way": [list(pair) for pair in found]} if found else {}


def _joined(merged: Mapping[Pair, Merging], one: UUID, other: UUID) -> Joined:
    return joined(merged, str(one), str(other), lambda pair: (not merged[pair].by_rule, -merged[pair].position))


def refuse_joined(work: Work, one: UUID, other: UUID) -> None:
    """Raises JoinedByOthers (L9) where two who were not merged with each other are one person by other pairs."""
    found = joined_by(work, one, other)
    if not found.holding:
        return
    shown = ", ".join(f"{low} and {high}" for low, high in found.holding[:NAMED])
    more = f" and {len(found.holding) - NAMED} more" if len(found.holding) > NAMED else ""
    cut = " and ".join(f"{low} {high}" for low, high in found.cut[:NAMED])
    raise JoinedByOthers(
        f"{one} and {other} were not merged with each other, other pairs hold them one person: {shown}{more}; to part "
        f"them unmerge {cut}",
        cut=found.cut,
    )
