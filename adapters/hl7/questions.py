"""Reads what a query asks: QPD, RCP and DSC to plain values. Decides nothing of people.

Source: IHE ITI TF-2, 3.9 (PIX Query) and 3.21 (Patient Demographics Query); HL7 v2.5, chapter 5.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.hl7.assigners import named_by
from adapters.hl7.er7 import Repetition, Segment
from adapters.hl7.patient import DATE, SEXES
from adapters.hl7.refusal import Condition, Place, Refused
from domain.ins import AUTHORITIES
from domain.matching.spellings import folded
from domain.traits import first_day

TAG, IDENTIFIER, PIX_DOMAINS, FIELDS, PDQ_DOMAINS = 2, 3, 4, 3, 8
LONGEST_TAG: Final = 199
LEAST_LETTERS: Final = 2
"""Of a name; one where it is of another script than Latin, whose signs may be whole names."""
LONGEST: Final = 256
"""Characters of a value that is sought, as of a name or a number."""
MOST_DOMAINS: Final = 100
MOST_RECORDS: Final = 1_000_000
WILDCARD: Final = "*"
UNKNOWN_ASSIGNER: Final = "the assigner is not known here: write the code of an establishment, or the OID of INS"
TOLD_APART: Final = ("M", "F")
"""A sex that is not known, or is another, tells nobody apart."""
TELLING: Final = ("family_is", "family", "birth_date", "number", "ins")
"""One of these is needed: the others would find half a region."""
PARAMETER: Final = re.compile(r"@PID\.([0-9]{1,2}(?:\.[0-9]){0,2})")
MEANT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("5.1", "5.1.1"), "family"), "5.2": "given",
    **dict.fromkeys(("7", "7.1"), "birth_date"), "8": "sex",
    "3.1": "number", **dict.fromkeys(("3.4", "3.4.1"), "namespace"), "3.4.2": "oid",
    **dict.fromkeys(("3.4.3", "3.5"), ""),
}  # fmt: skip
"""Parts of PID that may be sought by, and what each is; nothing: it tells what the others are."""
WHOLE: Final[Mapping[str, Mapping[str, tuple[int, int]]]] = {
    "5": {"family": (1, 1), "given": (2, 1)},
    "3": {"number": (1, 1), "namespace": (4, 1), "oid": (4, 2)},
}
"""Fields that some systems write whole: component and subcomponent of each part."""

AssignerOf = Callable[[str, str], str | None]
"""The assigner of a name and an OID, each empty where it is not said; None: not known here."""


@dataclass(frozen=True)
class CrossReference:
    """Which other numbers are one person's. ``wanted``: of these assigners alone, where there are any."""

    assigner: str
    number: str
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demographics:
    """Who is meant. ``criteria``: as the index has them; ``limit``: people at a time; ``pointer``: where to go on."""

    criteria: Mapping[str, str]
    wanted: tuple[str, ...] = ()
    limit: int | None = None
    pointer: str = ""


@dataclass
class _Sought:
    """Parameters by what they are, each with the place where it stands."""

    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def add(self, name: str, value: str, place: Place) -> None:
        if not name or not value:
            return
        if name in self.values:
            raise Refused(place, Condition.DUPLICATE_KEY, "a part of PID is sought twice: send each once")
        if len(value) > LONGEST:
            raise Refused(place, Condition.DATA_TYPE, f"what is sought has more than {LONGEST} characters")
        self.values[name], self.places[name] = value, place


def tag_of(qpd: Segment) -> str:
    """The query's tag. Raises Refused."""
    if not (tag := qpd.value(TAG)):
        raise Refused(qpd.place(TAG), Condition.FIELD_MISSING, "the query has no tag: its answer could not be told")
    if len(tag) > LONGEST_TAG:
        raise Refused(qpd.place(TAG), Condition.DATA_TYPE, f"a tag has at most {LONGEST_TAG} characters")
    return tag


def cross_reference(qpd: Segment, assigner_of: AssignerOf) -> CrossReference:
    """What QBP^Q23 asks. Raises Refused."""
    asked = qpd.values(IDENTIFIER)
    if len(asked) != 1:
        condition = Condition.DATA_TYPE if asked else Condition.FIELD_MISSING
        raise Refused(qpd.place(IDENTIFIER), condition, f"one number is asked about, and there are {len(asked)}")
    if (assigner := assigner_of(*named_by(asked[0]))) is None:
        raise Refused(_part(IDENTIFIER, 1, 4), Condition.UNKNOWN_KEY, UNKNOWN_ASSIGNER)
    if not (number := asked[0].part(1)):
        raise Refused(_part(IDENTIFIER, 1, 1), Condition.FIELD_MISSING, "there is no number to ask about")
    return CrossReference(assigner, number, _domains(qpd, PIX_DOMAINS, assigner_of))


def demographics(qpd: Segment, rcp: Segment | None, dsc: Segment | None, assigner_of: AssignerOf) -> Demographics:
    """What QBP^Q22 asks. Raises Refused."""
    sought = _Sought()
    for n, parameter in enumerate(qpd.repetitions(FIELDS), 1):
        _take(parameter, _part(FIELDS, n), sought)
    return Demographics(
        _criteria(qpd, sought, assigner_of),
        _domains(qpd, PDQ_DOMAINS, assigner_of),
        _limit(rcp) if rcp else None,
        dsc.value(1) if dsc else "",
    )


def refuse_deferred(rcp: Segment | None) -> None:
    """Raises Refused for a query that is to be answered later."""
    if rcp and rcp.value(1) not in ("", "I"):
        raise Refused(rcp.place(1), Condition.NOT_IN_TABLE, "queries are answered at once: write I")


def _limit(rcp: Segment) -> int | None:
    """Raises Refused."""
    number, unit = rcp.value(2), rcp.value(2, 2)
    if not number:
        return None
    if not (number.isascii() and number.isdecimal() and len(number) <= 9 and int(number)):
        raise Refused(rcp.place(2), Condition.DATA_TYPE, "how many people are wanted at a time is a number from 1")
    if unit not in ("", "RD"):
        raise Refused(rcp.place(2), Condition.NOT_IN_TABLE, "people are counted: write RD")
    return min(int(number), MOST_RECORDS)


def _domains(qpd: Segment, field_number: int, assigner_of: AssignerOf) -> tuple[str, ...]:
    """The assigners that are wanted. Raises Refused, with the place of each that is not known."""
    asked = qpd.repetitions(field_number)
    if len(asked) > MOST_DOMAINS:
        raise Refused(qpd.place(field_number), Condition.DATA_TYPE, f"more than {MOST_DOMAINS} assigners are wanted")
    found = [(n, assigner_of(*named_by(one))) for n, one in enumerate(asked, 1) if one.text]
    if unknown := [_part(field_number, n) for n, one in found if one is None]:
        raise Refused(unknown[0], Condition.UNKNOWN_KEY, UNKNOWN_ASSIGNER, others=unknown[1:])
    return tuple(dict.fromkeys(one for _, one in found if one))


def _take(parameter: Repetition, place: Place, sought: _Sought) -> None:
    """Raises Refused."""
    if not parameter.text.strip():
        return
    named = PARAMETER.fullmatch(parameter.part(1))
    if named and (parts := WHOLE.get(named[1])):
        whole = parameter.rest()
        for name, (component, subcomponent) in parts.items():
            sought.add(name, whole.part(component, subcomponent), place)
    elif named and named[1] in MEANT:
        sought.add(MEANT[named[1]], parameter.part(2), place)
    else:
        raise Refused(
            place,
            Condition.NOT_IN_TABLE,
            "nobody is sought by that: leave it out; PID.3, PID.5.1, PID.5.2, PID.7 and PID.8 may be sought by",
        )


def _criteria(qpd: Segment, sought: _Sought, assigner_of: AssignerOf) -> dict[str, str]:
    """As the index compares them. Raises Refused."""
    found: dict[str, str] = {}
    for name in ("family", "given"):
        if name in sought.values:
            found |= _name(name, sought.values[name], sought.places[name])
    if date := sought.values.get("birth_date"):
        found["birth_date"] = _date(date, sought.places["birth_date"])
    if sex := sought.values.get("sex"):
        if sex not in SEXES:
            raise Refused(sought.places["sex"], Condition.NOT_IN_TABLE, f"the sex is none of {', '.join(SEXES)}")
        if SEXES[sex] in TOLD_APART:
            found["sex"] = SEXES[sex]
    found |= _number(sought, assigner_of)
    if not found.keys() & {*TELLING}:
        raise Refused(
            qpd.place(FIELDS),
            Condition.FIELD_MISSING,
            "too many would be found: seek by a family name, a birth date or a number, and what else is known",
        )
    return found


def _name(name: str, value: str, place: Place) -> dict[str, str]:
    """A name as it is, or with an asterisk at its end as it begins. Raises Refused."""
    begins, text = value.endswith(WILDCARD), value.rstrip(WILDCARD)
    letters = folded(text)
    if len(letters) < (LEAST_LETTERS if letters.isascii() else 1) or WILDCARD in text:
        raise Refused(
            place,
            Condition.DATA_TYPE,
            f"a name that is sought has {LEAST_LETTERS} letters or more; an asterisk stands at its end",
        )
    return {name if begins else f"{name}_is": text}


def _date(text: str, place: Place) -> str:
    found = DATE.fullmatch(text)
    day = f"{found[1]}-{found[2] or '00'}-{found[3] or '00'}" if found else ""
    if first_day(day) is None:
        raise Refused(place, Condition.DATA_TYPE, "the birth date is none: write YYYYMMDD, or a year and month alone")
    return day


def _number(sought: _Sought, assigner_of: AssignerOf) -> dict[str, str]:
    """A number is one of its assigner's alone. Raises Refused."""
    name, oid = sought.values.get("namespace", ""), sought.values.get("oid", "")
    number = sought.values.get("number")
    if not (name or oid):
        if number:
            text = "a number is sought with its assigner: add @PID.3.4"
            raise Refused(sought.places["number"], Condition.FIELD_MISSING, text)
        return {}
    if (assigner := assigner_of(name, oid)) is None:
        raise Refused(sought.places["oid" if oid else "namespace"], Condition.UNKNOWN_KEY, UNKNOWN_ASSIGNER)
    if assigner in AUTHORITIES:
        number = "".join((number or "").split()).upper()
        return {"ins": number, "ins_oid": assigner, "status": "QUAL"} if number else {}
    return {"number": number, "assigner": assigner} if number else {"assigner": assigner}


def _part(field_number: int, repetition: int, component: int = 0) -> Place:
    return Place("QPD", field_number, 1, repetition, component)
