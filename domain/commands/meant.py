"""Whom a statement means, of those who bear the number under which it came in.

Several people may bear one number. To take one of them for another shows a stranger's images, so what may be of any of
them is of none: it is somebody of their own, until a human says who. Nothing is compared with such a one but what says
the very same again, or each statement of that kind would be one more.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.pairs import are_one
from domain.matching.birth_dates import born
from domain.same_number import Traits, can_be_one_person, completed, names_agree, says_a_name
from domain.traits import NAMES
from domain.unlike import dates_differ, unlike
from domain.work import Work
from domain.worklist import IN_DOUBT, MAY_BE_MIXED


def meant_of(
    work: Work, bearers: Sequence[Identity], stated: Traits, *, ins: str | None = None, study_uid: str | None = None
) -> Identity | None:
    """Who of those who bear a number, in order, is meant. None: nobody can be, or any of several people. Raises
    KeyMissing (K1).

    Of several who can be, it is who was told the same, or those whom nothing contradicts, and who have the birth date
    and the name that are stated; then who has the matricule, or the study of that UID. ``ins``: the matricule that was
    sent, with its authority.
    """
    able = list[Identity]()
    for one in bearers:
        if (one.readable or not able) and can_be_of(one, stated):  # whose key is lost stops nobody who came before
            able.append(one)
    if len(able) < 2 and len(bearers) < 3:  # the usual case
        return able[0] if able else None
    known = told_apart(work, bearers)
    likely = [one for one in able if one in known]
    for likelier in LIKELIER:
        likely = [one for one in likely if likelier(one.traits, stated)] or likely
    of_either = [one for one in able if one not in known]
    numbered = [one for one in able if ins and one.ins == ins and not one.flags.intersection(UNSURE)]
    repeated = [one for one in of_either if completed(one.traits, stated) == one.traits]
    with_study = [one for one in (*likely, *repeated) if study_uid and _has_study(work, one, study_uid)]
    for found in (likely, numbered, with_study):
        if found and are_one(work, found):
            return found[0]
    return next(_told_the_same_of_either(work, bearers, of_either, stated, ins), None)


def told_apart(work: Work, bearers: Sequence[Identity]) -> list[Identity]:
    """Those who bear a number and live, without whoever may be any of several of them."""
    found = list[Identity]()
    for one in (each for each in bearers if each.readable and not each.is_closed):
        may_be = [other for other in found if can_be_one_person(other.traits, one.traits)]
        if are_one(work, [*may_be, one]) or not _is_of_either(one, may_be):
            found.append(one)
    return found


def _is_of_either(one: Identity, may_be: Sequence[Identity]) -> bool:
    """Whether nothing told one bearer apart as they came in. Of several whom they might have been, one may be left."""
    undated = born(one.traits.get("birth_date")) is None and not one.split
    return len(may_be) > 1 or any(undated or _is_told_alike(one.traits, other.traits) for other in may_be)


def _is_told_alike(one: Traits, other: Traits) -> bool:
    """Whether names and a whole birth date are the same: a clerk gave one who may be either the traits of theirs."""
    date = born(one.get("birth_date"))
    return date is not None and date.whole and all(one.get(each) == other.get(each) for each in ("birth_date", *NAMES))


def _told_the_same_of_either(
    work: Work, bearers: Sequence[Identity], of_either: Sequence[Identity], stated: Traits, ins: str | None
) -> Iterator[Identity]:
    """Of those who may be any of several, who was told the very same, and nobody said yet whose it is."""
    for one in of_either:
        same_ins = one.ins == ins or ins in one.detached_ins
        if same_ins and _told_the_same(one.traits, stated) and _is_alone(work, one, bearers):
            yield one


def was_told_the_same(known: Identity, stated: Traits) -> bool:
    """Whether the very same was said of a person before. Raises KeyMissing (K1)."""
    return can_be_of(known, stated) and _told_the_same(known.traits, stated)


def can_be_of(known: Identity, stated: Traits) -> bool:
    """Whether a statement can be about a person, judging by number and traits. Raises KeyMissing (K1).

    A different family name is accepted if the birth date agrees, and a slip in the birth date if the names agree; never
    both in one identity, or two different people could meet in it. Its flags show which differed.
    """
    known.refuse_if_unreadable()
    if known.is_closed or not can_be_one_person(known.traits, stated):
        return False
    if names_agree(known.traits, stated):
        return not (dates_differ(known.traits, stated) and "names_differ" in known.flags)
    return "traits_differ" not in known.flags


def _told_the_same(known: Traits, stated: Traits) -> bool:
    return all(known.get(trait) == value for trait, value in stated.items())


def _contradicted_by_nothing(known: Traits, stated: Traits) -> bool:
    return not unlike(known, stated)


def _has_a_date(known: Traits, stated: Traits) -> bool:
    return born(known.get("birth_date")) is not None or born(stated.get("birth_date")) is None


def _has_a_name(known: Traits, stated: Traits) -> bool:
    return says_a_name(known) or not says_a_name(stated)


LIKELIER: Final[tuple[Callable[[Traits, Traits], bool], ...]] = (
    _told_the_same,
    _has_a_date,
    _contradicted_by_nothing,
    _has_a_name,
)
"""By what a statement is the likelier of some of several people, the surest first."""
UNSURE: Final = {*IN_DOUBT, *MAY_BE_MIXED}
"""Flags of whom a matricule does not tell."""


def _has_study(work: Work, one: Identity, study_uid: str) -> bool:
    return work.holds(Study.create_id(work.ids, one.id, study_uid))


def _is_alone(work: Work, one: Identity, bearers: Sequence[Identity]) -> bool:
    """Whether nobody said yet that they are one of the others."""
    return not any(are_one(work, (one, other)) for other in bearers if other is not one and not other.is_closed)
