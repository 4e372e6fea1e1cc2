"""Levels of a query or retrieval and their unique keys, for patient root and study root. Source: PS3.4 C.6.1, C.6.2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from adapters.dicom.network.contexts import PATIENT_ROOT
from adapters.dicom.refusal import Unreadable
from adapters.retrieval.identifier import one, uids

LEVEL: Final = "00080052"
PATIENT_ID, ISSUER = "00100020", "00100021"
STUDY_UID, SERIES_UID, SOP_UID = "0020000D", "0020000E", "00080018"
MOST: Final = 10_000
"""UIDs of one list."""


class Level(StrEnum):
    """As Query/Retrieve Level (0008,0052) has it."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


UNIQUE: Final = {Level.STUDY: STUDY_UID, Level.SERIES: SERIES_UID, Level.IMAGE: SOP_UID}
"""The unique key of a level, below the patient's."""


class WrongIdentifier(Unreadable):
    """An identifier that the model does not know; the message says what is missing, and holds no value."""


def level_of(attributes: Mapping[str, Any], sop_class: str) -> Level:
    """Raises WrongIdentifier."""
    try:
        level = Level(one(attributes, LEVEL).upper())
    except ValueError:
        raise WrongIdentifier("QueryRetrieveLevel is PATIENT, STUDY, SERIES or IMAGE") from None
    if level is Level.PATIENT and not sop_class.startswith(PATIENT_ROOT):
        raise WrongIdentifier("the study root has no level PATIENT")
    return level


@dataclass(frozen=True)
class Wanted:
    """What a retrieval asks for. ``series``, ``instances``: none, where all of what is above them is wanted."""

    level: Level
    patient: tuple[str, str] | None
    """The number, and who gave it out, empty where that is not said; None: the study root."""
    studies: tuple[str, ...]
    series: frozenset[str] = field(default_factory=frozenset)
    instances: frozenset[str] = field(default_factory=frozenset)


def wanted(attributes: Mapping[str, Any], sop_class: str) -> Wanted:
    """What a C-MOVE or C-GET asks for: each unique key down to its level, lists in that of the level alone.

    Raises WrongIdentifier.
    """
    level = level_of(attributes, sop_class)
    patient = None
    if sop_class.startswith(PATIENT_ROOT):
        patient = one(attributes, PATIENT_ID), one(attributes, ISSUER)
        if not patient[0] or set(patient[0]) & set("*?\\"):
            raise WrongIdentifier("PatientID is one number")
    found = {each: tuple(uids(attributes, tag)) for each, tag in UNIQUE.items() if not _is_above(level, each)}
    for each, given in found.items():
        if not given or len(given) > (MOST if each is level else 1):
            raise WrongIdentifier(f"the unique key of level {each} is one UID, at the level itself a list")
    return Wanted(
        level,
        patient,
        found.get(Level.STUDY, ()),
        frozenset(found.get(Level.SERIES, ())),
        frozenset(found.get(Level.IMAGE, ())),
    )


def _is_above(level: Level, other: Level) -> bool:
    """Whether a retrieval at the first level needs no key of the other."""
    order = list(Level)
    return order.index(level) < order.index(other)
