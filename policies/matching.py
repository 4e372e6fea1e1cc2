"""The matching policy: matches identities under the rules in force when they are registered or corrected.

A pair whose bar is lifted or whose merge is undone is matched again: others were held together with one side through
the other. The lookup ``match`` asks the identity index after it has read the event. Under its
matching rules the identity is merged with those it agrees with, or proposed to a human; a rule's merge that a
correction no longer supports is undone.
"""

from collections.abc import Iterable

from policies.policy import Due, Kind
from schemas.event import LedgerEvent

CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached")
)
"""Events that change no compared trait: no rule compares status or flags, and an erased person is not matched."""
LOOSENS = frozenset(("link.unbarred", "link.unmerged"))
"""Events after which two sides may have something due that was not due before."""


class Matching:
    """See the module."""

    name = "matching"
    version = 2
    topics: tuple[str, ...] = ("krypton.identities", "krypton.links")

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        if event.type in CHANGES_KEYS:
            return (Due(Kind.LOOKUP, "match", {"identity": event.aggregate_id}),)
        if event.type in LOOSENS:
            return tuple(Due(Kind.LOOKUP, "match", {"identity": event.data[side]}) for side in ("low", "high"))
        return ()
