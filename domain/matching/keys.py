"""Blocking keys: two records are compared only where they share one, so that a region is not compared with itself.

A record has up to 17 keys, and each holds a birth date, in whole or in part, or a number: no key grows with a common
name. Names count by their sound, whichever field they stand in, so that swapped and married names meet. A trait that is
not known gives no key.

The less a key says, the more who share it must agree otherwise: in how much they may contradict each other
(``sketches``) is part of the key.
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Final

from domain.matching.birth_dates import Born
from domain.matching.names import Name
from domain.matching.numbers import Number
from domain.matching.record import Record

BITS: Final = 64
"""Of a key as stored: at 150 million keys two different ones meet by chance a few hundred times, to no effect."""
MAY: Final = 3
"""The last bits of a key: so many contradictions are allowed of two who share it."""
MAY_CONTRADICT: Final = {"number": 3, "day+name": 1, "names+year": 1, "names+decade+day": 1}
"""In how much who share a key may contradict each other; in nothing, where its kind is not named."""
DAY_NAME: Final = "day+name"
NUMBER, YEAR, MONTH_AND_DAY, DECADE_AND_DAY = "number", "year", "month and day", "decade and day"
STEM, END, INITIAL = 3, 2, 1
"""Letters of a family and of a given name's sound that stand for it where the rest may have slipped."""
LAST: Final = 2
"""Digits that a region is parted by, of whoever has a number."""


def keys(record: Record) -> frozenset[int]:
    """Signed integers of 64 bits, the same on every machine."""
    return frozenset(map(_digest, texts(record)))


def of_merges(record: Record) -> frozenset[int]:
    """Those of which two share one whom a rule may merge (``tiers``): they have one number, or one whole birth date."""
    return frozenset(map(_digest, (*_of_number(record), *_of_day(record))))


def may_contradict(key: int) -> int:
    """In how much two who share this key may contradict each other, and are compared all the same."""
    return key & MAY


def keys_of(kind: str, record: Record) -> frozenset[int]:
    """Those of one of ``KINDS``."""
    return frozenset(map(_digest, KINDS[kind](record)))


def parts(birth: Born | None, number: Number | None) -> Iterator[tuple[str, str]]:
    """The kinds of which a record may have keys, each with its part of a region: whoever shares a key of that kind is
    in that part, too.
    """
    if number:
        yield NUMBER, number.key[-LAST:]
    if birth:
        yield YEAR, f"{birth.year}"
    if birth and birth.whole:
        low, high = sorted((birth.month, birth.day))
        yield MONTH_AND_DAY, f"{low}|{high}"
        yield DECADE_AND_DAY, f"{birth.year // 10}|{birth.day}"


def of_birth_block(record: Record) -> int | None:
    """The key that all have who are in the record's birth block (``suspicions.birth_block``), and others with them."""
    if record.family is None or record.born is None or not record.born.whole:
        return None
    return _digest(f"{DAY_NAME}|{_day(record.born)}|{record.family.sound}")


def texts(record: Record) -> frozenset[str]:
    """The keys as text: which kind, and what it is made of."""
    return frozenset(text for of_kind in KINDS.values() for text in of_kind(record))


def _of_number(record: Record) -> Iterator[str]:
    if record.number:
        yield f"number|{record.number.key}"


def _of_day(record: Record) -> Iterator[str]:
    """The whole date, with any one name or with the place."""
    birth = record.born
    if birth is None or not birth.whole:
        return
    day = _day(birth)
    for sound in _sounds(record):
        yield f"{DAY_NAME}|{day}|{sound}"
    if record.family and record.given:
        initials = "".join(sorted((record.family.sound[0], record.given.sound[0])))
        yield f"day+initials|{day}|{initials}"
    if record.place:
        yield f"day+place|{day}|{record.place}"


def _day(birth: Born) -> str:
    return f"{birth.year:04}-{birth.month:02}-{birth.day:02}"


def _of_year(record: Record) -> Iterator[str]:
    """The year, with the day and any one name or the place; with both names, with parts of them, or with one of them
    and the place.
    """
    yield from _of_day(record)
    birth = record.born
    if birth is None:
        return
    if record.place and record.family:
        yield f"family+place+year|{record.family.sound}|{record.place}|{birth.year}"
    for names in _both_names(record):
        yield f"names+year|{names}|{birth.year}"
    for kind, name in _of_names(record):
        yield f"{kind}+year|{name}|{birth.year}"


def _of_month_and_day(record: Record) -> Iterator[str]:
    """Parts of the names, with the day and the month, whichever stands where."""
    if record.born and record.born.whole:
        low, high = sorted((record.born.month, record.born.day))
        for kind, name in _of_names(record):
            yield f"{kind}+month+day|{name}|{low}|{high}"


def _of_decade_and_day(record: Record) -> Iterator[str]:
    """Both names, with a date whose year or month slipped."""
    birth = record.born
    if birth and birth.whole:
        for names in _both_names(record):
            yield f"names+decade+day|{names}|{birth.year // 10}|{birth.day}"


def _both_names(record: Record) -> Iterator[str]:
    """The sounds of the given name and of the family or used name, whichever stands where."""
    for family in (record.family, record.used):
        if family and record.given:
            yield "|".join(sorted((family.sound, record.given.sound)))


def _of_names(record: Record) -> Iterator[tuple[str, str]]:
    """Parts of both names: the end of the family name, or the start of either."""
    if record.family and record.given:
        family, given = record.family, record.given.sound
        yield "tail", f"{given}|{family.sound[-END:]}"
        for stem in _stems(family, given):
            yield "stem", stem


def _stems(family: Name, given: str) -> Iterator[str]:
    """One name whole, and the start of the other."""
    yield f"{family.sound}|{given[:INITIAL]}"
    yield f"{given}|{family.sound[:STEM]}"


def _sounds(record: Record) -> frozenset[str]:
    """Sounds of the names, whichever field they stand in."""
    names = [name for name in (record.family, record.used) if name]
    sounds = {name.sound for name in names}
    if record.given:
        sounds.add(record.given.sound)
    return frozenset(sounds)


def _digest(text: str) -> int:
    mixed = int.from_bytes(blake2b(text.encode(), digest_size=BITS // 8).digest(), signed=True)
    return mixed & ~MAY | MAY_CONTRADICT.get(text.partition("|")[0], 0)


KINDS: Final[Mapping[str, Callable[[Record], Iterator[str]]]] = {
    NUMBER: _of_number,
    YEAR: _of_year,
    MONTH_AND_DAY: _of_month_and_day,
    DECADE_AND_DAY: _of_decade_and_day,
}
"""The texts of the keys, by what all that share one have in common: the number, or that of the birth date."""
