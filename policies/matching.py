"""Matching: who is registered or corrected is matched under the rules in force; so is a pair whose bar is lifted.

The lookup ``match`` asks the identity index once it has read the event. Under its matching rules the identity is merged
with whom it agrees with, or put to a human; a merge of a rule that a correction takes the ground from is taken back.
"""

from collections.abc import Iterable

from policies.policy import Due, Kind
from schemas.event import LedgerEvent

CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached")
)
"""A status or a flag is compared by no rule, and who was erased is matched no more."""


class Matching:
    """See the module."""

    name = "matching"
    version = 1
    topics: tuple[str, ...] = ("krypton.identities", "krypton.links")

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        if event.type in CHANGES_KEYS:
            return (Due(Kind.LOOKUP, "match", {"identity": event.aggregate_id}),)
        if event.type == "link.unbarred":
            return tuple(Due(Kind.LOOKUP, "match", {"identity": event.data[side]}) for side in ("low", "high"))
        return ()
