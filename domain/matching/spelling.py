"""Tells whether two folded words may be spellings of one: a slip of the keyboard, or the same sound.

``slip`` allows one slip (a letter more, less, other, or two swapped) from four letters on, two from nine on. Below four
every letter counts: LÉA and LÉO are two names.
"""

from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

ONE_SLIP, TWO_SLIPS = 4, 9
"""Letters from which on so many slips are allowed."""
SOUNDS_ALIKE: Final = 0.80
"""Jaro-Winkler from 0 to 1, beside an equal phonetic code: the code alone joins too many short names."""
SIMILAR: Final = 0.87


def slip(one: str, other: str) -> bool:
    """Whether the two differ by a slip or two; True where they are equal."""
    shorter = min(len(one), len(other))
    allowed = (shorter >= ONE_SLIP) + (shorter >= TWO_SLIPS)
    return OSA.distance(one, other, score_cutoff=allowed) <= allowed


def sounds_alike(one: str, other: str, sound_of_one: str, sound_of_other: str) -> bool:
    """Whether two words of at least four letters have one phonetic code, and letters in common."""
    if sound_of_one != sound_of_other or min(len(one), len(other)) < ONE_SLIP:
        return False
    return JaroWinkler.similarity(one, other) >= SOUNDS_ALIKE


def similar(one: str, other: str) -> bool:
    """Whether two words have most of their letters in common, in the same order."""
    return JaroWinkler.similarity(one, other) >= SIMILAR
