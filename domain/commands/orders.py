"""Commands on exam orders: place, present, schedule, perform, result, cancel."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from domain import pregnancy
from domain.aggregates.establishment import Establishment
from domain.aggregates.identity import Identity
from domain.aggregates.order import Order
from domain.aggregates.professional import Professional
from domain.commands.directory import professional_of, site_of
from domain.errors import BadAccession, BadOrder, OrdererSuspended, OrderKnown
from domain.ids import Ids
from domain.order_words import Urgency
from domain.texts import ACCESSION, is_accession
from domain.times import micros
from domain.work import Work


def zoned(at: datetime) -> int:
    """A time with a zone as microseconds since 1970, UTC. Raises BadOrder (O1)."""
    if at.tzinfo is None:
        raise BadOrder("a time was given without its zone: write it as 2026-01-31T14:30:00Z")
    return micros(at)


def accession_of(text: str) -> str:
    """An accession number as typed, trimmed. Raises BadAccession (O9)."""
    if not is_accession(bare := text.strip()):
        raise BadAccession(
            f"an accession number has 1 to {ACCESSION} characters, none of them a control character: "
            "give the one that the exam is known by"
        )
    return bare


@dataclass(frozen=True, kw_only=True)
class PlaceOrder:
    """Place an order for an exam. Without the site's own placer number it gets a generated one.

    ``ordered_by``: RPPS number; ``modality``: DICOM modality; ``act``: CCAM code of the act, if chosen; ``question``:
    what the clinician wants to know; ``wanted_by``: the latest useful time, with its zone; ``pregnancy``: one of
    ``pregnancy.SAID``, None: nothing is said of it.
    """

    identity: UUID
    site: str
    ordered_by: str
    modality: str
    question: str
    urgency: str = Urgency.ROUTINE
    act: str | None = None
    accession: str | None = None
    wanted_by: datetime | None = None
    pregnancy: str | None = None
    placer_number: str = field(default_factory=lambda: str(uuid4()))

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """See ``domain.ledger.Foreseen``."""
        site, orderer = Establishment.create_id(self.site), Professional.create_id(ids, self.ordered_by)
        return site, orderer, self.identity, Order.create_id(ids, self.site, self.placer_number)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises O1 to O3, BadAccession (O9), UnknownSite (S1), Erased (I7), NotFound."""
        site = site_of(work, self.site).code
        if professional_of(work, self.ordered_by).suspended:
            raise OrdererSuspended(f"professional {self.ordered_by} is suspended and orders no exam")
        work.get(Identity, self.identity).refuse_if_erased()
        order_id = Order.create_id(work.ids, site, self.placer_number)
        if known := work.find(Order, order_id):
            raise OrderKnown(f"{site} placed that number already, as order {known.id}: give the new order its own")
        new = work.add(self._order(order_id, site))
        return {"order": str(new.id), "placer_number": self.placer_number}

    def _order(self, order_id: UUID, site: str) -> Order:
        modality, act = self.modality.strip().upper(), (self.act or "").strip().upper() or None
        if not re.fullmatch(r"[A-Z0-9]{2,16}", modality):
            raise BadOrder("an order names the modality wanted, such as CT or MR")
        if act and not re.fullmatch(r"[A-Z]{4}[0-9]{3}(?:[-.][0-9]{1,2}){0,2}", act):
            raise BadOrder("the act is not a CCAM code: write it as ZBQH001, or say in the question what is wanted")
        if not re.fullmatch(r"[!-~]{1,64}", self.placer_number):
            raise BadOrder("the order's number has 1 to 64 printable characters, and no space: give the site's own")
        if self.urgency not in tuple(Urgency):
            raise BadOrder(f"urgency is one of {', '.join(Urgency)}")
        if self.pregnancy not in (None, *pregnancy.SAID):
            raise BadOrder(f"what an order says of a pregnancy is one of {', '.join(pregnancy.SAID)}, or nothing")
        wanted_by = zoned(self.wanted_by) if self.wanted_by else None
        return Order(
            id=order_id,
            identity_id=self.identity,
            site=site,
            placer_number=self.placer_number,
            ordered_by=self.ordered_by,
            modality=modality,
            act=act,
            question=self.question,
            urgency=str(self.urgency),
            accession=accession_of(self.accession) if self.accession else None,
            wanted_by=wanted_by,
            pregnancy=self.pregnancy,
        )


@dataclass(frozen=True, kw_only=True)
class PresentOrder:
    """Present the order at a site that may make the exam."""

    order: UUID
    site: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownSite (S1), OrderUnchanged (O5), OrderCancelled (O6), OrderPerformed (O7), NotFound."""
        order = work.get(Order, self.order)
        order.present(site=site_of(work, self.site).code)
        return {"order": str(self.order)}


@dataclass(frozen=True, kw_only=True)
class ScheduleOrder:
    """Schedule the exam. ``ae_title``: the device that is to make it, if chosen."""

    order: UUID
    site: str
    at: datetime
    accession: str
    ae_title: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownSite (S1), BadOrder (O1), OrderElsewhere (O4), OrderUnchanged (O5), O6, O7, O9, NotFound."""
        order = work.get(Order, self.order)
        site = site_of(work, self.site).code
        if not self.accession.strip():
            raise BadOrder("an appointment has an accession number, by which its study is known")
        accession = accession_of(self.accession)
        order.schedule(site=site, at=zoned(self.at), accession=accession, ae_title=self.ae_title)
        if work.get(Identity, order.identity_id).erased:  # their orders go on; no answer says a number any more
            return {"order": str(self.order)}
        return {"order": str(self.order), "accession": accession}


@dataclass(frozen=True, kw_only=True)
class PerformOrder:
    """State that the exam was made. ``study``: the ledger's study, if its images have arrived."""

    order: UUID
    study_uid: str
    study: UUID | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises OrderUnchanged (O5), OrderCancelled (O6), NotFound."""
        work.get(Order, self.order).perform(study_uid=self.study_uid, study_id=self.study)
        return {"order": str(self.order)}


@dataclass(frozen=True, kw_only=True)
class ResultOrder:
    """State that the exam was reported."""

    order: UUID
    report_uid: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises OrderUnchanged (O5), OrderCancelled (O6), OrderNotPerformed (O8), NotFound."""
        work.get(Order, self.order).result(report_uid=self.report_uid)
        return {"order": str(self.order)}


@dataclass(frozen=True, kw_only=True)
class CancelOrder:
    """Cancel the order."""

    order: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises OrderCancelled (O6), OrderPerformed (O7), NotFound."""
        work.get(Order, self.order).cancel(reason=self.reason)
        return {"order": str(self.order)}


@dataclass(frozen=True, kw_only=True)
class ExpireOrder:
    """The order ran out, and no exam was made."""

    order: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises OrderStillWanted, OrderOver (O10), OrderCancelled (O6), OrderPerformed (O7), NotFound."""
        work.get(Order, self.order).expire(now=micros(work.now))
        return {"order": str(self.order)}
