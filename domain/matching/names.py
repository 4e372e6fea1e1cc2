"""Family names in a form in which their spellings meet: particles, apostrophes, hyphens, double and married names.

``Le Goff``, ``LeGoff`` and ``LEGOFF`` have one ``whole``; so have ``DE LA TOUR``, ``TOUR (DE LA)`` and ``DELATOUR``.
``MARTIN MARTIN`` is not ``MARTIN``.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.matching import unknown
from domain.matching.folding import words
from domain.matching.given_names import Given
from domain.matching.sounds import sound

BEFORE_A_NAME: Final = "D DE DEL DELLA DER DES DI DO DA DOS DU EL L LA LE LES VAN VON DEN TEN TER ZU"
PARTICLES: Final = frozenset(BEFORE_A_NAME.split())
SHORT: Final = {"ST": "SAINT", "STE": "SAINTE", "MC": "MAC"}
MARRIED: Final = frozenset({"EP", "EPOUSE", "EPSE", "VEUVE", "VVE", "USAGE"})
BORN: Final = frozenset({"NEE", "NE"})


@dataclass(frozen=True, slots=True)
class Name:
    """A family or used name that is known. ``parts`` are its words that are no particles, one at least."""

    parts: tuple[str, ...]
    whole: str
    """All words without gaps, particles first."""
    core: str
    """The parts without gaps."""
    sound: str
    """The phonetic code of the core."""


@lru_cache(maxsize=50_000)
def name(text: str | None) -> Name | None:
    """A name of a text, None where it says nothing. Of a married form (X ÉPOUSE Y) it is the whole: see ``both``."""
    return _of(words(text or ""))


def used_name(text: str | None) -> Name | None:
    """A used name of a text. SANS says that there is none, though families have that name."""
    found = name(text)
    return None if found and found.whole in unknown.FAMILIES_TOO else found


@lru_cache(maxsize=50_000)
def both(family: str | None, used: str | None) -> tuple[Name | None, Name | None]:
    """The birth name and the used name, where one field may hold both: DURAND ÉP. MARTIN, MARTIN NÉE DURAND.

    A used name that repeats the birth name says nothing more, and counts as not known.
    """
    said = words(family or "")
    birth, married = _of(said), used_name(used)
    for place, word in enumerate(said):
        before, after = said[:place], said[place + 1 :]
        if after and (word in MARRIED or word in BORN) and (before or word == "NEE"):
            first, second = (before, after) if word in MARRIED else (after, before)
            birth, married = _of(first), married or _of(second)
            break
    return birth, None if married == birth else married


def beside(name: Name | None, given: Given | None) -> Name | None:
    """A family name beside a given name: PATIENT INCONNU says nothing, Léa PATIENT is somebody."""
    return None if name and not given and name.whole in unknown.FAMILIES_TOO else name


def _of(said: tuple[str, ...]) -> Name | None:
    if unknown.no_name(said):
        return None
    full = tuple(SHORT.get(word, word) for word in said)
    parts = tuple(word for word in full if word not in PARTICLES) or full
    end = len(full)
    while end > 1 and parts != full and full[end - 1] in PARTICLES:  # TOUR (DE LA)
        end -= 1
    core = "".join(parts)
    return Name(parts, "".join(full[end:] + full[:end]), core, sound(core))
