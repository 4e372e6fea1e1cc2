"""Tells whether an event's id was made with a region's secret: of those events whose names stand beside it in clear."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from domain.aggregates.consent import Consent
from domain.aggregates.dose import Dose
from domain.aggregates.link import Link
from domain.aggregates.professional import Professional
from domain.aggregates.reading import Reading
from domain.aggregates.study import Study
from domain.ids import Ids

Names = Mapping[str, Any]

NAMED: Final[Mapping[str, Callable[[Ids, Names], UUID]]] = {
    "consent.opened": lambda ids, told: Consent.create_id(ids, told["identity_id"]),
    "dose.opened": lambda ids, told: Dose.create_id(ids, told["study_id"]),
    "link.proposed": lambda ids, told: Link.create_id(ids, told["low"], told["high"]),
    "professional.registered": lambda ids, told: Professional.create_id(ids, told["rpps"]),
    "reading.requested": lambda ids, told: Reading.create_id(ids, told["study_id"], told["to_site"], told["ordinal"]),
    "study.arrived": lambda ids, told: Study.create_id(ids, told["identity_id"], told["study_uid"]),
}


def foreign(ids: Ids, event_type: str, aggregate_id: str, data: Names) -> bool:
    """Whether the id was made with another secret; False also where the event does not tell."""
    made = NAMED.get(event_type)
    return made is not None and str(made(ids, data)) != aggregate_id
