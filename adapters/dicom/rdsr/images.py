"""Reads the dose of an image from its header, for studies whose device sends no dose report.

A header says less than a report, and each in its own unit: dGy·cm², dGy, mGy, Bq or MBq. Several images of one exposure
(a view for processing and for presentation, the slices of a helix) state it once: by their irradiation event UID, else
by what they were acquired as. A zero in whole decigrays is a rounded one, and not known.
Standard: DICOM PS3.3 C.4.16 (X-ray dose), C.8.7 and C.8.11 (X-ray), C.8.15.3 (CT exposure).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from pydicom import uid as uids
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from adapters.dicom.rdsr.concepts import BOTH, LEFT, PHANTOM_CM, RIGHT
from adapters.dicom.rdsr.exposure import CT, FIELDS, PROJECTION, RADIOPHARMACEUTICAL, Exposure, derived, offset_of
from adapters.dicom.rdsr.isotopes import Injection, exposed, injections
from adapters.dicom.rdsr.person import patient
from adapters.dicom.rdsr.qa import is_qa
from adapters.dicom.rdsr.units import Dimension, NotUnderstood, canonical
from adapters.dicom.values import encoded, is_uid, iso, number_in, sequence, text_in
from domain.dose_words import NOT_STATED

IMAGE: Final = "image"
_CAPTURES: Final = uids.SecondaryCaptureImageStorage  # and those whose UIDs begin with it: pictures of a screen
_SIDES: Final = {"L": LEFT, "R": RIGHT, "B": BOTH}
_PLANES: Final = {"BIPLANE A": "A", "BIPLANE B": "B"}  # Image Type, value 3 (PS3.3 C.8.7.1.1.1)
_DOSES: Final = {  # quantity: (attribute, unit that the standard gives it)
    "dap": ("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"),
    "entrance_dose": ("EntranceDoseInmGy", "mGy"),
    "ctdivol": ("CTDIvol", "mGy"),
}
_DIMENSIONS: Final = {"dap": Dimension.DOSE_AREA}
_TECHNIQUE: Final = {  # key of technique: (attribute, power of ten to its unit)
    "kvp": ("KVP", 0),
    "tube_current_ma": ("XRayTubeCurrent", 0),
    "exposure_time_ms": ("ExposureTime", 0),
    "exposure_mas": ("ExposureInuAs", -3),
    "source_detector_mm": ("DistanceSourceToDetector", 0),
    "compression_mm": ("BodyPartThickness", 0),
    "compression_n": ("CompressionForce", 0),
    "pitch": ("SpiralPitchFactor", 0),
    "collimation_mm": ("TotalCollimationWidth", 0),
}
_PLAIN: Final = (
    *("IrradiationEventUID", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "AcquisitionNumber"),
    *("Manufacturer", "ManufacturerModelName", "StationName", "DeviceSerialNumber", "ProtocolName", "ViewPosition"),
    *("BodyPartExamined", "Laterality", "ImageLaterality", "OrganDose", "EntranceDose", "Modality", "ContentDate"),
    *("AcquisitionProtocolName", "TimezoneOffsetFromUTC", "CTDIPhantomTypeCodeSequence"),
    *("RadiopharmaceuticalInformationSequence", "SharedFunctionalGroupsSequence", "ProcedureCodeSequence"),
    *("PatientAge", "PatientWeight", "PatientSize", "PregnancyStatus", "OperatorsName", "ImageType"),
)
KEYWORDS: Final = (*_PLAIN, *(of for of, _ in (*_DOSES.values(), *_TECHNIQUE.values())))
TAGS: Final = [BaseTag(tag_for_keyword(keyword) or 0) for keyword in KEYWORDS]


@dataclass(frozen=True)
class Irradiated:
    """The exposure that an image is of, or those, and its injections; the device (manufacturer, model, serial,
    station); what else was said.
    """

    exposures: tuple[Exposure, ...]
    device: tuple[tuple[str, str | None], ...]
    said: Mapping[str, Any]
    qa: bool
    injections: tuple[Injection, ...] = ()


def read_image_dose(ds: Dataset) -> Irradiated | None:
    """The dose in an image's header; None where it states none, or is a picture of a screen. One that is not understood
    is an exposure whose dose is not known.
    """
    sop_class = encoded(ds, "SOPClassUID")
    if sop_class.startswith(_CAPTURES):
        return None
    raw, notes = dict[str, str](), list[str]()
    found = _doses(ds, raw, notes)
    given = injections(ds, IMAGE, RADIOPHARMACEUTICAL)
    if not found and not given and not notes:
        return None
    device = tuple(
        (name, text_in(ds, keyword))
        for name, keyword in (
            *(("manufacturer", "Manufacturer"), ("model", "ManufacturerModelName")),
            *(("serial", "DeviceSerialNumber"), ("station", "StationName")),
        )
    )
    kind = RADIOPHARMACEUTICAL if given else CT if "ctdivol" in raw else PROJECTION
    exposure = _exposure(ds, kind, device, found, raw, notes)
    unknown: dict[str, Any] = dict.fromkeys(found)
    exposures = [exposure, *(replace(exposure, **unknown) for _ in given[1:])]  # what is beside, once
    exposures = [exposed(*pair) for pair in zip(exposures, given, strict=True)] if given else exposures
    qa = is_qa(partial(text_in, ds), [exposure.protocol], [exposure.target_region])
    return Irradiated(tuple(exposures), device, _said(ds), qa, tuple(given))


def _said(ds: Dataset) -> dict[str, Any]:
    code = next(iter(sequence(ds, "ProcedureCodeSequence")), None)
    key = f"{encoded(code, 'CodingSchemeDesignator')}:{encoded(code, 'CodeValue')}" if code else None
    pregnancy = number_in(ds, "PregnancyStatus")
    return {
        **NOT_STATED,
        "patient": patient(partial(encoded, ds), int(pregnancy) if pregnancy.isdecimal() else None),
        "operator": text_in(ds, "OperatorsName"),
        "study_description": text_in(ds, "StudyDescription"),
        "procedure_code": key,
    }


def together(one: Exposure, other: Exposure) -> Exposure:
    """One exposure of two images. Where they state it differently the greater value is kept, and that is noted."""
    changed: dict[str, Any] = {}
    notes, raw = [*one.not_understood, *other.not_understood], {**other.raw, **one.raw}
    for quantity, name in FIELDS.items():
        values = {value for value in (getattr(one, name), getattr(other, name)) if value is not None}
        changed[name] = max(values, default=None)
        if changed[name] != getattr(one, name) and quantity in other.raw:
            raw[quantity] = other.raw[quantity]
        if len(values) > 1:
            notes.append(f"{quantity}: images of one exposure state different values, the greatest was kept")
    changed["started_at"] = min((at for at in (one.started_at, other.started_at) if at), default=None)
    changed |= {"technique": {**other.technique, **one.technique}, "raw": raw}
    changed["radiopharmaceutical"] = one.radiopharmaceutical or other.radiopharmaceutical
    return replace(one, not_understood=tuple(dict.fromkeys(notes)), **changed)


def _exposure(
    ds: Dataset,
    kind: str,
    device: object,
    found: dict[str, Any],
    raw: dict[str, str],
    notes: list[str],
) -> Exposure:
    modality, started = _modality(ds, kind), _started(ds)
    laterality, plane = encoded(ds, "ImageLaterality") or encoded(ds, "Laterality"), _plane(ds)
    return Exposure(
        irradiation_event_uid=_event_uid(ds, kind, device, started, laterality, plane),
        kind=kind,
        template="",
        source=IMAGE,
        modality=modality,
        started_at=started,
        started_offset=offset_of(started) or _zone(ds),
        protocol=text_in(ds, "ProtocolName") or text_in(ds, "AcquisitionProtocolName"),
        target_region=encoded(ds, "BodyPartExamined") or None,
        laterality=laterality or None,
        side=_SIDES.get(laterality),
        plane=plane,
        part=(plane,),
        phantom_cm=_phantom(ds),
        technique=_technique(ds),
        raw=raw,
        not_understood=tuple(notes),
        **found,
    )


def _doses(ds: Dataset, raw: dict[str, str], notes: list[str]) -> dict[str, Any]:
    stated = {name: (number_in(ds, keyword), unit) for name, (keyword, unit) in _DOSES.items()}
    if not stated["ctdivol"][0]:
        stated["ctdivol"] = next((number_in(one, "CTDIvol") for one in _ct_exposures(ds)), ""), "mGy"
    if not stated["entrance_dose"][0] and number_in(ds, "EntranceDose") not in ("", "0", "0.0"):
        stated["entrance_dose"] = number_in(ds, "EntranceDose"), "dGy"
    if organ := number_in(ds, "OrganDose"):
        if encoded(ds, "Modality") == "MG":
            stated["agd"] = organ, "dGy"
        else:
            raw["organ_dose"] = f"{organ} dGy"
    found: dict[str, Any] = {}
    for name, (text, unit) in stated.items():
        if not text:
            continue
        raw[name] = f"{text} {unit}"
        try:
            value = canonical(text, unit, _DIMENSIONS.get(name, Dimension.DOSE))
        except NotUnderstood as reason:
            notes.append(f"{name}: {reason}")
            continue
        if value is not None:
            found[FIELDS[name]] = float(value)
    return found


def _ct_exposures(ds: Dataset) -> Iterator[Dataset]:
    """Of an enhanced CT image: what all its frames share."""
    for shared in sequence(ds, "SharedFunctionalGroupsSequence"):
        yield from sequence(shared, "CTExposureSequence")


def _plane(ds: Dataset) -> str | None:
    """Of a biplane run."""
    return next((_PLANES[said] for said in encoded(ds, "ImageType").split("\\")[2:3] if said in _PLANES), None)


def _event_uid(ds: Dataset, kind: str, device: object, started: str | None, laterality: str, plane: str | None) -> str:
    """The event's own UID, else one that all images of the exposure give: an acquisition of a CT, a view, a plane."""
    if is_uid(own := encoded(ds, "IrradiationEventUID").partition("\\")[0]):
        return own
    study = encoded(ds, "StudyInstanceUID")
    if kind == CT:
        acquisition = encoded(ds, "AcquisitionNumber") or encoded(ds, "SeriesInstanceUID")
        return derived(study, IMAGE, device, kind, acquisition)
    if started and "T" in started:
        second = ("B",) if plane == "B" else ()  # plane A has the UID that both had before
        whole, _, fraction = started.removesuffix(offset_of(started) or "").partition(".")
        when = f"{whole}.{fraction.rstrip('0')}".removesuffix(".")  # however each image spells it
        return derived(study, IMAGE, device, kind, when, laterality, encoded(ds, "ViewPosition"), *second)
    return derived(study, IMAGE, encoded(ds, "SOPInstanceUID"))


def _started(ds: Dataset) -> str | None:
    day = encoded(ds, "AcquisitionDate") or encoded(ds, "ContentDate") or encoded(ds, "StudyDate")
    stated = iso(encoded(ds, "AcquisitionDateTime")) or iso(day + encoded(ds, "AcquisitionTime"))
    return stated or iso(day)


def _zone(ds: Dataset) -> str | None:
    stated = encoded(ds, "TimezoneOffsetFromUTC")
    return f"{stated[:3]}:{stated[3:]}" if len(stated) == 5 and stated[0] in "+-" and stated[1:].isdecimal() else None


def _modality(ds: Dataset, kind: str) -> str:
    """CR counts as DX, as in the reference levels."""
    stated = encoded(ds, "Modality")
    return {"": "CT" if kind == CT else "DX", "CR": "DX"}.get(stated, stated)


def _phantom(ds: Dataset) -> int | None:
    for within in (ds, *_ct_exposures(ds)):
        for code in sequence(within, "CTDIPhantomTypeCodeSequence"):
            return PHANTOM_CM.get(f"{encoded(code, 'CodingSchemeDesignator')}:{encoded(code, 'CodeValue')}")
    return None


def _technique(ds: Dataset) -> dict[str, float]:
    found = {}
    for name, (keyword, power) in _TECHNIQUE.items():
        try:
            value = canonical(number_in(ds, keyword), "1", Dimension.COUNT)
        except NotUnderstood:
            continue
        if value is not None:
            found[name] = float(value.scaleb(power))
    return found
