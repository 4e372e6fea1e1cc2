"""Compares two statements of traits under one number of one assigner: can they be of one person?

A number that was used twice shows a stranger's images, so a name or a date that is plainly another is another person:
twins, father and son, JEAN-PIERRE and JEAN-PAUL. What is written or heard in another way, a married name, or a slip in
a date is the same person. Traits are compared as matching compares them (``domain.matching``); what says nothing, as
INCONNU does, counts as not known. Matching across numbers has its own rules.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.matching.agreement import agreement, birth
from domain.matching.birth_dates import born
from domain.matching.birth_places import place
from domain.matching.frequencies import Shares
from domain.matching.given_names import given_names
from domain.matching.levels import Agreement, Birth, Family, Given, Sex
from domain.matching.lexicon import is_name, two_names
from domain.matching.names import beside, name, used_name
from domain.matching.nicknames import short_form
from domain.matching.record import Record, record
from domain.traits import NAMES, TRAITS, words

Traits = Mapping[str, Any]

SLIP: Final = frozenset({Birth.SWAPPED, Birth.ONE_DIGIT, Birth.TWO_PARTS})
"""Birth dates that may be one, with a slip of the keyboard."""
APART: Final = frozenset({Birth.YEAR, Birth.DIFFERENT})
NOWHERE: Final = Shares()
"""Which given names are names is told by the list alone, so that the answer is the same in every region."""


def can_be_one_person(one: Traits, other: Traits) -> bool:
    """Whether the two statements can be of one person. Symmetric.

    Where the names agree, a slip in the birth date is taken for one. Another family name is that of a marriage only
    where the given name is the same, and the birth date. Where no name is known on both sides birth dates must agree.
    """
    if _says_the_same(one, other):
        return True
    a, b = record(one), record(other)
    found = agreement(a, b)
    if not _given_agrees(found, a, b) or found.birth in APART:
        return False
    if _family_agrees(found, a, b):
        return found.birth not in SLIP or _share_a_name(a, b)
    return found.given is not Given.UNKNOWN and found.birth is Birth.EXACT


def names_agree(one: Traits, other: Traits) -> bool:
    """Whether the names can be of one person, in this order or family and given name swapped. Symmetric."""
    if all(one.get(trait) == other.get(trait) for trait in NAMES):
        return True
    a, b = record(one), record(other)
    found = agreement(a, b)
    return _family_agrees(found, a, b) and _given_agrees(found, a, b)


def completed(known: Traits, stated: Traits) -> dict[str, Any]:
    """What is known, and what a statement whose names agree adds to it: traits not known yet, a name for an initial, a
    whole birth date for a part of it.

    Without a name for an initial, M would agree with Marie today and with Michel tomorrow.
    """
    said = {**known, **stated}
    added = {trait: said[trait] for trait in TRAITS if _says_less(trait, known, said)}
    return {**known, **added}


def telling(known: Traits, stated: Traits) -> dict[str, Any]:
    """What is stated, without what says less than is known: INCONNU, or an initial, corrects no name. A birth date in
    part may be all that is known of it, and None says that a trait is not known any more.
    """
    said = {**known, **stated}
    return {trait: value for trait, value in stated.items() if not _hides(trait, known, said)}


def says_a_name(one: Traits) -> bool:
    """Whether a family or given name is known."""
    found = record(one)
    return bool(found.family or found.given)


def _says_the_same(one: Traits, other: Traits) -> bool:
    """The common case: a device says again what it said before."""
    return all(one.get(trait) == other.get(trait) for trait in ("birth_date", *NAMES))


def _family_agrees(found: Agreement, one: Record, other: Record) -> bool:
    return found.family is not Family.DIFFERENT or _initial(one, other)


def _initial(one: Record, other: Record) -> bool:
    """Whether one family name is the initial of the other."""
    if not (one.family and other.family):
        return False
    short, long = sorted((one.family.core, other.family.core), key=len)
    return len(short) == 1 and long.startswith(short)


def _given_agrees(found: Agreement, one: Record, other: Record) -> bool:
    """A slip makes a word that is no name, and no other sex. Of two names that differ by one, those that are one name
    written by ear are one (``lexicon.two_names``).
    """
    a, b = one.given, other.given
    if found.given is not Given.SPELLING or not (a and b):
        return found.given is not Given.DIFFERENT
    if found.sex is Sex.DIFFERENT:
        return False
    if short_form(a.whole, b.whole):
        return True
    if is_name(a, NOWHERE) or is_name(b, NOWHERE):
        return not two_names(a, b, NOWHERE)
    return a.sound == b.sound or sorted(a.whole) == sorted(b.whole)  # of two that no list has, either may be a name


def _share_a_name(one: Record, other: Record) -> bool:
    """Whether the family name is known on both sides, or the given name."""
    families = [person.family or person.used for person in (one, other)]
    return all(families) or bool(one.given and other.given)


def _hides(trait: str, known: Traits, stated: Traits) -> bool:
    if not stated.get(trait) or (trait == "birth_date" and _says(trait, stated)):
        return False
    return _says_less(trait, stated, known)


def _says_less(trait: str, known: Traits, stated: Traits) -> bool:
    text, other = known.get(trait), stated.get(trait)
    if not other or other == text:  # the common case
        return False
    if not text or (not _says(trait, known) and _says(trait, stated)):
        return True
    if trait == "birth_date":
        return _is_part(text, other)
    return trait in NAMES and _initials(text) and not _initials(other) and _says(trait, stated)


def _says(trait: str, stated: Traits) -> bool:
    """Whether a trait says anything. Sexes always do."""
    text = stated.get(trait)
    match trait:
        case "family":
            return beside(name(text), given_names(stated.get("given"), stated.get("first_names"))) is not None
        case "used_name":
            return used_name(text) is not None
        case "given":
            return given_names(text, None) is not None
        case "first_names":
            return given_names(None, text) is not None
        case "birth_date":
            return born(text) is not None
        case "birth_place":
            return place(text) is not None
    return True


def _is_part(known: str, stated: str) -> bool:
    """Whether a birth date is known in part, and the other one is the whole of it."""
    a, b = born(known), born(stated)
    return a is not None and b is not None and not a.whole and b.whole and birth(a, b) is Birth.IN_PART


def _initials(text: str) -> bool:
    """Whether a name has no word but initials; or no word at all."""
    return all(len(word) == 1 for word in words(text))
