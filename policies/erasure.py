"""The erasure policy: carries out an approved erasure when its delay is over, then sees that what is left follows.

The command is refused where the erasure was cancelled or is under a hold; a hold that is released leads to it again.
The lookups ``erase_…`` each remove one part of what is left (``krypton.policies.erase``), and become the command that
notes it.
"""

from collections.abc import Iterable
from typing import Final

from domain.erased_parts import PARTS
from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent

FOLLOWS: Final = {f"erase_{part}": part for part in PARTS}
"""Each lookup, and the part that it removes."""


class Erasing(Policy):
    """See the module."""

    name = "erasure"
    version = 1
    topics: tuple[str, ...] = ("krypton.erasures",)

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        data = event.data
        match event.type:
            case "erasure.approved":
                return (_carry_out(event, data["due_at"]),)
            case "erasure.released" if data["request_id"] is not None:
                return (_carry_out(event, None),)
            case "erasure.carried_out":
                body = {"identity": data["identity_id"], "deadline": data["deadline"]}
                return tuple(Due(Kind.LOOKUP, does, body) for does in FOLLOWS)
        return ()


def _carry_out(event: LedgerEvent, at: int | None) -> Due:
    body = {"identity": event.data["identity_id"], "request": event.data["request_id"]}
    return Due(Kind.COMMAND, "carry_out_erasure", body, at)
