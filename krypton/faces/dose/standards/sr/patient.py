"""The Patient module (PS3.3 C.7.1.1) of whom the doses are of: by the number of the site that made the study.

The numbers of other sites stand beside it, and the INS where the identity is qualified, under its authority's OID
(Annexe CI-SIS, Prise en charge de l'INS). What was erased is empty.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from domain.ins import AUTHORITIES
from krypton.faces.dose.standards.sr.items import put
from schemas.event import ERASED

Row = Mapping[str, Any]
SEXES: Final[Mapping[str, str]] = {"M": "M", "F": "F", "I": "O"}
_DAY: Final = re.compile(r"(?!0000)\d{4}-(?!00)\d\d-(?!00)\d\d")


def patient(found: Row, study_uid: str) -> Dataset:
    """Of a ``dose show`` document."""
    told = {name: value for name, value in found["patient"].items() if value and value != ERASED}
    numbers = [*_numbers(found, study_uid)]
    ins = told.get("qualified_ins")
    if not numbers and ins:
        numbers, ins = [_of_ins(ins)], None
    who = Dataset()
    put(who, "PatientName", "^".join(told.get(name, "") for name in ("family", "given")).rstrip("^"))
    who.PatientID = ""
    for one in numbers[:1]:
        who.update(one)
    birth = told.get("birth_date", "")
    who.PatientBirthDate = birth.replace("-", "") if _DAY.fullmatch(birth) else ""
    who.PatientSex = SEXES.get(told.get("sex", ""), "")
    others = [*numbers[1:], *([_of_ins(ins)] if ins else [])]
    if others:
        for one in others:
            one.TypeOfPatientID = "TEXT"
        who.OtherPatientIDsSequence = Items(others)
    return who


def _numbers(found: Row, study_uid: str) -> Iterator[Dataset]:
    """Of each assigner, first of the one whose the study is."""
    whose = {one["identity"] for one in found["reports"] if one["study_uid"] == study_uid}
    for member in sorted(found["members"], key=lambda one: one["identity"] not in whose):
        if member["assigner"] and member["local_id"] not in (None, "", ERASED):
            number = Dataset()
            put(number, "PatientID", member["local_id"])
            put(number, "IssuerOfPatientID", member["assigner"])
            yield number


def _of_ins(ins: Row) -> Dataset:
    number, issuer = Dataset(), Dataset()
    issuer.UniversalEntityID, issuer.UniversalEntityIDType = ins["oid"], "ISO"
    number.PatientID, number.IssuerOfPatientID = ins["matricule"], AUTHORITIES[ins["oid"]]
    number.IssuerOfPatientIDQualifiersSequence = Items([issuer])
    return number
