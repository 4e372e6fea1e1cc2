"""The emergency policy: closes an emergency access when it runs out, and puts it on the review list (X16).

Whoever supervises such accesses gets a notice with its id.
"""

from collections.abc import Iterable

from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent


class Emergency(Policy):
    """See the module."""

    name = "emergency"
    version = 1
    topics: tuple[str, ...] = ("krypton.accesses",)

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        access = {"access": event.aggregate_id}
        if event.type == "access.emergency_opened":
            return (Due(Kind.COMMAND, "lapse_emergency", access, event.data["expires_at"]),)
        if event.type == "access.emergency_lapsed":
            return (Due(Kind.DELIVERY, "emergency_awaits_review", access),)
        return ()
