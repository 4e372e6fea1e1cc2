"""Decides who may associate, and how many at once: in all, of one AE title, and from one address.

So nobody takes all slots. Source: PS3.8 9.3.4 and table 9-21 (reasons of a rejection).
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Lock
from typing import Final

from adapters.dicom.network.agreed import Agreed
from adapters.dicom.network.contexts import agreed_roles, negotiate
from adapters.dicom.network.pdu import APPLICATION, Rejection
from adapters.dicom.network.request import Request

log = logging.getLogger(__name__)

SiteOf = Callable[[str], str | None]
"""AE title to the code of its enrolled establishment; raises where that cannot be told now."""

NO_SUCH_PROTOCOL: Final = Rejection(1, 2, 2)
NO_SUCH_APPLICATION: Final = Rejection(1, 1, 2)
CALLING_NOT_RECOGNIZED: Final = Rejection(1, 1, 3)
CALLED_NOT_RECOGNIZED: Final = Rejection(1, 1, 7)
CANNOT_TELL_NOW: Final = Rejection(2, 3, 1)
LOCAL_LIMIT: Final = Rejection(2, 3, 2)
WHY: Final = {
    NO_SUCH_PROTOCOL: "it speaks another protocol version",
    NO_SUCH_APPLICATION: "it asks for another application context",
    CALLING_NOT_RECOGNIZED: "it is not enrolled, or its certificate names another",
    CALLED_NOT_RECOGNIZED: "it calls another AE title",
    CANNOT_TELL_NOW: "the directory cannot be asked now; it may try again",
    LOCAL_LIMIT: "all its slots are taken; it may try again",
}


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Associations at once."""

    in_all: int = 100
    of_an_ae_title: int = 40
    from_an_address: int = 60


class Admission:
    """``site_of``: asked once per association; ``offers``: classes of ``contexts.SERVES``. Thread-safe."""

    def __init__(self, ae_title: str, site_of: SiteOf, slots: Slots, offers: Collection[str] = ()) -> None:
        self._ae_title, self._site_of, self._slots, self._offers = ae_title, site_of, slots, offers
        self._lock = Lock()
        self._of: Counter[str] = Counter()
        self._from: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many associations are open."""
        return self._of.total()

    def decide(self, request: Request, address: str, names: Collection[str] | None = None) -> Agreed | Rejection:
        """Take a slot for the caller, until ``leave``, or say why not. ``names``: in the certificate of the caller,
        where one is asked for: its AE title is one of them.
        """
        if not request.protocol & 1:
            return NO_SUCH_PROTOCOL
        if request.application != APPLICATION:
            return NO_SUCH_APPLICATION
        if request.called != self._ae_title:
            return CALLED_NOT_RECOGNIZED
        try:
            site = self._site_of(request.calling)
        except Exception as failed:  # nobody is let in unchecked
            log.error("the directory cannot be asked about %r (%s)", request.calling, type(failed).__name__)
            return CANNOT_TELL_NOW
        if site is None or (names is not None and request.calling not in names):
            return CALLING_NOT_RECOGNIZED
        agreed = Agreed(
            calling=request.calling,
            called=request.called,
            address=address,
            site=site,
            contexts=tuple(negotiate(one, request.roles, self._offers) for one in request.contexts),
            max_pdu=request.max_pdu,
            roles=agreed_roles(request.roles, self._offers),
        )
        return agreed if self._enter(agreed) else LOCAL_LIMIT

    def _enter(self, agreed: Agreed) -> bool:
        with self._lock:
            full = (
                self._of.total() >= self._slots.in_all
                or self._of[agreed.calling] >= self._slots.of_an_ae_title
                or self._from[agreed.address] >= self._slots.from_an_address
            )
            if not full:
                self._of[agreed.calling] += 1
                self._from[agreed.address] += 1
            return not full

    def leave(self, agreed: Agreed) -> None:
        """The association has ended."""
        with self._lock:
            for counter, key in ((self._of, agreed.calling), (self._from, agreed.address)):
                counter[key] -= 1
                if counter[key] <= 0:
                    del counter[key]
