"""A study's doses as a FHIR R4 bundle by the guide Radiation Dose Summary (hl7.fhir.uv.radiation-dose-summary 1.0.0).

One Observation for each procedure and device; with it the patient, the study, the devices, and the person who
authorised, of whom no dose report says reliably who it was. What the guide requires and nobody knows carries the reason
why it is absent, and so does the quantity of such a procedure where it is not known: never a zero, and never a
millisievert. A sum over some of the exposures alone says so, and so do doses that image headers state. Glandular doses
of two breasts are two.

Ids are made of the study's UID: the same study written again has the same ones.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from domain.ins import AUTHORITIES
from krypton.faces.dose.standards.concepts import (
    AGENT,
    EXPECTED,
    IMAGES_ALONE,
    PROCEDURES,
    REPORTED,
    SUMS,
    Code,
    partly,
)
from krypton.faces.dose.standards.summary import Summary, summaries
from schemas.event import ERASED

Resource = dict[str, Any]
GUIDE: Final = "http://hl7.org/fhir/uv/radiation-dose-summary"
PROFILE: Final = f"{GUIDE}/StructureDefinition/"
ID_TYPES: Final = f"{GUIDE}/CodeSystem/dicom-identifier-type"
DICOM_IDS: Final = "urn:dicom:uid"
SUMMARY: Final = {
    "coding": [
        {
            "system": "http://loinc.org",
            "code": "73569-6",
            "display": "Radiation exposure and protection information [Description] Document Diagnostic imaging",
        }
    ]
}
UNKNOWN: Final = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"},
    ]
}
SYSTEMS: Final = {"DCM": "http://dicom.nema.org/resources/ontology/DCM", "SCT": "http://snomed.info/sct"}
"""By coding scheme of DICOM."""
ABSENT: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}
IDENTIFIER: Final = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
            "code": "PI",
            "display": "Patient internal identifier",
        }
    ]
}
INS_TYPES: Final = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
TEMPORARY: Final = "INS-NIA"
"""A number that waits for its successor (fr-core-patient-ins: its use is ``temp``)."""
STATUSES: Final = {"available": "available", "withdrawn": "entered-in-error"}
"""Of an ImagingStudy: *withdrawn following a previous final release* is the second one's definition."""
GENDERS: Final = {"M": "male", "F": "female"}
NO_TOTAL: Final = "no total dose is known"
FARTHEST: Final = timedelta(hours=14)
"""From UTC (FHIR R4, dateTime)."""


def bundle(found: Mapping[str, Any], study_uid: str) -> Resource:
    """The bundle of one study of a ``dose show`` document. Raises NotFound, see ``summaries``."""
    return _Bundle(found, study_uid).made()


class _Bundle:
    def __init__(self, found: Mapping[str, Any], study_uid: str) -> None:
        self._found = found
        self._study = study_uid
        self._summaries = summaries(found, study_uid)
        self._patient = f"urn:uuid:{found['person']}"

    def made(self) -> Resource:
        entries = [(self._patient, self._who()), (self._id("study"), self._imaging())]
        entries.append((self._id("authorised"), {"resourceType": "Practitioner", "name": [UNKNOWN]}))
        for place, one in enumerate(self._summaries):
            entries.append((self._id(f"device {place}"), _device(one)))
            entries.append((self._id(f"dose {place}"), self._observation(one, self._id(f"device {place}"))))
        return {
            "resourceType": "Bundle",
            "id": self._id("bundle").removeprefix("urn:uuid:"),
            "type": "collection",
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries],
        }

    def _id(self, of: str) -> str:
        return f"urn:uuid:{uuid5(NAMESPACE_OID, f'{self._study} {of}')}"

    def _who(self) -> Resource:
        """The person by the region's id, with the traits that people know one by."""
        told = {name: value for name, value in self._found["patient"].items() if value and value != ERASED}
        who: Resource = {
            "resourceType": "Patient",
            "identifier": [
                {"system": "urn:ietf:rfc:3986", "value": self._patient},
                *(
                    {"type": IDENTIFIER, "value": one["local_id"], "assigner": {"display": one["assigner"]}}
                    for one in self._found["members"]
                    if one["assigner"] and one["local_id"] not in (None, ERASED)
                ),
                *([_ins(told["qualified_ins"])] if "qualified_ins" in told else []),
            ],
        }
        name = {"family": told.get("family"), "given": [told["given"]] if "given" in told else None}
        if known := {part: value for part, value in name.items() if value}:
            who["name"] = [known]
        if "birth_date" in told and not told["birth_date"].startswith("0000"):
            who["birthDate"] = told["birth_date"].replace("-00", "")
        return who | {"gender": GENDERS.get(told.get("sex", ""), "unknown")}

    def _imaging(self) -> Resource:
        started = _time(self._summaries[0].started_at)
        return {
            "resourceType": "ImagingStudy",
            "identifier": [{"system": DICOM_IDS, "value": f"urn:oid:{self._study}"}],
            "status": STATUSES.get(self._found["imaging"].get(self._study, ""), "unknown"),
            "subject": {"reference": self._patient},
        } | ({"started": started} if started else {})

    def _observation(self, one: Summary, device: str) -> Resource:
        effective = _time(one.started_at)
        return {
            "resourceType": "Observation",
            "meta": {"profile": [f"{PROFILE}radiation-dose-summary"]},
            **_identifiers(one.sent_as),
            "partOf": [
                {
                    "reference": self._id("study"),
                    "identifier": _of_type("study-instance-uid", "Study Instance UID")
                    | {"system": DICOM_IDS, "value": f"urn:oid:{self._study}"},
                }
            ],
            "status": "final",
            "code": SUMMARY,
            "subject": {"reference": self._patient},
            "focus": [{"reference": self._id("study")}],
            **({"effectiveDateTime": effective} if effective else {"_effectiveDateTime": UNKNOWN}),
            "performer": [{"reference": self._id("authorised")}],
            "valueString": _in_words(one),
            "device": {"reference": device},
            **_notes(one),
            "component": _components(one),
        }


def _ins(ins: Mapping[str, str]) -> Resource:
    """As the French profile of a patient with a qualified identity has it (fr-core-patient-ins)."""
    code = AUTHORITIES[ins["oid"]].removeprefix("ASIP-SANTE-")
    return {
        "use": "temp" if code == TEMPORARY else "official",
        "type": {"coding": [{"system": INS_TYPES, "code": code}]},
        "system": f"urn:oid:{ins['oid']}",
        "value": ins["matricule"],
    }


def _identifiers(reports: Sequence[str]) -> Resource:
    told = [
        _of_type("sop-instance-uid", "SOP Instance UID") | {"system": DICOM_IDS, "value": f"urn:oid:{uid}"}
        for uid in reports
    ]
    return {"identifier": told} if told else {}


def _device(one: Summary) -> Resource:
    """The modality: no dose report says by which AE title it was reached."""
    names = (("manufacturer-name", one.device.get("manufacturer")), ("model-name", one.device.get("model")))
    serial, named = one.device.get("serial"), [{"name": name, "type": kind} for kind, name in names if name]
    identifiers = [_of_type("application-entity", "Application Entity") | {"_value": UNKNOWN}]
    if serial:
        number = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SNO", "display": "Serial Number"}
        identifiers.append({"type": {"coding": [number]}, "value": serial})
    told = {"manufacturer": one.device.get("manufacturer"), "serialNumber": serial, "deviceName": named}
    return {
        "resourceType": "Device",
        "meta": {"profile": [f"{PROFILE}modality-device"]},
        "identifier": identifiers,
        **{name: value for name, value in told.items() if value},
        "type": {"coding": [{"system": SYSTEMS["DCM"], "code": one.modality}]} if one.modality else {"text": "unknown"},
    }


def _components(one: Summary) -> list[Resource]:
    told: list[Resource] = [
        {"code": _concept(REPORTED), "valueCodeableConcept": _concept(PROCEDURES[one.procedure])},
    ]
    for quantity, side, value in one.stated():
        code, unit = SUMS[quantity]
        measured = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
        named_so = _concept(code) | ({"text": f"{code.meaning}, {side}"} if side else {})
        told.append({"code": named_so, "valueQuantity": measured})
    expected = EXPECTED[one.procedure]
    if expected not in one.doses:
        told.append({"code": _concept(SUMS[expected].code), "dataAbsentReason": ABSENT})
    named = _concept(AGENT)
    return told + [{"code": named, "valueCodeableConcept": {"text": word}} for word in one.radiopharmaceuticals]


def _notes(one: Summary) -> Resource:
    told = [IMAGES_ALONE] if one.from_images else []
    expected = EXPECTED[one.procedure]
    known = one.known_of[expected]
    if 0 < known < one.exposures:
        told.append(partly(expected, known, one.exposures))
    return {"note": [{"text": text} for text in told]} if told else {}


def _in_words(one: Summary) -> str:
    doses = [
        f"{SUMS[name].code.meaning}{f', {side}' if side else ''} = {value:.12g} {SUMS[name].unit}"
        for name, side, value in one.stated()
    ]
    return f"{PROCEDURES[one.procedure].meaning}: {', '.join(doses) or NO_TOTAL}"


def _concept(code: Code) -> Resource:
    return _coded(SYSTEMS[code.scheme], code.value, code.meaning)


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _of_type(code: str, display: str) -> Resource:
    return {"type": _coded(ID_TYPES, code, display)}


def _time(at: str | None) -> str | None:
    """As a FHIR dateTime: one without an offset from UTC is told as its day, for a time there needs one; so is one with
    an offset that no place has, which FHIR does not allow.
    """
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    offset = moment.utcoffset()
    if offset is None or abs(offset) > FARTHEST:
        return moment.date().isoformat()
    return moment.isoformat(timespec="milliseconds")
