"""Reads a structured dose report into exposures and the report's own totals.

Templates of DICOM PS3.16: TID 10001 Projection X-Ray Radiation Dose (10002 accumulated data, 10003 event), TID 10011 CT
Radiation Dose (10012 accumulated data, 10013 event, 10015 dose check) and TID 10021 Radiopharmaceutical Radiation Dose
(10022 event). They arrive as X-Ray or Radiopharmaceutical Radiation Dose SR and, from older scanners, as Enhanced or
Comprehensive SR, or as a vendor's summary (``summary``). Pure: a dataset in, values out, no I/O, and nothing that
names a person.

One bad item never loses the report: it is kept as encoded and named in ``not_understood``. The report's totals are read
separately from the events and never corrected from them: devices round, and use zero, differently in the two places.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydicom import uid as uids
from pydicom.dataset import Dataset

from adapters.dicom.rdsr.exposure import (
    BOTH,
    CT,
    EVENT_KINDS,
    EVENT_TYPE,
    FLUOROSCOPY,
    LATERALITY,
    PROJECTION,
    RADIOPHARMACEUTICAL,
    SIDES,
    Exposure,
    derived,
    merged,
    read_exposure,
)
from adapters.dicom.rdsr.qa import is_qa
from adapters.dicom.rdsr.summary import DAP_TOTAL, summary
from adapters.dicom.rdsr.tree import Concept, Content, Item, code_in, walk
from adapters.dicom.rdsr.units import Dimension, NotUnderstood, canonical
from adapters.dicom.values import encoded, iso, sequence, text_in

__all__ = ["DoseReport", "Exposure", "NoDoseContent", "holds_dose", "read_dose_report", "states_numbers"]

STRUCTURED = "1.2.840.10008.5.1.4.1.1.88."  # PS3.4 B.5: all SR document classes

# By its class a dose report, whatever is in it.
_DOSE_CLASSES = frozenset(
    {
        uids.XRayRadiationDoseSRStorage,
        uids.EnhancedXRayRadiationDoseSRStorage,
        uids.RadiopharmaceuticalRadiationDoseSRStorage,
        uids.PatientRadiationDoseSRStorage,
    }
)
# Dose reports when they hold an event or accumulated dose, or when their title says so.
_GENERAL_CLASSES = frozenset({uids.EnhancedSRStorage, uids.ComprehensiveSRStorage, uids.Comprehensive3DSRStorage})
_TITLE = re.compile(
    r"(?<![a-z])(?:dos(?:e|es|is|im\w+)(?![a-z])|(?:ir)?radiation (?:summary|report|exposure))", re.IGNORECASE
)
_TITLES = ("99SMS_RADSUM:", "DCM:113701", "DCM:113500")  # beginnings of codes that say so, whatever their words
_ACCUMULATED: Concept = ("DCM:113702", "DCM:113811")  # TID 10002, TID 10012
_EVENTS_TOTAL: Concept = ("DCM:113812",)
_ACCUMULATED_PLANE: Concept = ("DCM:113764",)
_ALL_PLANES = "DCM:113890"

# name of the total -> (its concept, its dimension)
_TOTALS: dict[str, tuple[Concept, Dimension]] = {
    "dlp_mgycm": (("DCM:113813",), Dimension.DOSE_LENGTH),
    "dap_mgycm2": (("DCM:113722", *DAP_TOTAL), Dimension.DOSE_AREA),
    "dose_rp_mgy": (("DCM:113725",), Dimension.DOSE),
    "fluoro_dap_mgycm2": (("DCM:113726",), Dimension.DOSE_AREA),
    "fluoro_dose_rp_mgy": (("DCM:113728",), Dimension.DOSE),
    "acquisition_dap_mgycm2": (("DCM:113727",), Dimension.DOSE_AREA),
    "acquisition_dose_rp_mgy": (("DCM:113729",), Dimension.DOSE),
    "agd_mgy": (("DCM:111637",), Dimension.DOSE),
}
_BREASTS = {key: f"agd_{side}_mgy" for key, side in SIDES.items() if side != BOTH}


class NoDoseContent(Exception):
    """The object holds neither an irradiation event nor accumulated dose. The message names no person."""


@dataclass(frozen=True, kw_only=True)
class DoseReport:
    """What one report states. Times are local as encoded, in ISO 8601; None is not known, never zero.

    ``report_totals`` are the report's own, summed over the planes it lists (TID 10002); a total of which one
    plane is not known is None. ``agd_mgy`` sums the breasts, which are also given apart: an organ dose is
    ``agd_left_mgy`` or ``agd_right_mgy``. ``raw_totals`` holds them as encoded, planes and breasts joined
    with " + ". ``events_declared`` is the number of events that a CT report says it holds.
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


def holds_dose(ds: Dataset) -> bool:
    """Whether the object is a dose report, by its SOP class, its title or its content; an image never is."""
    sop_class = encoded(ds, "SOPClassUID")
    if sop_class in _DOSE_CLASSES or is_called_dose(ds):
        return True
    return sop_class in _GENERAL_CLASSES and any(map(_is_dose, walk(ds)))


def is_called_dose(ds: Dataset) -> bool:
    """Whether a structured report's title says that it is of dose."""
    if not encoded(ds, "SOPClassUID").startswith(STRUCTURED):
        return False
    title = code_in(ds, "ConceptNameCodeSequence")
    return title is not None and bool(title.key.startswith(_TITLES) or _TITLE.search(title.meaning or ""))


def states_numbers(ds: Dataset) -> bool:
    """Whether the report holds any measured value, understood or not."""
    return any(encoded(item.dataset, "ValueType") == "NUM" for item in walk(ds))


def read_dose_report(ds: Dataset) -> DoseReport:
    """The report in ``ds``. Raises NoDoseContent if it has no dose content.

    Nothing else in a device's report makes it fail.
    """
    sop_uid = encoded(ds, "SOPInstanceUID")
    content, notes = Content(ds), list[str]()
    items = [item for item in content.items if _is_dose(item)]
    if not items:
        raise NoDoseContent(f"{sop_uid or 'the object'} holds no irradiation event: there is no dose to record from it")
    events = [item for item in items if item.concept in EVENT_KINDS]
    accumulated = [item for item in items if item.concept in _ACCUMULATED] or summary(ds, content, notes)
    modality = _modality(ds, content, events)
    exposures = _exposures(ds, events, modality, notes)
    totals, raw_totals = _totals(accumulated, notes)
    return DoseReport(
        sop_uid=sop_uid,
        study_uid=encoded(ds, "StudyInstanceUID"),
        sop_class=encoded(ds, "SOPClassUID"),
        content_at=iso(encoded(ds, "ContentDate") + encoded(ds, "ContentTime")),
        irradiation_started_at=iso(content.date_time(("DCM:113809",))),
        modality=modality,
        manufacturer=text_in(ds, "Manufacturer") or content.meaning(("DCM:121014",)),
        model=text_in(ds, "ManufacturerModelName") or content.meaning(("DCM:121015",)),
        station=text_in(ds, "StationName") or content.meaning(("DCM:121013",)),
        device_serial=text_in(ds, "DeviceSerialNumber") or content.meaning(("DCM:121016",)),
        device_uid=content.uid(("DCM:121012",)),
        exposures=exposures,
        events_declared=_declared(content, len(events), notes),
        report_totals=totals,
        raw_totals=raw_totals,
        qa=is_qa(ds, (exposure.protocol for exposure in exposures)),
        not_understood=tuple(notes),
    )


def _is_dose(item: Item) -> bool:
    return item.concept in EVENT_KINDS or item.concept in _ACCUMULATED or item.concept in DAP_TOTAL


def _exposures(ds: Dataset, events: list[Item], modality: str, notes: list[str]) -> tuple[Exposure, ...]:
    """One exposure per event UID, in document order. One that cannot be read is noted, the others stay."""
    sop_uid, study_uid = encoded(ds, "SOPInstanceUID"), encoded(ds, "StudyInstanceUID")
    device = text_in(ds, "DeviceSerialNumber") or text_in(ds, "StationName")
    found: dict[str, Exposure] = {}
    alike: Counter[str] = Counter()

    def derive(own: str) -> str:
        """The same event's UID in each report of the study; what says nothing of itself is of this report alone."""
        alike[own] += 1
        return derived(study_uid, device, own, alike[own]) if own else derived(sop_uid, alike[own])

    for index, event in enumerate(events):
        kind = EVENT_KINDS[event.concept]
        try:
            exposure = read_exposure(
                event.dataset,
                kind=kind,
                modality=_event_modality(kind, modality),
                study_uid=study_uid,
                derive=derive,
            )
        except Exception as broken:  # the rule: one bad event never loses the report
            notes.append(f"event {index + 1}: could not be read ({type(broken).__name__})")
            continue
        uid = exposure.irradiation_event_uid
        found[uid] = merged(found[uid], exposure) if uid in found else exposure
    return tuple(found.values())


def _totals(accumulated: list[Item], notes: list[str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Each total over the planes listed, and as encoded. "All planes", if given, stands for the others."""
    whole = [item for item in accumulated if _ALL_PLANES in _codes(Content(item.dataset), _ACCUMULATED_PLANE)]
    parts: dict[str, list[Decimal | None]] = {}
    raw: dict[str, list[str]] = {}
    for container in whole or accumulated:
        content = Content(container.dataset)
        for name, (concept, dimension) in _TOTALS.items():
            for item in content.all(concept):
                value = _total(item, name, dimension, notes)
                for key in (name, *(_breast(item) if name == "agd_mgy" else ())):
                    parts.setdefault(key, []).append(value)
                    raw.setdefault(key, []).append(str(item.number()))
    totals = {name: None if None in values else float(sum(filter(None, values))) for name, values in parts.items()}
    return totals, {name: " + ".join(texts) for name, texts in raw.items()}


def _total(item: Item, name: str, dimension: Dimension, notes: list[str]) -> Decimal | None:
    number = item.number()
    try:
        return canonical(number.text, number.unit, dimension)
    except NotUnderstood as reason:
        notes.append(f"total {name}: {reason}")
        return None


def _breast(item: Item) -> list[str]:
    """The breast that an accumulated average glandular dose is of (TID 10005)."""
    sides = (_BREASTS.get(key) for key in _codes(Content(item.dataset), LATERALITY))
    return [side for side in dict.fromkeys(sides) if side]


def _declared(content: Content, found: int, notes: list[str]) -> int | None:
    """How many events a CT report says it holds (TID 10012). Fewer read than declared is worth a look."""
    texts = [number.text for item in content.all(_EVENTS_TOTAL) if (number := item.number()).text.isdecimal()]
    if not texts:
        return None
    declared = sum(int(text) for text in texts)
    if declared != found:
        notes.append(f"events: the report declares {declared}, {found} were found")
    return declared


def _event_modality(kind: str, reported: str) -> str:
    """In hybrid rooms a CT event in a projection report, or the reverse, keeps its own modality."""
    if kind == CT:
        return "CT"
    return "DX" if kind == PROJECTION and reported == "CT" else reported


# By Procedure reported (TID 10001 row 2, TID 10011 row 2).
_PROCEDURES = {"SRT:P5-08000": "CT", "SCT:77477000": "CT", "SRT:P5-40010": "MG", "SCT:71651007": "MG"}
# By the images that the report says were acquired; CR counts as DX, as in the reference levels.
_IMAGES = {
    uids.XRayAngiographicImageStorage: "XA",
    uids.EnhancedXAImageStorage: "XA",
    uids.XRay3DAngiographicImageStorage: "XA",
    uids.XRayRadiofluoroscopicImageStorage: "RF",
    uids.EnhancedXRFImageStorage: "RF",
    uids.DigitalMammographyXRayImageStorageForPresentation: "MG",
    uids.DigitalMammographyXRayImageStorageForProcessing: "MG",
    uids.BreastTomosynthesisImageStorage: "MG",
    uids.DigitalIntraOralXRayImageStorageForPresentation: "IO",
    uids.DigitalIntraOralXRayImageStorageForProcessing: "IO",
    uids.DigitalXRayImageStorageForPresentation: "DX",
    uids.DigitalXRayImageStorageForProcessing: "DX",
    uids.ComputedRadiographyImageStorage: "DX",
}
_DECLARED = {"XA": "XA", "RF": "RF", "MG": "MG", "PX": "PX", "IO": "IO", "DX": "DX", "CR": "DX"}
_POSITRON_EMITTERS: Concept = (  # the commoner half of CID 4020, in both schemes
    *("SCT:77004003", "SCT:35337001", "SCT:40565003", "SCT:21576001", "SCT:129504001", "SCT:79197006"),
    *("SRT:C-111A1", "SRT:C-131A3", "SRT:C-105A1", "SRT:C-107A1", "SRT:C-B1038", "SRT:C-159A2"),
    *("SCT:3932008", "SRT:C-127A2", "SCT:63360001", "SRT:C-168A4"),
)
_RADIONUCLIDE: Concept = ("SRT:C-10072", "SCT:89457008")
_PROCEDURE_REPORTED: Concept = ("DCM:121058",)


def _modality(ds: Dataset, content: Content, events: list[Item]) -> str:
    """The modality of the report's irradiation, from the surest sign to the weakest.

    A dose report itself is of modality SR, and Acquisition Device Type (122142) is wrong on real angiography
    rooms. So: the procedure reported; the classes of the images acquired; the modalities of the study; a
    fluoroscopy event or a C-arm's summary; else DX.
    """
    kinds = {EVENT_KINDS[event.concept] for event in events}
    declared = set(encoded(ds, "ModalitiesInStudy").split("\\"))
    if kinds == {RADIOPHARMACEUTICAL}:
        positrons = set(_codes(content, _RADIONUCLIDE)) & set(_POSITRON_EMITTERS)
        return "PT" if positrons or "PT" in declared else "NM"
    if kinds == {CT}:
        return "CT"
    for key in _codes(content, _PROCEDURE_REPORTED):
        if key in _PROCEDURES:
            return _PROCEDURES[key]
    images = _image_classes(ds, content)
    signs = [*(of for image, of in _IMAGES.items() if image in images)]
    signs += [of for said, of in _DECLARED.items() if said in declared]
    fluoroscopy = set(_codes(content, EVENT_TYPE)) & set(FLUOROSCOPY)
    return signs[0] if signs else "RF" if fluoroscopy or content.all(DAP_TOTAL) else "DX"


def _image_classes(ds: Dataset, content: Content) -> set[str]:
    """SOP classes of the images acquired: in Acquired Image items (TID 10003), and the report's evidence."""
    referring = [item.dataset for item in content.all(("DCM:113795",))]
    for study in sequence(ds, "CurrentRequestedProcedureEvidenceSequence"):
        referring += sequence(study, "ReferencedSeriesSequence")
    references = (reference for dataset in referring for reference in sequence(dataset, "ReferencedSOPSequence"))
    return {encoded(reference, "ReferencedSOPClassUID") for reference in references}


def _codes(content: Content, concept: Concept) -> list[str]:
    return [code.key for item in content.all(concept) if (code := item.code())]
