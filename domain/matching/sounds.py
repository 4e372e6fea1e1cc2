"""A French phonetic code: what sounds alike in French is written alike.

DUPOND and DUPONT, PHILIPPE and FILIPE, GAUTIER and GAUTHIER have one code. A table of rewritings, applied
from top to bottom; after those of Soundex 2 and Phonex, which hospitals use for their own searches.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

CONSONANTS: Final = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"SCH|SH", "CH"),
        (r"PH", "F"),
        (r"TH", "T"),
        (r"(?<!C)H", ""),
        (r"CHR", "KR"),
        (r"C(?=[EIY])", "S"),
        (r"G(?=[EIY])", "J"),
        (r"GU(?=[EIY])", "G"),
        (r"CK|QU|Q|K|C(?!H)", "K"),
        (r"CH", "C"),  # one letter for one sound: no other C is left by now
        (r"W", "V"),
        (r"Y", "I"),
        (r"Z|X", "S"),
    )
)
VOWELS_AND_ENDS: Final = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"EAU|EAUX|AULT?|AUD|AUT|AUX|AU|OT$|OD$|OS$", "O"),
        (r"AI|EI|AY|EY|ER$|EZ$|ET$|OE(?!U)|AE", "E"),
        (r"OEU|EU", "E"),
        (r"(?:EA|EN|AN|EM|AM)(?=[^AEIOUNM]|$)", "A"),
        (r"(?:EIN|AIN|IN|IM|UN)(?=[^AEIOUNM]|$)", "I"),
        (r"OM(?=[^AEIOUNM]|$)|ON(?=[^AEIOUNM]|$)", "O"),
        (r"OU", "U"),
        (r"GN", "N"),
        (r"(.)\1+", r"\1"),
        (r"(?<=.)[ESTDPX]+$", ""),  # mute at the end
        (r"(?<=[^AEIOU])E(?=[^AEIOU])", ""),
    )
)


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """The code of a folded word, in capitals; empty for an empty word alone. Equal codes suggest one name, no more."""
    return _rewritten(consonants(word), VOWELS_AND_ENDS) or word


@lru_cache(maxsize=50_000)
def consonants(word: str) -> str:
    """A folded word, its consonants as they sound, its vowels and its end as they are written."""
    return _rewritten(word, CONSONANTS)


def _rewritten(code: str, table: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, to in table:
        code = pattern.sub(to, code)
    return code
