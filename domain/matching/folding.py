"""Folds text to words of plain capitals, so that spellings of one name meet.

Accents go, ligatures come apart (Œ, Æ, ß), a digit inside a word becomes the letter it looks like, and whatever is no
letter separates words. Letters of other scripts stay. Total: any text has words, or none.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

APART: Final = str.maketrans(
    {"Œ": "OE", "œ": "OE", "Æ": "AE", "æ": "AE", "ß": "SS", "ẞ": "SS", "ı": "I", "Ø": "O", "ø": "O", "Ł": "L"}
    | {"\u02bc": "'"}
    | {"ł": "L", "Đ": "D", "đ": "D", "Ð": "D", "ð": "D", "Þ": "TH", "þ": "TH"}
)
"""Letters that Unicode does not take apart."""
LOOKS_LIKE: Final = str.maketrans("013458", "OIEASB")
WORD: Final = re.compile(r"[^\W_]+")
LETTER: Final = re.compile(r"[^\W\d_]")


@lru_cache(maxsize=50_000)  # most people of a region share a few ten thousand names
def words(text: str) -> tuple[str, ...]:
    """The words of a text, in its order. ``MARTIN--D'OR`` has three; a word of digits alone is none."""
    folded = _bare(_bare(text.translate(APART)).upper().translate(APART))
    return tuple(word.translate(LOOKS_LIKE) for word in WORD.findall(folded) if LETTER.search(word))


def _bare(text: str) -> str:
    """Without accents. Capitals of some scripts bring accents of their own, so it is asked before and after them."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
