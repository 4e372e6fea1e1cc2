"""How names are compared in a search: an SQL expression, so that the index and the question fold alike."""

from typing import Final

SIGNS: Final = (("Œ", "OE"), ("œ", "oe"), ("Æ", "AE"), ("æ", "ae"), ("ß", "ss"))
"""Letters that no decomposition of Unicode takes apart."""


def folded(text: str) -> str:
    """The SQL of a text in the letters a to z alone: without accents, case, blanks, hyphens and apostrophes."""
    for sign, letters in SIGNS:
        text = f"replace({text}, '{sign}', '{letters}')"
    return f"regexp_replace(lower(normalize({text}, NFKD)), '[^a-z]', '', 'g')"


def trait(name: str) -> str:
    """The SQL of a trait."""
    return f"(traits->>'{name}')"
