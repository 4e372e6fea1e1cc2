"""Given names in a comparable form: the first given name, and the list of all of them.

A hyphenated name is one name, and its order counts: ANNE-MARIE is not MARIE-ANNE. In the list blanks and commas
separate (RNIV: the list stands as the civil record has it). BÉBÉ and the like are not known.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.matching import unknown
from domain.matching.folding import words
from domain.matching.sounds import sound

BETWEEN: Final = re.compile(r"[\s,;/]+")
AROUND_HYPHEN: Final = re.compile(r"\s*[-‐‑–]\s*")
LONGEST_LIST: Final = 12


@dataclass(frozen=True, slots=True)
class Given:
    """The given names of one identity, of which the first is known."""

    parts: tuple[str, ...]
    whole: str
    """The first given name, its words without gaps."""
    sound: str
    listed: tuple[str, ...]
    """All given names in their order, each without gaps; empty where the list is not known."""
    spellings: frozenset[str]
    """What another record may write for the first given name: each listed name, and the first ones run together."""


@lru_cache(maxsize=100_000)
def given_names(first: str | None, all_of_them: str | None) -> Given | None:
    """Of the traits ``given`` and ``first_names``; None where neither says anything."""
    listed = _listed(all_of_them or "")
    parts = words(first or "")
    if unknown.no_given_name(parts):
        if not listed:
            return None
        parts = listed[0]
    names = tuple("".join(each) for each in listed)
    runs = ("".join(names[:end]) for end in range(1, len(names) + 1))
    whole = "".join(parts)
    return Given(parts, whole, sound(whole), names, frozenset((whole, *names, *runs)))


def each_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The given names of a list, each as its words."""
    return tuple(words(part) for part in BETWEEN.split(AROUND_HYPHEN.sub("-", text)))


def _listed(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(part for part in each_of(text) if not unknown.no_given_name(part))[:LONGEST_LIST]
