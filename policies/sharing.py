"""The sharing policy: finds studies and irradiation events that two persons claim.

The lookups ``same_study`` and ``same_events`` ask the views. Two studies of one Study Instance UID put their identities
on the review list, never together; an irradiation event of two persons is a conflict of the later one's study.
"""

from collections.abc import Iterable

from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent


class Sharing(Policy):
    """See the module."""

    name = "sharing"
    version = 1
    topics: tuple[str, ...] = ("krypton.studies", "krypton.doses")

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        if event.type == "study.arrived":
            return (Due(Kind.LOOKUP, "same_study", {"study": event.aggregate_id}),)
        if event.type == "dose.reported" and event.data["exposures"]:
            body = {"study": event.data["study_id"], "report": event.data["report_uid"]}
            return (Due(Kind.LOOKUP, "same_events", body),)
        return ()
