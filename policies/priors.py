"""The priors policy: before an appointment, studies of other establishments are sent to the one that makes the exam.

The lookup ``priors`` asks whether that establishment has activated the service ``priors``. Only then it becomes the
lookup ``send_priors``, which the DICOM service makes, where the images are (``krypton.services.priors``). An
appointment that was moved or cancelled meanwhile leads to nothing; the new one has an entry of its own.
"""

from collections.abc import Iterable
from typing import Final

from domain.order_terms import DAY
from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent

ASK: Final = "priors"
SEND: Final = "send_priors"
SERVICE: Final = "priors"
"""What an establishment activates: ``krypton site service CODE --name priors``."""


class Priors(Policy):
    """See the module."""

    name = "priors"
    version = 1
    topics: tuple[str, ...] = ("krypton.orders",)

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        if event.type != "order.scheduled":
            return ()
        body = {"order": event.aggregate_id, "site": event.data["site"], "at": event.data["at"]}
        return (Due(Kind.LOOKUP, ASK, body, event.data["at"] - DAY),)
