"""A French phonetic code: what sounds alike in French is written alike.

DUPOND and DUPONT, PHILIPPE and FILIPE, GAUTIER and GAUTHIER have one code. A table of rewritings, applied
from top to bottom; after those of Soundex 2 and Phonex, which hospitals use for their own searches.
"""

import re
from functools import lru_cache
from typing import Final

REWRITE: Final = tuple(
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
    code = word
    for pattern, to in REWRITE:
        code = pattern.sub(to, code)
    return code or word
