"""When the matricule of an identity is in doubt, what ends that, and what is left of a status meanwhile.

Two flags say so: it contradicts what is known of the person (I12), or it took the place of another, or was detached
before (I11). The rules (I) are those of ``domain.aggregates.identity``.
Source: RNIV 1 v2.0 (EXI SI 07, 08); Référentiel INS v2.1.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from domain.matching.record import record
from domain.worklist import IN_DOUBT, INS_DOUBTFUL, INS_REPLACED

TOLD_BY_INS: Final[Mapping[str, str]] = {"sex": "sex", "year": "year of birth", "month": "month of birth"}
TOLD_OF: Final = ("sex", "birth_date")
"""Traits of which a matricule tells something that counts: once one is another, what was settled is asked afresh."""

SAID: Final = "stated by the establishment's own system"
"""The reason of what an establishment's own message changes: what it took off itself nobody else doubted."""


class Stated(NamedTuple):
    """What an identity has at one time. ``ins``: with its authority (``domain.ins.qualified``); ``detached``: those
    that are in doubt once they are attached again.
    """

    traits: Mapping[str, str | None]
    ins: str | None
    detached: Collection[str] = ()


class Change(NamedTuple):
    """A flag that is to be set, or else cleared."""

    flag: str
    reason: str
    sets: bool = True


def doubts(flags: Collection[str]) -> list[str]:
    """Those of these flags that say that the matricule is in doubt."""
    return [flag for flag in IN_DOUBT if flag in flags]


def changes(flags: Collection[str], before: Stated, now: Stated) -> Iterator[Change]:
    """What a correction, or another matricule, changes of the flags. What a clerk cleared stays so until the matricule,
    the sex or the birth date is another.
    """
    if now.ins is None:
        gone = doubts(flags) if before.ins else ()
        yield from (Change(flag, "the matricule was detached", sets=False) for flag in gone)
        return
    if INS_REPLACED not in flags:
        if before.ins not in (None, now.ins):
            yield Change(INS_REPLACED, "the matricule took the place of another")
        elif before.ins is None and now.ins in before.detached:
            yield Change(INS_REPLACED, "the matricule was detached before")
    differ = contradicted(now)
    if differ and INS_DOUBTFUL not in flags and _asks_afresh(before, now):
        yield Change(INS_DOUBTFUL, f"the matricule tells another {' and '.join(differ)}")
    if not differ and INS_DOUBTFUL in flags and (before.ins != now.ins or contradicted(before)):
        yield Change(INS_DOUBTFUL, "the matricule contradicts no trait any more", sets=False)


def _asks_afresh(before: Stated, now: Stated) -> bool:
    return before.ins != now.ins or any(before.traits.get(one) != now.traits.get(one) for one in TOLD_OF)


def contradicted(stated: Stated) -> list[str]:
    """The traits that the matricule contradicts, in words (I12)."""
    known = record({one: stated.traits.get(one) for one in TOLD_OF}, stated.ins).number
    return [words for trait, words in TOLD_BY_INS.items() if known and trait in known.differs]
