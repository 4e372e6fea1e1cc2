"""How far names agree: family names, given names, the list of given names, used names.

Each function is symmetric. Levels are tried from the strongest to the weakest.
"""

from domain.matching.given_names import Given as GivenNames
from domain.matching.levels import Family, Given, Others, Used
from domain.matching.names import Name
from domain.matching.nicknames import short_form
from domain.matching.record import Record
from domain.matching.sounds import sound
from domain.matching.spelling import similar, slip, sounds_alike


def family(one: Record, other: Record) -> Family:
    """The level of the birth names; of birth name against used name, or given name, where that agrees better."""
    a, b = one.family, other.family
    if a and b and a.whole == b.whole:
        return Family.EXACT
    if a and b and _spelling(a, b):
        return Family.SPELLING
    if _crosswise(a, other.used) or _crosswise(b, one.used):
        return Family.CROSS
    if _swapped(one, other):
        return Family.SWAPPED
    if not a or not b:
        return Family.UNKNOWN
    return _remote(a, b)


def _crosswise(birth: Name | None, used: Name | None) -> bool:
    return birth is not None and used is not None and _spelling(birth, used)


def _spelling(a: Name, b: Name) -> bool:
    if a.core == b.core or slip(a.whole, b.whole):
        return True
    if len(a.parts) == len(b.parts) > 1 and sorted(a.parts) == sorted(b.parts):
        return True
    return sounds_alike(a.core, b.core, a.sound, b.sound)


def _swapped(one: Record, other: Record) -> bool:
    """Both names in each other's place, one of them letter by letter."""
    if not (one.family and other.family and one.given and other.given):
        return False
    crosses = ((one.family.whole, other.given.whole), (other.family.whole, one.given.whole))
    return any(a == b for a, b in crosses) and all(slip(a, b) for a, b in crosses)


def _remote(a: Name, b: Name) -> Family:
    if set(a.parts) <= set(b.parts) or set(b.parts) <= set(a.parts):
        return Family.PART
    return Family.SIMILAR if similar(a.core, b.core) else Family.DIFFERENT


def given(one: Record, other: Record) -> Given:
    """The level of the first given names."""
    a, b = one.given, other.given
    if not a or not b:
        return Given.UNKNOWN
    if a.whole == b.whole:
        return Given.EXACT
    if a.whole in b.spellings or b.whole in a.spellings:
        return Given.LISTED
    if _given_spelling(a, b):
        return Given.SPELLING
    if short_form(a.whole, b.whole):
        return Given.SHORT_FORM
    return Given.PART if _part(a.parts, b.parts) else Given.DIFFERENT


def _given_spelling(a: GivenNames, b: GivenNames) -> bool:
    """Of compound names each part for itself: JEAN-PIERRE and JEAN-PAUL share half their letters, and are two names."""
    if len(a.parts) > 1 and len(b.parts) > 1:
        return len(a.parts) == len(b.parts) and all(
            slip(x, y) or sounds_alike(x, y, sound(x), sound(y)) for x, y in zip(a.parts, b.parts, strict=True)
        )
    return slip(a.whole, b.whole) or sounds_alike(a.whole, b.whole, a.sound, b.sound)


def _part(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """One name is the start or the end of the other, or an initial is; the same words in another order are not."""
    short, long = sorted((a, b), key=len)
    if len(short) < len(long) and short in (long[: len(short)], long[-len(short) :]):
        return True
    return len(short) == 1 and 1 in (len(short[0]), len(long[0])) and short[0][0] == long[0][0]


def others(one: Record, other: Record) -> Others:
    """The given names after the first."""
    a = one.given.listed[1:] if one.given else ()
    b = other.given.listed[1:] if other.given else ()
    if not a or not b:
        return Others.UNKNOWN
    if a == b:
        return Others.EQUAL
    shared = any(x == y or slip(x, y) for x in a for y in b)
    return Others.COMMON if shared else Others.DIFFERENT


def used(one: Record, other: Record) -> Used:
    """The used names."""
    a, b = one.used, other.used
    if not a or not b:
        return Used.UNKNOWN
    return Used.EQUAL if _spelling(a, b) else Used.DIFFERENT
