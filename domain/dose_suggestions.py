"""Proposes to which act a protocol belongs that no entry of the mapping fits, by how alike the names are.

A proposal is for a person to look at; nothing is classified by it. Names are compared word by word: the same word, the
beginning of it, or one that is spelled nearly alike. What says only how an exposure is made (90kV) and small words do
not count. Where two acts are about as alike, or none is much, there is no proposal.
"""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from domain.dose_acts import NO_ACT, DoseActs, compared_as, words_in
from domain.dose_levels import ReferenceLevels

SMALL: Final = frozenset(
    {"de", "du", "des", "d", "la", "le", "les", "l", "et", "a", "au", "en", "sans", "of", "the", "and"}
)
ALIKE: Final = 0.8
"""Of two spellings of one word."""
BEGINNING: Final = 0.9
SHORTEST: Final = 3
ENOUGH: Final = 0.6
APART: Final = 0.1
"""How much more alike than the next act the proposed one is."""


class Suggestion(NamedTuple):
    """``likeness``: from 0 to 1; None, as the act: none is alike enough, or two are."""

    modality: str
    protocol: str
    name: str
    exposures: int
    act: str | None
    likeness: float | None


def suggestions(
    unmapped: Mapping[tuple[str, str], int], mapping: DoseActs, texts: Iterable[ReferenceLevels]
) -> list[Suggestion]:
    """Of each protocol a proposal, the most frequent first. ``unmapped``: modality and protocol, and how many times;
    ``texts``: whose acts are known, beside those that the mapping names.
    """
    known = _names(mapping, texts)
    found = [_suggestion(*key, count, known) for key, count in unmapped.items()]
    return sorted(found, key=lambda one: (-one.exposures, one.modality, one.protocol))


def _names(mapping: DoseActs, texts: Iterable[ReferenceLevels]) -> dict[str | None, dict[str, set[frozenset[str]]]]:
    """By modality, what each act is called: in the texts, and by entries."""
    found: dict[str | None, dict[str, set[frozenset[str]]]] = {}
    for text in texts:
        for level in text.levels:
            called = found.setdefault(level.modality, {}).setdefault(level.act, set())
            called |= {_telling(level.act), _telling(level.wording or "")} - {frozenset()}
    for entry in mapping.entries:
        if entry.act != NO_ACT and entry.protocol:
            for modality in entry.modalities:
                found.setdefault(modality, {}).setdefault(entry.act, set()).add(entry.protocol)
    return found


def _suggestion(
    modality: str, protocol: str, count: int, known: Mapping[str | None, Mapping[str, set[frozenset[str]]]]
) -> Suggestion:
    words = _telling(protocol)
    acts = known.get(compared_as(modality), {})
    ranked = sorted(
        ((max(_likeness(words, name) for name in names), act) for act, names in acts.items() if names), reverse=True
    )
    best, act = ranked[0] if ranked else (0.0, None)
    next_best = ranked[1][0] if len(ranked) > 1 else 0.0
    clear = best >= ENOUGH and best - next_best >= APART
    name = " ".join(word for word in _in_order(protocol) if word in words)
    return Suggestion(modality, protocol, name, count, act if clear else None, round(best, 2) if clear else None)


def _telling(name: str) -> frozenset[str]:
    """Its words that tell what is looked at."""
    return frozenset(word for word in words_in(name) if word not in SMALL and not any(map(str.isdigit, word)))


def _in_order(protocol: str) -> list[str]:
    """The words of a protocol, each once, as they follow each other."""
    words = words_in(protocol)
    parts = "".join(sign if sign.isalnum() else " " for sign in protocol).split()
    told = [word for part in parts for word in words_in(part)]
    return [word for word in dict.fromkeys(told) if word in words]


def _likeness(words: frozenset[str], name: frozenset[str]) -> float:
    """How alike two names are: of all words of both, how many have one of the other beside them."""
    if not words or not name:
        return 0.0
    return sum(max(_same(one, other) for other in name) for one in words) / (2 * len(words)) + sum(
        max(_same(one, other) for other in words) for one in name
    ) / (2 * len(name))


def _same(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if min(len(one), len(other)) >= SHORTEST and (one.startswith(other) or other.startswith(one)):
        return BEGINNING
    ratio = SequenceMatcher(None, one, other).ratio() if len(one) > SHORTEST and len(other) > SHORTEST else 0.0
    return ratio if ratio >= ALIKE else 0.0
