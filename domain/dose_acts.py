"""Of which act of the reference levels an exposure is, by a published mapping of what devices say.

An entry names an act, and conditions: modality, protocol name, code of the procedure, target region, acquisition type,
radiopharmaceutical, site. It fits where all of them hold. Of entries that fit, one is more specific than another where
it states every condition that the other states, its names have all the words of the other's, and something more. The
most specific decides; where several are, and name different acts, the exposure is ambiguous and of none. Nothing is
ever taken for the nearest name.

No view is made with the mapping: exposures are classified when somebody asks, by their distinct marks (``marks``).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from domain.dose_words import SIDES_ADDED

NO_ACT: Final = "none"
"""In the place of an act: exposures of no act, such as localisers, which nobody has to map any more."""
MAPPED, OF_NO_ACT, AMBIGUOUS, UNMAPPED = "mapped", "of no act", "ambiguous", "unmapped"
COMPARED_AS: Final[Mapping[str, str]] = {"CR": "DX"}
"""Modalities that the texts do not tell apart: reference levels are of the second."""
REMEMBERED: Final = 1 << 16
"""Texts: what devices say repeats."""
WORD: Final = re.compile(r"[^\W_]+")


class Marks(NamedTuple):
    """What is said of an exposure that an act may be known by. None, and no code, where it is not stated.

    ``summed``: it is the sum of both sides, and so of no act.
    """

    site: str | None
    modality: str | None
    protocol: str | None
    procedures: tuple[str, ...]
    region: str | None
    region_code: str | None
    acquisition: str | None
    acquisition_code: str | None
    radiopharmaceutical: str | None
    summed: bool = False

    def of_device(self) -> list[Any]:
        """All but the site, as a view keeps them; whether it is a sum only where it is one."""
        return [*self[1:-1], *([True] if self.summed else [])]


@dataclass(frozen=True)
class Entry:
    """One line of the mapping. ``protocol``, ``radiopharmaceutical``: words, each of which has to be there; the others:
    any of these. Empty: no condition. Texts are folded.
    """

    act: str
    protocol: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    procedures: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    acquisitions: frozenset[str] = frozenset()
    radiopharmaceutical: frozenset[str] = frozenset()
    site: str | None = None

    def fits(self, told: Marks) -> bool:
        """Whether all of its conditions hold."""
        return (
            (self.site is None or self.site == told.site)
            and (not self.modalities or compared_as(told.modality) in self.modalities)
            and (not self.protocol or self.protocol <= words_in(told.protocol))
            and (not self.procedures or any(_is_one_of(code, self.procedures) for code in told.procedures))
            and _is_of(self.regions, told.region, told.region_code)
            and _is_of(self.acquisitions, told.acquisition, told.acquisition_code)
            and (not self.radiopharmaceutical or self.radiopharmaceutical <= words_in(told.radiopharmaceutical))
        )

    def at_least(self, other: "Entry") -> bool:
        """Whether it is as specific as another entry that fits the same exposure, or more."""
        stated = zip(self._conditions(), other._conditions(), strict=True)
        named = self.protocol >= other.protocol and self.radiopharmaceutical >= other.radiopharmaceutical
        return named and all(mine or not theirs for mine, theirs in stated)

    def _conditions(self) -> tuple[bool, ...]:
        any_of = (self.modalities, self.procedures, self.regions, self.acquisitions)
        return (self.site is not None, *map(bool, any_of))


@dataclass(frozen=True)
class DoseActs:
    """The mapping of one version; version 0, without entries, where none is in force."""

    version: int = 0
    entries: tuple[Entry, ...] = ()

    def judge(self, told: Marks) -> "Judged":
        """What an exposure with these marks is."""
        if told.summed:
            return Judged(OF_NO_ACT, None)
        fitting = [entry for entry in self.entries if entry.fits(told)]
        foremost = [one for one in fitting if all(one.at_least(other) or not other.at_least(one) for other in fitting)]
        acts = sorted({entry.act for entry in foremost})
        if len(acts) == 1:
            return Judged(OF_NO_ACT, None) if acts == [NO_ACT] else Judged(MAPPED, acts[0])
        return Judged(AMBIGUOUS, None, tuple(acts)) if acts else Judged(UNMAPPED, None)


class Judged(NamedTuple):
    """``state``: mapped, of no act, ambiguous or unmapped; ``act``: of a mapped one; ``between``: of an ambiguous one,
    the acts that its entries name.
    """

    state: str
    act: str | None
    between: tuple[str, ...] = ()


def act_of(exposure: Mapping[str, Any], words: Mapping[str, Any], mapping: DoseActs) -> str | None:
    """The act of an exposure, as reference levels name it; None where it is of none, or none can be said."""
    return mapping.judge(marks(exposure, words)).act


def marks(exposure: Mapping[str, Any], words: Mapping[str, Any]) -> Marks:
    """What an act may be known by. ``words``: of the exposure, and of its report; what is not there is not stated."""
    procedure, of_header = words.get("procedure"), words.get("procedure_code")
    reported = procedure.get("code") if isinstance(procedure, Mapping) else None
    return Marks(
        exposure.get("site"),
        exposure.get("modality"),
        words.get("protocol"),
        tuple(code for code in dict.fromkeys((reported, of_header)) if code),
        words.get("target_region"),
        words.get("target_region_code"),
        words.get("acquisition"),
        words.get("acquisition_code"),
        words.get("radiopharmaceutical"),
        SIDES_ADDED in (words.get("not_understood") or ()),
    )


def compared_as(modality: str | None) -> str | None:
    """The modality whose reference levels hold for it: computed radiography is radiography."""
    return COMPARED_AS.get(modality, modality) if modality else None


@lru_cache(REMEMBERED)
def folded(text: str) -> str:
    """Without accents and case."""
    apart = unicodedata.normalize("NFKD", text)
    return " ".join("".join(sign for sign in apart if not unicodedata.combining(sign)).casefold().split())


def words_in(text: str | None) -> frozenset[str]:
    """Its words, folded: letters and digits that nothing parts."""
    return _words(text) if text else frozenset()


@lru_cache(REMEMBERED)
def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(folded(text)))


def _is_of(wanted: frozenset[str], words: str | None, code: str | None) -> bool:
    """Whether it is one of these, by its code or by its words as a whole; nothing wanted: whatever it is."""
    said = words is not None and folded(words) in wanted
    return not wanted or said or (code is not None and _is_one_of(code, wanted))


def _is_one_of(code: str, wanted: Iterable[str]) -> bool:
    """Whether a code is one of these: with its scheme (SRT:T-D3000), or without (T-D3000)."""
    whole = folded(code)
    return whole in wanted or whole.partition(":")[2] in wanted
