"""The RefusedCaller aggregate: a DICOM caller with an unregistered AE title was rejected on one day.

There is one aggregate per AE title and day, so that a device calling every second leaves one event a day, not a flood.
What the caller states about itself is untrusted text: only printable ASCII is kept, cut to the length of an AE title.
Source: DICOM PS3.8 section 9.3.4 (A-ASSOCIATE-RJ: calling AE title not recognized).
"""

import re
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.ids import Ids

AE_TITLE_LENGTH = 16
ADDRESS_LENGTH = 45  # the longest textual IPv6 address


def printable(text: str, length: int) -> str:
    """Untrusted text as it is stored: printable ASCII, ``?`` for anything else, cut, trimmed."""
    return re.sub(r"[^ -~]", "?", text[:length]).strip()


class RefusedCaller(Aggregate):
    """Records the rejection; keeps no other state."""

    TOPIC = "directory"

    class Created(Aggregate.Created):
        TOPIC = "directory.created"

    class CallerRefused(Created):
        TOPIC = "directory.caller_refused"
        ae_title: str
        called: str
        address: str
        day: str

    @staticmethod
    def create_id(ids: Ids, ae_title: str, day: str) -> UUID:
        """One per AE title and day (``YYYY-MM-DD``, UTC)."""
        return ids.of("refused caller", day, ae_title)

    @event(CallerRefused)
    def __init__(self, id: UUID, ae_title: str, called: str, address: str, day: str) -> None:
        pass
