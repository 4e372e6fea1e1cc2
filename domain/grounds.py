"""Checks that the reference of an erasure or a legal hold, which stays readable for ever, does not identify the person.

It searches the text for what is known of the person. The name of somebody else cannot be told from any other word: the
help of ``--reference`` warns about that.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from unicodedata import category

from domain.errors import UnfitGround
from domain.matching.folding import words as folded
from domain.traits import NAMES, PARTICLES, words

LONGEST: Final = 200
UNKNOWN: Final = "00"
_SHORTEST_TOLD: Final = 3  # shorter local ids and name words occur in many texts by chance
_MONTHS: Final = (
    {"JANVIER", "JANV", "JANUARY", "JAN"},
    {"FEVRIER", "FEVR", "FEV", "FEBRUARY", "FEB"},
    {"MARS", "MARCH", "MAR"},
    {"AVRIL", "AVR", "APRIL", "APR"},
    {"MAI", "MAY"},
    {"JUIN", "JUNE", "JUN"},
    {"JUILLET", "JUIL", "JULY", "JUL"},
    {"AOUT", "AUGUST", "AUG"},
    {"SEPTEMBRE", "SEPTEMBER", "SEPT", "SEP"},
    {"OCTOBRE", "OCTOBER", "OCT"},
    {"NOVEMBRE", "NOVEMBER", "NOV"},
    {"DECEMBRE", "DECEMBER", "DEC"},
)
"""How French and English texts write the months, without accents."""
_UNSEEN: Final = "Cf"
"""Category of the characters that nobody sees, such as one that only allows a line to break within a word."""
_NATIONAL: Final = re.compile(r"[0-9](?:[ .]?[0-9AB]){12,14}")  # a matricule, with or without its key


def reference(stated: str, traits: Iterable[Mapping[str, Any]], numbers: Iterable[str]) -> str:
    """The reference, trimmed. ``traits`` of each identity of the person it is about; ``numbers``: their local ids, and
    those of their orders and exams. Raises UnfitGround (I8).
    """
    said = stated.strip()
    if not 0 < len(said) <= LONGEST:
        raise UnfitGround(f"a reference has 1 to {LONGEST} characters: say in short where the ground is written")
    if any(tells_of(said, one, ()) for one in traits) or tells_of(said, {}, numbers):
        raise UnfitGround(
            "a reference stays readable, and this one holds a name, a birth date or a number of the person: say it "
            "without, such as: judgement 26/00123"
        )
    return said


def tells_of(said: str, traits: Mapping[str, Any], numbers: Iterable[str]) -> bool:
    """Whether the text contains a name, the birth date or one of these numbers of the person, or any matricule."""
    said = "".join(character for character in said if category(character) != _UNSEEN)
    held = [folded(traits.get(name) or "") for name in NAMES]
    names = frozenset[str]().union(*held, ("".join(name) for name in held)) - PARTICLES
    told = {name for name in names if len(name) >= _SHORTEST_TOLD} & words(said)
    number = any(_occurs(one, said) for one in numbers)
    return bool(told or number or _NATIONAL.search(said) or _tells_date(said, traits.get("birth_date")))


def _occurs(number: str, said: str) -> bool:
    """Whether a number stands in a text by itself, or next to letters where its end is a figure: IPP4711."""
    before, after = ("[0-9]" if end.isdecimal() else r"\w" for end in (number[:1], number[-1:]))
    found = re.search(rf"(?<!{before}){re.escape(number)}(?!{after})", said, re.IGNORECASE)
    return len(number) >= _SHORTEST_TOLD and found is not None


def _tells_date(said: str, born: str | None) -> bool:
    """Whether the birth date, as far as it is known, occurs: from year to day, from day to year, or month first; the
    month in figures or as a word.
    """
    year, _, rest = (born or "").partition("-")
    month, _, day = rest.partition("-")
    if not day or month == UNKNOWN:
        return False  # a year alone tells of nobody
    day = "" if day == UNKNOWN else day
    figures = [figure.zfill(2) for part in re.findall(r"[0-9]+|[^\W\d_]+", said) if (figure := _figure(part))]
    written = {year + month + day, day + month + year, month + day + year}
    written |= {day + month + year[2:], year[2:] + month + day} if day else set()
    runs = ("".join(figures[at : at + length]) for at in range(len(figures)) for length in (1, 2, 3))
    return any(run in written for run in runs)


def _figure(part: str) -> str | None:
    """Digits as they are, a month as its number; None for any other word."""
    if part.isdecimal():
        return part
    return next((str(at) for at, names in enumerate(_MONTHS, 1) if names & words(part)), None)
