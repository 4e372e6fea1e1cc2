"""The Order aggregate: an exam requested by a professional, from order to result.

Its id is made from the site and its number.

O1  An order names a modality and one of the urgencies ROUTINE, URGENT, STAT; its times carry a zone. What is not sealed
    of it is a code: a modality of 2 to 16 capitals and digits, a CCAM act, a number of 1 to 64 characters and no space.
    What it says of a pregnancy, where it does, is yes, possible, no or unknown (``domain.pregnancy``); that is sealed.
O2  It is ordered by a registered professional who is not suspended, at an enrolled establishment (S1).
O3  A site places an order under one placer number once.
O4  It is scheduled at the site that placed it, or where it was presented.
O5  A step changes something: no site twice, no appointment, study or report twice.
O6  Nothing follows a cancelled order, and it is cancelled once.
O7  Once the exam was made, the order is not presented, scheduled or cancelled any more.
O8  A result needs an exam: no report before a study. More studies and reports may follow.
O9  An accession number has 1 to 64 characters, none of them a control character.
O10 An order without an exam runs out a year after it was placed; where the exam is wanted later, or has an appointment
    later, a month after that. It is not presented, scheduled or cancelled any more. An exam that is made all the same
    is a fact, and is noted. No French law sets a term for imaging; health insurance and radiology hold to a year.
O11 An order that was placed for the wrong one of two people is reassigned, whatever became of it. Its words are sealed
    again, for whom it is now, and its term stays. What its exam made says itself whose it is.
No step but the exam is needed before the next: in an emergency nobody presents or schedules, yet the exam is made.
Source: HL7 v2.5 chapter 4 (ORM, OMI); IHE RAD scheduled workflow; DICOM PS3.3 C.4.11 (requested procedure priority).
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import (
    OrderCancelled,
    OrderElsewhere,
    OrderNotPerformed,
    OrderOver,
    OrderPerformed,
    OrderStillWanted,
    OrderUnchanged,
)
from domain.ids import Ids
from domain.order_terms import runs_out
from domain.order_words import Words
from domain.times import micros


class Order(Aggregate):
    """Keeps whose it is, where it may be scheduled, its appointment, studies and reports, what is sealed, its end."""

    TOPIC = "order"

    class Created(Aggregate.Created):
        TOPIC = "order.created"

    class Placed(Created):
        TOPIC = "order.placed"
        identity_id: UUID
        site: str
        placer_number: str
        ordered_by: str
        modality: str
        act: str | None
        question: str
        urgency: str
        accession: str | None
        wanted_by: int | None
        pregnancy: str | None

    class Presented(Aggregate.Event):
        TOPIC = "order.presented"
        identity_id: UUID
        site: str

    class Scheduled(Aggregate.Event):
        TOPIC = "order.scheduled"
        identity_id: UUID
        site: str
        at: int
        accession: str
        ae_title: str | None

    class Performed(Aggregate.Event):
        TOPIC = "order.performed"
        identity_id: UUID
        study_uid: str
        study_id: UUID | None

    class Resulted(Aggregate.Event):
        TOPIC = "order.resulted"
        identity_id: UUID
        report_uid: str

    class Cancelled(Aggregate.Event):
        TOPIC = "order.cancelled"
        identity_id: UUID
        reason: str

    class Expired(Aggregate.Event):
        TOPIC = "order.expired"
        identity_id: UUID

    class Reassigned(Aggregate.Event):
        TOPIC = "order.reassigned"
        identity_id: UUID
        to_identity_id: UUID
        placer_number: str
        act: str | None
        question: str
        accession: str | None
        ae_title: str | None
        cancel_reason: str | None
        pregnancy: str | None
        reason: str

        def mutate(self, aggregate: Any) -> Any:
            """It is no step of the exam: when the last one was stays."""
            last = aggregate.modified_on
            super().mutate(aggregate)
            aggregate.modified_on = last
            return aggregate

    @staticmethod
    def create_id(ids: Ids, site: str, placer_number: str) -> UUID:
        """The order's id: the same number of the same site always has the same one (O3)."""
        return ids.of("order", site, placer_number)

    @event(Placed)
    def __init__(
        self,
        id: UUID,
        identity_id: UUID,
        site: str,
        placer_number: str,
        ordered_by: str,
        modality: str,
        act: str | None,
        question: str,
        urgency: str,
        accession: str | None,
        wanted_by: int | None,
        pregnancy: str | None,
    ) -> None:
        self.identity_id = identity_id
        self.words = Words(placer_number, act, question, accession, pregnancy=pregnancy)
        self.numbers = {number for number in (placer_number, accession) if number}
        self.sites = {site}
        self.appointment: tuple[str, int] | None = None
        self.studies: set[str] = set()
        self.reports: set[str] = set()
        self.wanted_by = wanted_by
        self.cancelled = False
        self.expired = False

    def present(self, *, site: str) -> None:
        """Present the order at a site, which may then schedule it. Raises OrderUnchanged (O5), O6, O7."""
        self._refuse_if_closed()
        if site in self.sites:
            raise OrderUnchanged(f"order {self.id} is known to {site} already: nothing to do")
        self._presented(self.identity_id, site)

    @event(Presented)
    def _presented(self, identity_id: UUID, site: str) -> None:
        self.sites.add(site)

    def schedule(self, *, site: str, at: int, accession: str, ae_title: str | None) -> None:
        """Give an appointment, or another one; ``at`` in microseconds since 1970, UTC.

        Raises OrderElsewhere (O4), OrderUnchanged (O5), OrderCancelled (O6), OrderPerformed (O7).
        """
        self._refuse_if_closed()
        if site not in self.sites:
            raise OrderElsewhere(f"order {self.id} was not presented at {site}: present it there, then schedule it")
        said = self.words.accession, self.words.ae_title
        if (self.appointment, said) == ((site, at), (accession, ae_title)):
            raise OrderUnchanged(f"order {self.id} has that appointment already: nothing to do")
        self._scheduled(self.identity_id, site, at, accession, ae_title)

    @event(Scheduled)
    def _scheduled(self, identity_id: UUID, site: str, at: int, accession: str, ae_title: str | None) -> None:
        self.appointment = (site, at)
        self.numbers |= {accession}
        self.words = self.words._replace(accession=accession, ae_title=ae_title)

    def perform(self, *, study_uid: str, study_id: UUID | None) -> None:
        """State that the exam was made. Raises OrderUnchanged (O5), OrderCancelled (O6)."""
        self._refuse_if_cancelled()
        if study_uid in self.studies:
            raise OrderUnchanged(f"order {self.id} has study {study_uid} already: nothing to do")
        self._performed(self.identity_id, study_uid, study_id)

    @event(Performed)
    def _performed(self, identity_id: UUID, study_uid: str, study_id: UUID | None) -> None:
        self.studies.add(study_uid)

    def result(self, *, report_uid: str) -> None:
        """Add a report. Raises OrderCancelled (O6), OrderNotPerformed (O8), OrderUnchanged (O5)."""
        self._refuse_if_cancelled()
        if not self.studies:
            raise OrderNotPerformed(f"order {self.id} has no exam yet: state which study was made, then its report")
        if report_uid in self.reports:
            raise OrderUnchanged(f"order {self.id} has report {report_uid} already: nothing to do")
        self._resulted(self.identity_id, report_uid)

    @event(Resulted)
    def _resulted(self, identity_id: UUID, report_uid: str) -> None:
        self.reports.add(report_uid)

    def cancel(self, *, reason: str) -> None:
        """Cancel the order. Raises OrderCancelled (O6), OrderPerformed (O7)."""
        self._refuse_if_closed()
        self._cancelled(self.identity_id, reason)

    @event(Cancelled)
    def _cancelled(self, identity_id: UUID, reason: str) -> None:
        self.cancelled = True
        self.words = self.words._replace(cancel_reason=reason)

    def expire(self, *, now: int) -> None:
        """Note that nobody made the exam in time. Raises OrderStillWanted, OrderOver (O10), O6, O7."""
        self._refuse_if_closed()
        appointment = self.appointment[1] if self.appointment else None
        if now < (end := runs_out(micros(self.created_on), self.wanted_by, appointment)):
            raise OrderStillWanted(f"order {self.id} has not run out: its exam may still be made", not_before=end)
        self._expired(self.identity_id)

    @event(Expired)
    def _expired(self, identity_id: UUID) -> None:
        self.expired = True

    def reassign(self, *, to_identity_id: UUID, reason: str) -> None:
        """State that the order is another identity's, whatever became of it (O11)."""
        self._reassigned(self.identity_id, to_identity_id, *self.words, reason)

    @event(Reassigned)
    def _reassigned(
        self,
        identity_id: UUID,
        to_identity_id: UUID,
        placer_number: str,
        act: str | None,
        question: str,
        accession: str | None,
        ae_title: str | None,
        cancel_reason: str | None,
        pregnancy: str | None,
        reason: str,
    ) -> None:
        self.identity_id = to_identity_id
        self.words = Words(placer_number, act, question, accession, ae_title, cancel_reason, pregnancy)
        self.numbers |= {number for number in (placer_number, accession) if number}

    def is_open_at(self, site: str) -> bool:
        """Whether an establishment that has to do with it may still look at what was made before (X20)."""
        return site in self.sites and not (self.reports or self.cancelled or self.expired)

    def is_placed_by(self, ids: Ids, sites: Iterable[str]) -> bool:
        """Whether one of these establishments placed it."""
        return any(Order.create_id(ids, site, self.words.placer_number) == self.id for site in sites)

    def _refuse_if_cancelled(self) -> None:
        if self.cancelled:
            raise OrderCancelled(f"order {self.id} was cancelled: place a new one")

    def _refuse_if_closed(self) -> None:
        self._refuse_if_cancelled()
        if self.studies:
            raise OrderPerformed(f"order {self.id} was performed: its exam stands, place a new order for another")
        if self.expired:
            raise OrderOver(f"order {self.id} ran out before an exam was made: place a new one")
