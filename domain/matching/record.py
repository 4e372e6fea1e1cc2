"""The traits of one local identity in the form that matching compares: normalised, and None where not known.

``record`` is total: any text gives a record, and what cannot be understood is not known. What may be stored is decided
elsewhere (``domain.traits``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.matching.birth_dates import Born, born
from domain.matching.birth_places import place
from domain.matching.given_names import Given, given_names
from domain.matching.names import Name, beside, both
from domain.matching.numbers import Number, number

SEXES = frozenset({"M", "F", "I"})


@dataclass(frozen=True, slots=True)
class Record:
    """One local identity, as matching sees it."""

    family: Name | None
    given: Given | None
    used: Name | None
    born: Born | None
    sex: str | None
    place: str | None
    number: Number | None


def record(traits: Mapping[str, str | None], ins: str | None = None, *, replaced: bool = False) -> Record:
    """Of traits as in ``domain.traits``, and an INS with its authority (``domain.ins.qualified``); ``replaced``: it
    took the place of another, and the identity is flagged so.
    """
    family, used = both(traits.get("family"), traits.get("used_name"))
    given = given_names(traits.get("given"), traits.get("first_names"))
    birth = born(traits.get("birth_date"))
    said_sex = (traits.get("sex") or "").strip().upper()
    sex = said_sex if said_sex in SEXES else None
    birth_place = place(traits.get("birth_place"))
    return Record(
        beside(family, given),
        given,
        used,
        birth,
        sex,
        birth_place,
        number(ins, sex, birth, birth_place, replaced=replaced),
    )
