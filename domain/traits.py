"""Validates a person's traits, and compares two statements under one number: can they be the same person?

Comparison is only for the *same assigner and local id* (was a number used twice?); matching across assigners has its
own rules. Source: RNIV 1 v2.0, strict traits; names compared without accents, case, order or hyphens.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, Final

from domain.errors import BadTraits
from domain.texts import CONTROL, plain

SEXES = ("M", "F", "I")
ALIKE = 0.84  # a six-letter name with one wrong letter scores 0.83 to 0.91
NAMES = ("family", "given", "used_name", "first_names")
LONGEST_ID = 256  # DICOM allows 64 characters (PS3.5 6.2, LO)
LONGEST_NAME = 256
BESIDE_LETTERS: Final = frozenset(" '\u2019\u02bc`\u00b4-\u2010\u2011\u2013.,()\u00b7")
"""What names hold beside letters: apostrophes and hyphens as keyboards write them, TOUR (DE LA), Gal·la."""
COMMON_NAME: Final = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ '.,()-]*")  # told from others at a glance
INVISIBLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cn"})  # categories of Unicode
EARLIEST: Final = date(1850, 1, 1)
FIRST_ZONE: Final = timedelta(hours=14)  # a child born just now is born tomorrow where the day begins first
PARTICLES = frozenset({"D", "DE", "DEL", "DES", "DU", "L", "LA", "LE", "LES", "VAN", "VON"})
TRAITS = ("family", "given", "birth_date", "sex", "birth_place", "used_name", "first_names")


def traits(now: datetime, /, **stated: str | None) -> dict[str, str | None]:
    """Checked traits: all keys of ``TRAITS``, None where not known. Raises BadTraits (I1), naming the field only.

    ``birth_date`` is ``YYYY-MM-DD``; ``sex`` M, F or I; ``birth_place`` an INSEE code of five characters. ``now``: when
    it is stated, with a time zone.
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
        raise BadTraits(f"{', '.join(bad)}: holds a control character, take it out")
    for name, value in clean.items():
        if check := value and CHECKS.get(name):
            check(value, now)
        elif value:
            _check_name(name, value)
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
            "give the assigner's own number"
        )


def refuse_mistyped_id(local_id: str) -> None:
    """Raises BadTraits (I1) for an odd id, and for blanks around it: the same number without them is another id."""
    refuse_odd_id(local_id)
    if local_id != local_id.strip() or INVISIBLE.intersection(map(unicodedata.category, local_id)):
        raise BadTraits(
            "the local id has a blank at its start or end, or a character that cannot be seen: take it out, for with "
            "it the id is another one than without"
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
    try:
        born = date.fromisoformat(text)
    except ValueError:
        born = None
    if born is None or born.isoformat() != text:
        raise BadTraits("birth date is not a date: write it YYYY-MM-DD, or leave it out when it is not known")
    if born > (now + FIRST_ZONE).date():
        raise BadTraits("birth date is in the future: check the year")
    if born < EARLIEST:
        raise BadTraits(f"birth date is before {EARLIEST.year}: check the year, or leave it out when it is not known")


def _check_sex(text: str, _: datetime) -> None:
    if text not in SEXES:
        raise BadTraits(f"sex is not one of {', '.join(SEXES)}: leave it out when it is not known")


def _check_birth_place(text: str, _: datetime) -> None:
    if not re.fullmatch(r"(?:[0-9]{2}|2[AB])[0-9]{3}", text):
        raise BadTraits("birth place is not an INSEE code of five characters, such as 13055 or 2A004")


CHECKS: Final = {"birth_date": _check_birth_date, "sex": _check_sex, "birth_place": _check_birth_place}
"""Of the traits that are no names."""


@lru_cache(maxsize=10_000)  # a few thousand names are most of a region's
def words(name: str | None) -> frozenset[str]:
    """The words of a name in capitals, without accents, hyphens or apostrophes."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name or "") if not unicodedata.combining(c))
    return frozenset(re.findall(r"[^\W_]+", bare.upper()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Can the two be spellings of one name? Unknown can be anything; an initial stands for its name."""
    if not one or not other or one & other:
        return True
    pairs = [(a, b) for a in one for b in other]
    if any(min(len(a), len(b)) == 1 and a[0] == b[0] for a, b in pairs):
        return True
    return any(SequenceMatcher(None, a, b).ratio() >= ALIKE for a, b in pairs)


def _family(person: dict[str, Any]) -> frozenset[str]:
    """Words of the family and the used name; a particle, which many names share, says nothing beside another word."""
    found = words(person.get("family")) | words(person.get("used_name"))
    return found - PARTICLES or found


def names_agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Can the names be of one person, in this order or family and given swapped? A used name is a family name."""
    if all(one.get(name) == other.get(name) for name in NAMES):
        return True  # the common case: the same device says the same again
    family_1, family_2 = _family(one), _family(other)
    given_1 = words(one.get("given")) | words(one.get("first_names"))
    given_2 = words(other.get("given")) | words(other.get("first_names"))
    straight = _alike(family_1, family_2) and _alike(given_1, given_2)
    return straight or bool(family_1 & given_2 and given_1 & family_2)


def dates_differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both birth dates are known, and are not the same."""
    known = one.get("birth_date"), other.get("birth_date")
    return bool(known[0] and known[1]) and known[0] != known[1]


def can_be_one_person(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """False where the names cannot be of one person and no equal birth date speaks for it.

    A birth date that is missing on either side speaks for nothing: then the names alone decide. Names of which no part
    is known on both sides speak for nothing either: then two birth dates that differ are two persons.
    """
    if names_agree(one, other):
        return not dates_differ(one, other) or _share_a_name(one, other)
    return bool(one.get("birth_date")) and one.get("birth_date") == other.get("birth_date")


def _share_a_name(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Is the family name known on both sides, or the given name?"""
    parts = (("family", "used_name"), ("given", "first_names"))
    return any(all(any(words(person.get(n)) for n in part) for person in (one, other)) for part in parts)


def completed(known: dict[str, Any], stated: dict[str, Any]) -> dict[str, Any]:
    """What is known, and what a statement whose names agree adds to it: traits not known yet, a name for an initial.

    Without the latter, M would agree with Marie today and with Michel tomorrow.
    """
    return known | {n: stated[n] for n in TRAITS if _says_less(n, known.get(n), stated.get(n))}


def _says_less(trait: str, known: str | None, stated: str | None) -> bool:
    if not stated or stated == known:  # the common case
        return False
    return not known or (trait in NAMES and _initials(known) and not _initials(stated))


def _initials(name: str) -> bool:
    """Whether a name has no word but initials; or no word at all."""
    return all(len(word) == 1 for word in words(name))
