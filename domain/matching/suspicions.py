"""Blocks in which two people are suspected: twins, and homonyms. There a rule merges by number or married name alone.

A pair of twins agrees in family name, birth date and place, and a record of one of them may carry any slip; homonyms
agree in all names and the date. Whether a block is suspected is decided by the groups of records that are surely one
person already, so that one person's own slips raise no suspicion. A new record may raise one: then merges of that block
are decided again.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from domain.matching.frequencies import Shares
from domain.matching.given_names import Given
from domain.matching.lexicon import is_name, two_names
from domain.matching.nicknames import short_form
from domain.matching.record import Record
from domain.matching.spelling import slip

Group = Sequence[Record]
"""Records that are surely of one person; most often one."""
NOTHING: Final[frozenset[str]] = frozenset()


def birth_block(record: Record) -> Hashable | None:
    """Where twins would be: family name by sound, and whole birth date."""
    if record.family is None or record.born is None or not record.born.whole:
        return None
    return record.family.sound, record.born


def name_block(record: Record) -> Hashable | None:
    """Where homonyms would be: family and given name by sound, and whole birth date."""
    block = birth_block(record)
    return None if block is None or record.given is None else (block, record.given.sound)


class Suspicions:
    """The blocks of some groups in which two people are suspected."""

    def __init__(self, groups: Iterable[Group], given_names: Shares) -> None:
        self._given_names = given_names
        births: dict[Hashable, list[Group]] = defaultdict(list)
        names: dict[Hashable, list[Group]] = defaultdict(list)
        for group in groups:
            for block in {birth_block(record) for record in group} - {None}:
                births[block].append(group)
            for block in {name_block(record) for record in group} - {None}:
                names[block].append(group)
        self._twins = {
            block for block, inside in births.items() if any(self._twins_of(a, b) for a, b in combinations(inside, 2))
        }
        self._homonyms = {
            block: frozenset(trait for a, b in combinations(inside, 2) for trait in _told_apart_by(a, b))
            for block, inside in names.items()
        }

    def twins(self, record: Record) -> bool:
        """Whether the record's block is suspected to hold twins."""
        return birth_block(record) in self._twins

    def homonyms(self, record: Record) -> frozenset[str]:
        """The traits that tell homonyms of the record's block apart: place, number, first_names.

        Two records that agree in such a trait are not told apart by it.
        """
        return self._homonyms.get(name_block(record), NOTHING)

    def _twins_of(self, one: Group, other: Group) -> bool:
        """Two numbers; or two given names, neither of which may be the other."""
        if _disjoint(_numbers(one), _numbers(other)):
            return True
        names_of_one, names_of_other = (
            [record.given for record in group if record.given is not None] for group in (one, other)
        )
        if not (self._a_name(names_of_one) and self._a_name(names_of_other)):
            return False
        return not any(self._may_be_one(a, b) for a in names_of_one for b in names_of_other)

    def _a_name(self, names: list[Given]) -> bool:
        return any(is_name(name, self._given_names) for name in names)

    def _may_be_one(self, a: Given, b: Given) -> bool:
        if _lists_differ({a.listed}, {b.listed}):
            return False
        if a.whole in b.spellings or b.whole in a.spellings or short_form(a.whole, b.whole):
            return True
        return slip(a.whole, b.whole) and not two_names(a, b, self._given_names)


def _told_apart_by(one: Group, other: Group) -> Iterator[str]:
    """The traits that differ between two groups. One that is not known tells nothing."""
    if _disjoint(*({record.place for record in group if record.place} for group in (one, other))):
        yield "place"
    if _disjoint(_numbers(one), _numbers(other)):
        yield "number"
    if _lists_differ(*({record.given.listed for record in group if record.given} for group in (one, other))):
        yield "first_names"


def _numbers(group: Group) -> set[str]:
    return {record.number.key for record in group if record.number and record.number.own}


def _disjoint(one: set[str], other: set[str]) -> bool:
    return bool(one and other) and not one & other


def _lists_differ(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> bool:
    """No list of one starts a list of the other; an empty one says nothing."""
    known = [{each for each in lists if each} for lists in (one, other)]
    if not all(known):
        return False
    return not any(a[: len(b)] == b or b[: len(a)] == a for a in known[0] for b in known[1])
