"""Reads who a message is about: PID, ZFD and MRG to plain values, as France writes them.

PID-3 holds several identifiers: the establishment's own number and the national one (INS) are taken, by their assigning
authority; visit numbers and other systems' numbers are kept out. Source: IHE PAM, French extension; HL7 table 0445.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.hl7.er7 import Repetition, Segment
from adapters.hl7.refusal import Condition, Refused
from domain.commands.announced import AnnouncedPatient, Matricule
from domain.identity_status import Status
from domain.ins import AUTHORITIES
from domain.traits import words

OWN_TYPES: Final = frozenset({"", "PI", "MR", "PT"})
"""Types of a patient's number; a visit's (VN) or an account's (AN) is none."""
BIRTH_NAME: Final = ("L", "", "B", "M", "C", "U")
"""Types of a birth name, the likeliest first: legal, none, at birth, maiden, adopted. U says nothing of the name."""
DISPLAYED: Final = "D"
USED_NAME: Final = (DISPLAYED, "U")
"""The name in use, or U beside a birth name."""
DATE: Final = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,4})?)?)?)?)?)?(?:[+-][0-9]{4})?"
)
SEXES: Final[Mapping[str, str]] = {"M": "M", "F": "F", **dict.fromkeys(("I", "U", "A", "O", "N"), "I")}
"""Table 0001 and what it is in RNIV: not known, ambiguous, other and not applicable are indeterminate."""
BIRTH_PLACE: Final = "BDL"
MODES: Final[Mapping[str, str]] = {"INSI": "INSI", "CV": "CARD", "RFID": "CARD", "CB": "DATAMATRIX"}
"""ZFD-5, how the identity was obtained. Typed by hand (SM) says nothing of the matricule, which nobody types."""
FLAGS: Final = ("DOUT", "FICT", "HOMA")
FIELDS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("family", "given", "first_names", "used_name"), 5),
    "birth_date": 7, "sex": 8, "birth_place": 11,
}  # fmt: skip
"""The field of PID that states each trait."""


def patient(pid: Segment, site: str, zfd: Segment | None = None) -> AnnouncedPatient:
    """The patient of a PID. Raises Refused."""
    states = [each.part(1) for each in pid.values(32)]
    return AnnouncedPatient(
        local_id=own_number(pid, 3, site),
        stated=_stated(pid),
        matricule=matricule(pid, zfd),
        status=next((Status(each) for each in states if each in Status.__members__), None),
        flags=tuple(flag for flag in FLAGS if flag in states),
    )


def who_is_named(pid: Segment) -> dict[str, str | None]:
    """The traits that a PID states; none where it names nobody. Raises Refused."""
    return _stated(pid) if any(_names_somebody(one) for one in pid.values(5)) else {}


def own_number(segment: Segment, field: int, site: str) -> str:
    """The number that the establishment gave the patient. Raises Refused where there is none, or more than one."""
    if number := optional_number(segment, field, site):
        return number
    raise Refused(
        segment.place(field),
        Condition.UNKNOWN_KEY,
        f"none of the numbers is of {site}: write its code as the assigning authority, and PI as the type",
    )


def optional_number(segment: Segment, field: int, site: str) -> str | None:
    """As ``own_number``; None where there is none."""
    own = [each for each in segment.values(field) if _is_own(each, site)]
    if len(found := {each.part(1) for each in own if each.part(1)}) > 1:
        raise Refused(
            segment.place(field),
            Condition.DUPLICATE_KEY,
            "several numbers are the establishment's: send the one that stands for the patient",
        )
    return next(iter(found), None)


def _is_own(each: Repetition, site: str) -> bool:
    authority = {part for part in (each.part(4, 1), each.part(4, 2)) if part}
    return each.part(5) in OWN_TYPES and (not authority or site in authority)


def matricule(segment: Segment, zfd: Segment | None, field: int = 3) -> Matricule | None:
    """The INS among the identifiers. Raises Refused where there are two."""
    each = ((one.part(1), one.part(4, 2)) for one in segment.values(field))
    found = {(number, oid) for number, oid in each if number and oid in AUTHORITIES}
    if len(found) > 1:
        raise Refused(
            segment.place(field), Condition.DUPLICATE_KEY, "there are several matricules: send the one that is in use"
        )
    mode = MODES.get(zfd.value(5)) if zfd else None
    return next((Matricule(number=number, oid=oid, mode=mode) for number, oid in found), None)


def days(found: Sequence[Segment], *places: tuple[str, int]) -> tuple[str, ...]:
    """The days that these fields state, as YYYY-MM-DD; each of the first segment of its name."""
    texts = (next((each.value(field) for each in found if each.name == name), "") for name, field in places)
    return tuple(f"{said[1]}-{said[2]}-{said[3]}" for text in texts if (said := DATE.fullmatch(text)) and said[3])


def _stated(pid: Segment) -> dict[str, str | None]:
    return {**_names(pid), **_birth(pid), **_sex(pid), **_place(pid)}


def _names_somebody(name: Repetition) -> bool:
    return bool(name.part(1) or name.part(2))


def _names(pid: Segment) -> dict[str, str | None]:
    """PID-5: the birth name (L), its first given name and the list of them; the name in use (D or U), of which alone no
    birth name is known.
    """
    each = [one for one in pid.values(5) if _names_somebody(one)]
    if not each:
        if pid.deleted(5) or not pid.text(5).strip():
            raise Refused(pid.place(5), Condition.FIELD_MISSING, "the patient has no name")
        raise Refused(pid.place(5), Condition.DATA_TYPE, "a name is written FAMILY^GIVEN^ALL GIVEN^^^^L")
    birth = _birth_name(each)
    used = next((one for one in each if one.part(7) in USED_NAME and one is not birth), None)
    main = birth or next(one for one in each if one.part(7) == DISPLAYED)
    if not birth and not main.part(2):
        raise Refused(pid.place(5), Condition.FIELD_MISSING, "the patient has no birth name (L), and no given name")
    names = {
        "family": birth.part(1) if birth else "",
        "given": main.part(2),
        "first_names": _first_names(main),
        "used_name": used.part(1) if used else "",
    }
    return {trait: text for trait, text in names.items() if text}


def _birth_name(each: Sequence[Repetition]) -> Repetition | None:
    """An alias, a nickname, a pseudonym or a spouse's name is none, but where nothing else names the patient."""
    if found := [one for one in each if one.part(7) in BIRTH_NAME]:
        return min(found, key=lambda one: BIRTH_NAME.index(one.part(7)))
    return None if any(one.part(7) == DISPLAYED for one in each) else each[0]


def _first_names(name: Repetition) -> str:
    """The list of a birth certificate; some systems leave the first out, for it stands beside."""
    first, listed = name.part(2), name.part(3)
    if not listed or not first or words(first) <= words(listed):
        return listed
    return f"{first} {listed}"


def _birth(pid: Segment) -> dict[str, str | None]:
    if pid.deleted(7):
        return {"birth_date": None}
    if not (text := pid.value(7)):
        return {}
    if not (found := DATE.fullmatch(text)):
        raise Refused(
            pid.place(7),
            Condition.DATA_TYPE,
            "the birth date is none: write YYYYMMDD, with 00 for what is not known of it, or leave it out",
        )
    return {"birth_date": f"{found[1]}-{found[2] or '00'}-{found[3] or '00'}"}


def _sex(pid: Segment) -> dict[str, str | None]:
    if pid.deleted(8):
        return {"sex": None}
    if not (text := pid.value(8)):
        return {}
    if text not in SEXES:
        raise Refused(pid.place(8), Condition.NOT_IN_TABLE, f"the sex is none of {', '.join(SEXES)}")
    return {"sex": SEXES[text]}


def _place(pid: Segment) -> dict[str, str | None]:
    code = next((each.part(9) for each in pid.values(11) if each.part(7) == BIRTH_PLACE), "")
    return {"birth_place": code} if code else {}
