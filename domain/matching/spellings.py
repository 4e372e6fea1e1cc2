"""Under what a name is found: how it is spelt, whole and in each run of its words, and how each of these sounds.

The one rule of folding (``domain.matching.folding``) holds for what is stored and for what is sought. DE LA TOUR is
found under DELATOUR, LATOUR and TOUR; MARTIN-DUPONT under MARTINDUPONT, MARTIN and DUPONT; TOUR (DE LA) under DELATOUR,
too; DURAND ÉP. MARTIN under both names. What says nothing to matching (INCONNU, BÉBÉ) is found all the same: somebody
seeks it.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from domain.matching.folding import words
from domain.matching.given_names import each_of
from domain.matching.names import PARTICLES, SHORT, both
from domain.matching.sounds import sound

LONGEST: Final = 64
"""Letters of a spelling: what comes after tells nobody apart."""
MOST_WORDS: Final = 5
"""Words of a name that count alone, too."""


class Spelling(NamedTuple):
    """``name``: letters without gaps; ``whole``: it is all of the name, and not some of its words."""

    name: str
    sound: str
    whole: bool


def folded(text: str) -> str:
    """What is stored or sought, in letters without gaps; empty where there is no letter."""
    return _joined(words(text))


@lru_cache(maxsize=50_000)  # most people of a region share a few ten thousand names
def family_spellings(family: str | None, used: str | None) -> tuple[Spelling, ...]:
    """Of the traits ``family`` and ``used_name``: each spelling once."""
    names = [name.whole for name in both(family, used) if name]
    return _spellings([words(family or ""), words(used or "")], names)


@lru_cache(maxsize=50_000)
def given_spellings(first: str | None, all_of_them: str | None) -> tuple[Spelling, ...]:
    """Of the traits ``given`` and ``first_names``: each spelling once."""
    return _spellings([words(first or ""), *each_of(all_of_them or "")], [])


def _spellings(names: Iterable[tuple[str, ...]], others: Iterable[str]) -> tuple[Spelling, ...]:
    """``others``: whole names, spelt otherwise than their words follow each other."""
    found: dict[str, bool] = {}
    for said in names:
        for run in _runs(said):
            found[_joined(run)] = found.get(_joined(run), False) or run == said
    found |= {name[:LONGEST]: True for name in others}
    return tuple(Spelling(name, sound(name), whole) for name, whole in found.items() if name)


def _runs(said: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All words, and each run of the first ones; words that only stand before a name (DE LA) are none."""
    yield said
    some = said[:MOST_WORDS]
    for start in range(len(some)):
        for end in range(start + 1, len(some) + 1):
            if not PARTICLES.issuperset(some[start:end]):
                yield some[start:end]


def _joined(said: tuple[str, ...]) -> str:
    """ST before a name is SAINT; the last word may be the beginning of another."""
    return "".join((*(SHORT.get(word, word) for word in said[:-1]), *said[-1:]))[:LONGEST]
