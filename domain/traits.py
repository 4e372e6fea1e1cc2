"""Validates a person's traits: what a person may state, and what is kept of what a device sent.

Source: RNIV 1 v2.0, strict traits; INSEE, Code officiel géographique.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from domain.errors import BadTraits
from domain.matching.birth_dates import FORM as DATE
from domain.matching.birth_dates import LUNAR
from domain.matching.folding import words as folded
from domain.texts import CONTROL, plain

SEXES = ("M", "F", "I")
NAMES = ("family", "given", "used_name", "first_names")
LONGEST_ID = 256  # DICOM allows 64 characters (PS3.5 6.2, LO)
LONGEST_NAME = 256
BESIDE_LETTERS: Final = frozenset(" '\u2019\u02bc`\u00b4-\u2010\u2011\u2013.,()\u00b7")
"""What names hold beside letters: apostrophes and hyphens as keyboards write them, TOUR (DE LA), Gal·la."""
COMMON_NAME: Final = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ '.,()-]*")  # told from others at a glance
INVISIBLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cn"})  # categories of Unicode
EARLIEST: Final = date(1850, 1, 1)
LONGEST_LUNAR_MONTH: Final = 30
FIRST_ZONE: Final = timedelta(hours=14)  # a child born just now is born tomorrow where the day begins first
PARTICLES = frozenset({"D", "DE", "DEL", "DES", "DU", "L", "LA", "LE", "LES", "VAN", "VON"})
TRAITS = ("family", "given", "birth_date", "sex", "birth_place", "used_name", "first_names")


def traits(now: datetime, /, **stated: str | None) -> dict[str, str | None]:
    """Checked traits: all keys of ``TRAITS``, None where not known. Raises BadTraits (I1), naming the field only.

    ``birth_date`` is ``YYYY-MM-DD``, with 00 for a day, or a month and day, that is not known, and 31 to 42 for a month
    of a lunar calendar; ``sex`` M, F or I; ``birth_place`` an INSEE code of five characters, of today or of then, or 99
    and the country's. ``now``: when it is stated, with a time zone.
    """
    return corrected(now, {}, **stated)


def corrected(now: datetime, known: Mapping[str, str | None], /, **stated: str | None) -> dict[str, str | None]:
    """The known traits with those that are stated in their place; only the latter are checked. Raises BadTraits (I1).

    What a device sent, or an older rule let in, stays as it is until it is corrected.
    """
    if unknown := stated.keys() - set(TRAITS):
        raise BadTraits(f"no such trait: {', '.join(sorted(unknown))}; known are {', '.join(TRAITS)}")
    clean = {name: (value or "").strip() or None for name, value in stated.items()}
    if bad := [name for name, value in clean.items() if CONTROL.search(value or "")]:
        raise BadTraits(f"{', '.join(bad)}: holds a control character, take it out", about=bad[0])
    for name, value in clean.items():
        if value:
            _check(name, value, now)
    whole = {name: clean.get(name, known.get(name)) for name in TRAITS}
    if not (whole["family"] or whole["given"]):
        raise BadTraits("neither a family nor a given name: give at least one")
    return whole


def refuse_odd_id(local_id: str) -> None:
    """Raises BadTraits (I1) for what is no number of an assigner's.

    A control character above all: it cannot be seen, and with it the id is another one.
    """
    if not local_id.strip() or len(local_id) > LONGEST_ID or CONTROL.search(local_id):
        raise BadTraits(
            f"the local id is empty, longer than {LONGEST_ID} characters or holds a control character: "
            "give the assigner's own number",
            about="id",
        )


def refuse_mistyped_id(local_id: str) -> None:
    """Raises BadTraits (I1) for an odd id, and for blanks around it: the same number without them is another id."""
    refuse_odd_id(local_id)
    if local_id != local_id.strip() or INVISIBLE.intersection(map(unicodedata.category, local_id)):
        raise BadTraits(
            "the local id has a blank at its start or end, or a character that cannot be seen: take it out, for with "
            "it the id is another one than without",
            about="id",
        )


def received_traits(now: datetime, /, **stated: str | None) -> dict[str, str | None]:
    """Traits as a device sent them: what cannot be is taken as not known, for no study is refused over a trait.

    A name is taken as sent, whatever it holds: it tells people apart who came in under one number.
    """
    clean = {name: plain(stated.get(name) or "") or None for name in TRAITS}
    for name, check in CHECKS.items():
        try:
            if value := clean[name]:
                check(value, now)
        except BadTraits:
            clean[name] = None
    return clean


def _check(trait: str, stated: str, now: datetime) -> None:
    """Raises BadTraits (I1), about that trait."""
    try:
        if check := CHECKS.get(trait):
            check(stated, now)
        else:
            _check_name(trait, stated)
    except BadTraits as refusal:
        refusal.about = trait
        raise


def _check_name(trait: str, name: str) -> None:
    if COMMON_NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return
    if len(name) > LONGEST_NAME or not any(unicodedata.category(sign)[0] == "L" for sign in name):
        raise BadTraits(
            f"{trait} has no letter, or more than {LONGEST_NAME} characters: leave it out if it is not known"
        )
    if any(sign not in BESIDE_LETTERS and unicodedata.category(sign)[0] not in "LM" for sign in name):
        raise BadTraits(
            f"{trait} holds a digit or a sign that no name has: beside letters there are spaces, hyphens, apostrophes, "
            "points, commas and brackets"
        )


def _check_birth_date(text: str, now: datetime) -> None:
    first = first_day(text)
    if first is None:
        raise BadTraits(
            "birth date is not a date: write it YYYY-MM-DD, with 00 for what is not known of it (1950-00-00, "
            "1950-03-00), or leave it out"
        )
    if first > (now + FIRST_ZONE).date():
        raise BadTraits("birth date is in the future: check the year")
    if first < EARLIEST:
        raise BadTraits(f"birth date is before {EARLIEST.year}: check the year, or leave it out when it is not known")


def first_day(text: str) -> date | None:
    """The first day that a birth date can stand for; None where the text is none."""
    if not (found := DATE.fullmatch(text)):
        return None
    year, month, day = map(int, found.groups())
    if month in LUNAR and day <= LONGEST_LUNAR_MONTH:
        month, day = 1, 1
    elif month == 0 and day:
        return None
    try:
        return date(year, month or 1, day or 1)
    except ValueError:
        return None


def _check_sex(text: str, _: datetime) -> None:
    if text not in SEXES:
        raise BadTraits(f"sex is not one of {', '.join(SEXES)}: leave it out when it is not known")


def _check_birth_place(text: str, _: datetime) -> None:
    if not re.fullmatch(r"(?:[0-9]{2}|2[AB])[0-9]{3}", text):
        raise BadTraits("birth place is not an INSEE code of five characters, such as 13055, 2A004 or 99109 (abroad)")


CHECKS: Final = {"birth_date": _check_birth_date, "sex": _check_sex, "birth_place": _check_birth_place}
"""Of the traits that are no names."""


@lru_cache(maxsize=10_000)  # a few thousand names are most of a region's
def words(name: str | None) -> frozenset[str]:
    """The words of a name in capitals, without accents, ligatures, hyphens or apostrophes."""
    return frozenset(folded(name or ""))
