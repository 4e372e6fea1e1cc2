"""Texts from outside, made such that every database keeps them and every index takes them.

A device's optional texts are mended (``plain``), for no study is lost over one; what a person typed, and the number
that says whose a study is, are refused instead, for mending them would be a guess.
"""

import re
from typing import Final

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")  # no database keeps a NUL, and no name or number has one
ACCESSION: Final = 64
"""Characters of an accession number. DICOM allows 16 (PS3.5 6.2, SH); some systems write more."""


def plain(text: str) -> str:
    """The text with a space for each control character, and none at its ends."""
    return CONTROL.sub(" ", text).strip()


def is_accession(text: str) -> bool:
    """Whether a text can be an accession number."""
    return 0 < len(text) <= ACCESSION and not CONTROL.search(text)


def received_accession(text: str | None) -> str | None:
    """An accession number as a device sent it; None where it cannot be one. Never cut: it would be another exam's."""
    found = plain(text or "")
    return found if is_accession(found) else None
