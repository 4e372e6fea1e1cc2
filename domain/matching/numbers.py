"""The national number of an identity, and whether it can be that identity's own.

A matricule says sex, year and month of birth and birth place. Where two of these differ from the record, it is
somebody else's: a parent's, under whose cover a child's care runs, or a husband's or wife's. The number proves nothing
alone: its year has two digits. Numbers of two authorities are never compared. One that took the place of another merges
nobody until a clerk settles which is right, and tells two people apart meanwhile. Source: Référentiel INS v2.1.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.matching.birth_dates import Born
from domain.matching.birth_places import place, same_place

SEXES: Final = {"1": "M", "3": "M", "7": "M", "2": "F", "4": "F", "8": "F"}
"""First digit to sex; 3, 4, 7 and 8 are those of numbers that wait for their definite form."""
SOMEBODY_ELSES: Final = 2
"""So many traits differ from the number where it is taken to be somebody else's."""
LENGTH: Final = 15


@dataclass(frozen=True, slots=True)
class Number:
    """A national number. ``own``: no sign that it is somebody else's; ``differs``: the traits that it contradicts;
    ``replaced``: it took the place of another, and nobody has settled yet which is right.
    """

    authority: str
    matricule: str
    differs: tuple[str, ...]
    replaced: bool = False

    @property
    def own(self) -> bool:
        """Whether it can be the number of this very person."""
        return len(self.differs) < SOMEBODY_ELSES

    @property
    def key(self) -> str:
        """The 13 characters without their key, with the authority."""
        return f"{self.authority}|{self.matricule[:13]}"


@lru_cache(maxsize=50_000)
def number(
    ins: str | None, sex: str | None, birth: Born | None, birth_place: str | None, *, replaced: bool = False
) -> Number | None:
    """Of ``oid|matricule`` (``domain.ins.qualified``) and traits in their comparable form; None where there is none."""
    authority, _, matricule = (ins or "").partition("|")
    if len(matricule) != LENGTH or not authority:
        return None
    return Number(authority, matricule, _differs(matricule, sex, birth, birth_place), replaced)


def _differs(matricule: str, sex: str | None, birth: Born | None, birth_place: str | None) -> tuple[str, ...]:
    said_sex = SEXES.get(matricule[0])
    said_month = matricule[3:5]
    said_place = place(matricule[5:10])
    found = []
    if said_sex and sex in ("M", "F") and sex != said_sex:
        found.append("sex")
    if birth and f"{birth.year % 100:02}" != matricule[1:3]:
        found.append("year")
    if birth and birth.month in range(1, 13) and "01" <= said_month <= "12" and f"{birth.month:02}" != said_month:
        found.append("month")
    if birth_place and said_place and not _may_be_one_place(birth_place, said_place):
        found.append("birth_place")
    return tuple(found)


def _may_be_one_place(one: str, other: str) -> bool:
    """Abroad the number has the department 99 or an older code of the country, which we do not translate."""
    return same_place(one, other) or one.startswith("99") or other.startswith("99")
