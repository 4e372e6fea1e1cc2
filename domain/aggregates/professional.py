"""The Professional aggregate: a health professional by RPPS number, and the establishments they work for.

Their id is made from the RPPS number.

P1  An RPPS number has 11 digits, the last of which is the check digit (Luhn); there is a name and a profession.
P2  An RPPS number is registered once.
P3  A professional is affiliated once to each establishment, and to enrolled ones only (S1).
P4  A professional is suspended once, with a reason; a suspended one opens no access (X4).
Name and profession are public registry data (Annuaire Santé) and stay in clear; why one is suspended is sealed.
"""

import re
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.check_digit import fits
from domain.errors import AlreadyAffiliated, BadProfessional, SuspensionRefused
from domain.ids import Ids


class Professional(Aggregate):
    """Keeps the number, the affiliations, and whether suspended."""

    TOPIC = "professional"

    class Created(Aggregate.Created):
        TOPIC = "professional.created"

    class Registered(Created):
        TOPIC = "professional.registered"
        rpps: str
        name: str
        profession: str

    class Affiliated(Aggregate.Event):
        TOPIC = "professional.affiliated"
        rpps: str
        site: str

    class Suspended(Aggregate.Event):
        TOPIC = "professional.suspended"
        rpps: str
        reason: str

    @classmethod
    def register(cls, ids: Ids, *, rpps: str, name: str, profession: str) -> "Professional":
        """A new professional, checked. Raises BadProfessional (P1)."""
        if not re.fullmatch(r"[0-9]{11}", rpps):
            raise BadProfessional("an RPPS number has 11 digits: check what was typed")
        if not fits(rpps):
            raise BadProfessional(
                "the last digit of an RPPS number is a check digit, and this one does not fit the ten before it: "
                "a digit was mistyped or two were swapped, compare it with the card"
            )
        if not name.strip() or not profession.strip():
            raise BadProfessional(f"professional {rpps} needs a name and a profession: give both")
        return cls(cls.create_id(ids, rpps), rpps, name.strip(), profession.strip())

    @staticmethod
    def create_id(ids: Ids, rpps: str) -> UUID:
        """The professional's id: the same number always has the same one."""
        return ids.of("professional", rpps)

    @event(Registered)
    def __init__(self, id: UUID, rpps: str, name: str, profession: str) -> None:
        self.rpps = rpps
        self.sites: set[str] = set()
        self.suspended = False

    def affiliate(self, *, site: str) -> None:
        """Affiliate the professional to an enrolled establishment. Raises AlreadyAffiliated (P3)."""
        if site in self.sites:
            raise AlreadyAffiliated(f"professional {self.rpps} is affiliated to {site} already: nothing to do")
        self._affiliated(self.rpps, site)

    @event(Affiliated)
    def _affiliated(self, rpps: str, site: str) -> None:
        self.sites.add(site)

    def suspend(self, *, reason: str) -> None:
        """Bar the professional from opening accesses. Raises SuspensionRefused (P4)."""
        if self.suspended:
            raise SuspensionRefused(f"professional {self.rpps} is suspended already: nothing to do")
        if not reason.strip():
            raise SuspensionRefused(f"professional {self.rpps} is not suspended without a reason: give one")
        self._suspended(self.rpps, reason.strip())

    @event(Suspended)
    def _suspended(self, rpps: str, reason: str) -> None:
        self.suspended = True
