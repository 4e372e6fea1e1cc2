"""What an order says: how soon the exam is wanted, and what is sealed of it."""

from enum import StrEnum
from typing import NamedTuple


class Urgency(StrEnum):
    """How soon the exam is wanted."""

    ROUTINE = "ROUTINE"
    URGENT = "URGENT"
    STAT = "STAT"


class Words(NamedTuple):
    """What is sealed of an order; it is sealed again where the order is reassigned."""

    placer_number: str
    act: str | None
    question: str
    accession: str | None
    ae_title: str | None = None
    cancel_reason: str | None = None
    pregnancy: str | None = None
