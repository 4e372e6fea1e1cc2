"""INSEE codes of birth places in one form: arrondissements, Corsica before and after 1976, departments of before 1968.

Paris, Lyon and Marseille have a code for the city and one for each arrondissement: all become the city's. Corsica was
department 20 and is 2A and 2B; its communes kept their three digits. So did most of those that left Seine (75) and
Seine-et-Oise (78) in 1968. Source: INSEE, Code officiel géographique.
"""

import re
from functools import lru_cache
from typing import Final

from domain.matching import unknown

FORM: Final = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{3}", re.ASCII)
CITIES: Final = (("75101", "75120", "75056"), ("13201", "13216", "13055"), ("69381", "69389", "69123"))
"""First and last arrondissement, and the city."""
ABROAD: Final = "99"
CAME_FROM: Final = {"75": frozenset({"92", "93", "94"}), "78": frozenset({"91", "92", "93", "95"})}
"""Old department to those of 1968."""
CORSICA: Final = frozenset({"2A", "2B"})
BEFORE_CORSICA: Final = "20"
"""The department that was both."""
PARIS: Final = "75"
AROUND_PARIS: Final = frozenset(CAME_FROM).union(*CAME_FROM.values())


@lru_cache(maxsize=50_000)
def place(text: str | None) -> str | None:
    """Five characters; None where the place is not known, or is no INSEE code."""
    code = (text or "").strip().upper()
    if not FORM.fullmatch(code) or code in unknown.PLACES:
        return None
    for first, last, city in CITIES:
        if first <= code <= last:
            return city
    return BEFORE_CORSICA + code[2:] if code[:2] in CORSICA else code


def department(code: str) -> str:
    """The first two characters; for someone born abroad the country, all five."""
    return code if code.startswith(ABROAD) else code[:2]


def district(code: str) -> str:
    """The department; one for all that a commune near Paris has ever been in, so that one place is in one district."""
    found = department(code)
    return PARIS if found in AROUND_PARIS else found


def same_place(one: str, other: str) -> bool:
    """Whether two codes may be of one commune, today's or as it was before 1968. A city never left its department."""
    if one == other:
        return True
    if any(city in (one, other) for *_, city in CITIES):
        return False
    low, high = sorted((one, other))
    return low[2:] == high[2:] and high[:2] in CAME_FROM.get(low[:2], ())


def codes(text: str) -> frozenset[str]:
    """All codes that the place of a code may be stated by: today's, those of before, a city's and its districts'."""
    sought, one = text.strip().upper(), place(text)
    if one is None:
        return frozenset((sought,))
    for first, last, city in CITIES:
        if one == city:
            return frozenset((city, *map(str, range(int(first), int(last) + 1))))
    if sought[:2] in CORSICA:
        return frozenset((sought, one))
    others = (each + one[2:] for each in (CORSICA if one.startswith(BEFORE_CORSICA) else AROUND_PARIS))
    return frozenset((sought, one, *(each for each in others if same_place(one, place(each) or ""))))
