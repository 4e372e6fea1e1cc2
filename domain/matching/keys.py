"""Blocking keys: two records are compared only where they share one, so that a region is not compared with itself.

A record has up to 15 keys, and each holds a birth date, in whole or in part, or a number: no key grows with a common
name. Names count by their sound, whichever field they stand in, so that swapped and married names meet. A trait that is
not known gives no key.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from domain.matching.birth_dates import Born
from domain.matching.names import Name
from domain.matching.record import Record

BITS: Final = 64
"""Of a key as stored: at 150 million keys two different ones meet by chance a few hundred times, to no effect."""
DAY_NAME: Final = "day+name"
STEM, END, INITIAL = 3, 2, 1
"""Letters of a family and of a given name's sound that stand for it where the rest may have slipped."""


def keys(record: Record) -> frozenset[int]:
    """Signed integers of 64 bits, the same on every machine."""
    return frozenset(map(_digest, texts(record)))


def of_birth_block(record: Record) -> int | None:
    """The key that all have who are in the record's birth block (``suspicions.birth_block``), and others with them."""
    if record.family is None or record.born is None or not record.born.whole:
        return None
    return _digest(f"{DAY_NAME}|{_day(record.born)}|{record.family.sound}")


def texts(record: Record) -> frozenset[str]:
    """The keys as text: which kind, and what it is made of."""
    found = set(_of_number(record))
    if record.born:
        found.update(_of_day(record))
        found.update(_of_parts(record))
    return frozenset(found)


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
        yield f"day+place|{day}|{record.place}|{record.sex or ''}"


def _day(birth: Born) -> str:
    return f"{birth.year:04}-{birth.month:02}-{birth.day:02}"


def _of_parts(record: Record) -> Iterator[str]:
    """Both names, with a part of the date: the other parts may have slipped, or not be known."""
    birth, given = record.born, record.given
    if birth is None or given is None:
        return
    for family in filter(None, (record.family, record.used)):
        yield f"names+year|{_both(family.sound, given.sound)}|{birth.year}"
    if record.family:
        yield from _of_family(record.family, given.sound, birth)
        if birth.whole:
            yield f"names+decade+day|{_both(record.family.sound, given.sound)}|{birth.year // 10}|{birth.day}"


def _both(family: str, given: str) -> str:
    """The sounds of both names, whichever stands where."""
    return "|".join(sorted((family, given)))


def _of_family(family: Name, given: str, birth: Born) -> Iterator[str]:
    """A part of the names with a part of the date."""
    low, high = sorted((birth.month, birth.day))
    parts = {"tail": [f"{given}|{family.sound[-END:]}"], "stem": [*_stems(family, given)]}
    for kind, names in parts.items():
        for name in names:
            yield f"{kind}+year|{name}|{birth.year}"
            if birth.whole:
                yield f"{kind}+month+day|{name}|{low}|{high}"


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
    return int.from_bytes(blake2b(text.encode(), digest_size=BITS // 8).digest(), signed=True)
