"""Says of two identities which other pairs hold them one person, as the ledger knows it when somebody unmerges them."""

from collections.abc import Mapping
from uuid import UUID

from domain.aggregates.link import Link
from domain.errors import JoinedByOthers
from domain.joined import Joined, Pair, joined
from domain.work import Work

NAMED = 8
"""Pairs that a refusal names."""


def joined_by(work: Work, one: UUID, other: UUID) -> Joined:
    """The pairs that hold two one person; none where they are two. A pair that a rule merged is cut before one that a
    human merged, and a later one before an earlier one.
    """
    return _joined(work, work.membership.merged_in(str(one)), one, other)


def still_joined(work: Work, link: Link) -> dict[str, list[list[str]]]:
    """The pairs that hold the two of a link one person once it is unmerged, for the answer; empty where none does."""
    low, high = link.pair["low"], link.pair["high"]
    merged = work.membership.merged_in(str(low))
    merged.pop((str(low), str(high)), None)
    found = _joined(work, merged, low, high)
    return {"still_joined_by": [list(pair) for pair in found.cut]} if found.cut else {}


def _joined(work: Work, merged: Mapping[Pair, int], one: UUID, other: UUID) -> Joined:
    def weakness(pair: Pair) -> tuple[bool, int]:
        link = work.find(Link, Link.create_id(work.ids, UUID(pair[0]), UUID(pair[1])))
        return link is None or link.merged_by_human, -merged[pair]

    return joined(merged, str(one), str(other), weakness)


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
