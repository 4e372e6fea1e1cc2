"""Reads a structured dose report into exposures and the report's own totals.

Each template has a module of its own: CT, projection with fluoroscopy and mammography, cone beams,
radiopharmaceuticals, enhanced reports, patient doses, vendors' summaries. They arrive as X-Ray, Enhanced X-Ray,
Radiopharmaceutical or Patient Radiation Dose SR and, from older scanners, as Enhanced or Comprehensive SR. Pure: a tree
in, values out, no I/O.

One bad item never loses the report: it is kept as encoded and named in ``not_understood``. The report's totals are read
separately from the events and never corrected from them: devices round, and use zero, differently in the two places.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from pydicom import uid as uids

from adapters.dicom.rdsr import ct, enhanced, header, projection, radiopharmaceutical, vendor
from adapters.dicom.rdsr.event import Template, read_event
from adapters.dicom.rdsr.exposure import CT, Exposure, derived
from adapters.dicom.rdsr.misplaced import misplaced
from adapters.dicom.rdsr.modality import modality_of
from adapters.dicom.rdsr.qa import is_qa
from adapters.dicom.rdsr.statements import joined
from adapters.dicom.rdsr.totals import accumulated, totals
from adapters.dicom.rdsr.tree import MEASURED, Content, Item, Tree
from adapters.dicom.values import iso

__all__ = ["DoseReport", "Exposure", "NoDoseContent", "holds_dose", "read_dose_report", "states_numbers"]

STRUCTURED: Final = "1.2.840.10008.5.1.4.1.1.88."  # PS3.4 B.5: all SR document classes

# By its class a dose report, whatever is in it.
DOSE_CLASSES: Final = frozenset(
    {
        uids.XRayRadiationDoseSRStorage,
        uids.EnhancedXRayRadiationDoseSRStorage,
        uids.RadiopharmaceuticalRadiationDoseSRStorage,
        uids.PatientRadiationDoseSRStorage,
    }
)
# Dose reports when they hold an event or accumulated dose, or when their title says so.
_GENERAL_CLASSES: Final = frozenset(
    {uids.EnhancedSRStorage, uids.ComprehensiveSRStorage, uids.Comprehensive3DSRStorage}
)
_TITLE: Final = re.compile(
    r"(?<![a-z])(?:dos(?:e|es|is|im\w+)(?![a-z])|(?:ir)?radiation (?:summary|report|exposure))"
    r"|(?<![a-z])dosis(?:bericht|protokoll|report|dokumentation|übersicht)|(?:strahlen|röntgen|patienten|organ)dosis"
    r"|strahlenexposition",
    re.IGNORECASE,
)
_TITLES: Final = ("99SMS_RADSUM:", "DCM:113701", "DCM:113500", "DCM:128401")  # beginnings of codes that say so
EVENTS: Final[Mapping[str, Template]] = {
    "ct_acquisition": ct.TEMPLATE,
    "event": projection.TEMPLATE,
    "administration": radiopharmaceutical.TEMPLATE,
    "event_summary": enhanced.TEMPLATE,
}
"""The containers that are irradiation events, and the template that reads them."""
_MOST_DIGITS: Final = 9  # of a number of events; Python makes no number of more than 4,300


class NoDoseContent(Exception):
    """The object holds neither an irradiation event nor accumulated dose. The message names no person."""


@dataclass(frozen=True, kw_only=True)
class DoseReport:
    """What one report states. Times are local as encoded, in ISO 8601; None is not known, never zero.

    ``report_totals`` are the report's own, summed over the planes it lists (TID 10002); a total of which one
    plane is not known is None. ``agd_mgy`` sums the breasts, which are also given apart: an organ dose is
    ``agd_left_mgy`` or ``agd_right_mgy``, and of an estimate ``organ_mgy:`` and its code. ``raw_totals`` holds them as
    encoded, planes and breasts joined with " + ". ``events_declared`` is the number of events that a CT report says it
    holds. ``said``, ``warnings``, ``tolerances``: as ``ReceivedDose`` has them.
    """

    sop_uid: str
    study_uid: str
    sop_class: str
    content_at: str | None
    irradiation_started_at: str | None
    modality: str
    manufacturer: str | None
    model: str | None
    station: str | None
    device_serial: str | None
    device_uid: str | None
    exposures: tuple[Exposure, ...]
    events_declared: int | None
    report_totals: Mapping[str, float | None]
    raw_totals: Mapping[str, str]
    qa: bool
    not_understood: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    tolerances: Mapping[str, int] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)


def holds_dose(tree: Tree) -> bool:
    """Whether the object is a dose report, by its SOP class, its title or its content; an image never is."""
    sop_class = header.encoded(tree, "SOPClassUID")
    if sop_class in DOSE_CLASSES or is_called_dose(tree):
        return True
    return sop_class in _GENERAL_CLASSES and any(map(_is_dose, tree.items))


def is_called_dose(tree: Tree) -> bool:
    """Whether a structured report's title says that it is of dose."""
    if not header.encoded(tree, "SOPClassUID").startswith(STRUCTURED):
        return False
    title = tree.code(tree.top.get(header.TITLE))
    return bool(title.key.startswith(_TITLES) or _TITLE.search(title.meaning or ""))


def states_numbers(tree: Tree) -> bool:
    """Whether the report holds any measured value, understood or not."""
    return any(MEASURED in item.places for item in tree.items)


def read_dose_report(tree: Tree) -> DoseReport:
    """The report in ``tree``. Raises NoDoseContent if it has no dose content.

    Nothing else in a device's report makes it fail.
    """
    sop_uid, notes = header.encoded(tree, "SOPInstanceUID"), list[str]()
    if not any(map(_is_dose, tree.items)):
        raise NoDoseContent(f"{sop_uid or 'the object'} holds no irradiation event: there is no dose to record from it")
    content = Content(tree.items)
    events = [item for item in tree.items if item.concept in EVENTS]
    modality = modality_of(tree, content, {EVENTS[event.concept].kind for event in events})
    exposures = _exposures(tree, events, modality, notes)
    if exposures and all(exposure.kind == CT for exposure in exposures):
        modality = "CT"
    found, raw = totals(tree, content, notes)
    declared = _declared(content, len(events), notes)
    notes += [
        *misplaced(tree, EVENTS),
        *vendor.unknown_doses(tree),
    ]  # before the warnings: what it looks at may be damaged
    text = header.text
    return DoseReport(
        sop_uid=sop_uid,
        study_uid=header.encoded(tree, "StudyInstanceUID"),
        sop_class=header.encoded(tree, "SOPClassUID"),
        content_at=iso(header.encoded(tree, "ContentDate") + header.encoded(tree, "ContentTime")),
        irradiation_started_at=iso(content.date_time("irradiation_started")),
        modality=modality,
        manufacturer=text(tree, "Manufacturer") or content.meaning("device_manufacturer"),
        model=text(tree, "ManufacturerModelName") or content.meaning("device_model"),
        station=text(tree, "StationName") or content.meaning("device_name"),
        device_serial=text(tree, "DeviceSerialNumber") or content.meaning("device_serial"),
        device_uid=content.uid("device_uid"),
        exposures=exposures,
        events_declared=declared,
        report_totals=found,
        raw_totals=raw,
        qa=is_qa(
            partial(header.text, tree),
            (exposure.protocol for exposure in exposures),
            (exposure.target_region_code for exposure in exposures),
        ),
        warnings=_warnings(tree, exposures, declared, len(events)),
        not_understood=(*notes, *_damage(tree)),
        tolerances={name: times for name, times in sorted(tree.tolerated.items()) if times},
        said=header.said(tree, content),
    )


def _is_dose(item: Item) -> bool:
    return item.concept in EVENTS or accumulated(item)


def _exposures(tree: Tree, events: list[Item], modality: str, notes: list[str]) -> tuple[Exposure, ...]:
    """One exposure per event UID, in document order. One that cannot be read is noted, the others stay."""
    sop_uid, study_uid = header.encoded(tree, "SOPInstanceUID"), header.encoded(tree, "StudyInstanceUID")
    device = header.text(tree, "DeviceSerialNumber") or header.text(tree, "StationName")
    zone, found, alike = header.zone(tree), dict[str, list[Exposure]](), Counter[str]()

    def derive(own: str) -> str:
        """The same event's UID in each report of the study; what says nothing of itself is of this report alone."""
        alike[own] += 1
        return derived(study_uid, device, own, alike[own]) if own else derived(sop_uid, alike[own])

    for index, event in enumerate(events):
        template = EVENTS[event.concept]
        others = EVENTS if any(other.index < event.end for other in events[index + 1 : index + 2]) else ()
        try:
            exposure = read_event(
                tree, event, template, modality=modality, study_uid=study_uid, zone=zone, derive=derive, others=others
            )
        except Exception as broken:  # the rule: one bad event never loses the report
            notes.append(f"event {index + 1}: could not be read ({type(broken).__name__})")
            continue
        found.setdefault(exposure.irradiation_event_uid, []).append(exposure)
    return tuple(map(joined, found.values()))


def _declared(content: Content, found: int, notes: list[str]) -> int | None:
    """How many events a CT report says it holds (TID 10012). Fewer read than declared is worth a look."""
    stated = [number.text for item in content.all("events_declared") if (number := item.number()).text.isdecimal()]
    texts = [text for text in stated if len(text) <= _MOST_DIGITS]
    if len(texts) < len(stated):
        notes.append(f"events: the report declares a number of more than {_MOST_DIGITS} digits, which was not read")
    if not texts:
        return None
    declared = sum(int(text) for text in texts)
    if declared != found:
        notes.append(f"events: the report declares {declared}, {found} were found")
    return declared


def _damage(tree: Tree) -> list[str]:
    times = tree.elements.damage
    return [f"content: damaged at {times} places, what stood there was not read"] if times else []


def _warnings(tree: Tree, exposures: tuple[Exposure, ...], declared: int | None, found: int) -> tuple[str, ...]:
    """Codes of what somebody is to look at, without words."""
    told = [code for exposure in exposures for code in exposure.warnings]
    told += ["damaged"] if tree.elements.damage else []
    told += ["events_missing"] if declared is not None and declared > found else []
    return tuple(sorted(set(told)))
