"""What an identity got when it was taken out of another one, and whether that can be taken back.

The rules (I) are those of ``domain.aggregates.identity``.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.errors import NothingToUndo

SPLIT: Final = "split"
"""Source of an identity that was split off another one."""


@dataclass(frozen=True)
class SplitOff:
    """What moved, by id. ``flags``: those that were cleared of the other identity; ``carried_flags``: those that this
    one has as that one had them; ``marked``: whether that one was flagged ``statements_of_two`` then.
    """

    from_identity: UUID
    studies: tuple[UUID, ...]
    orders: tuple[UUID, ...]
    flags: tuple[str, ...]
    carried_flags: tuple[str, ...] = ()
    marked: bool = False


def standing(split: SplitOff | None, who: UUID, *, source: str, undone: bool) -> SplitOff:
    """The split that made an identity, where nobody took it back. Raises NothingToUndo (I16).

    ``split``: as far as the identity knows it; ``source``: where the identity came from; ``undone``: taken back.
    """
    if split is None and source == SPLIT:
        raise NothingToUndo(
            f"identity {who} was split off by a program that did not keep what moved: give its studies "
            "back one by one, with krypton study reassign, or merge the two"
        )
    if split is None:
        raise NothingToUndo(f"identity {who} was not split off another one: name one that was, as 123#2")
    if undone:
        raise NothingToUndo(f"the split of identity {who} was taken back already: nothing to do")
    return split
