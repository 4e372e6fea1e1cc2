"""Cleans or checks texts from outside, so that every database and index can store them.

A device's optional texts are cleaned (``plain``), so that no study is lost over one. What a person typed, and the
number that says whose a study is, are refused instead: cleaning them would be a guess.
"""

import re
from typing import Final

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")  # no database stores a NUL, and no name or number contains one
ACCESSION: Final = 64
"""Characters of an accession number. DICOM allows 16 (PS3.5 6.2, SH); some systems write more."""


def plain(text: str) -> str:
    """The text with control characters replaced by spaces, trimmed."""
    return CONTROL.sub(" ", text).strip()


def is_accession(text: str) -> bool:
    """Whether a text can be an accession number."""
    return 0 < len(text) <= ACCESSION and not CONTROL.search(text)


def received_accession(text: str | None) -> str | None:
    """An accession number from a device; None if invalid. Never cut: it would be another exam's number."""
    found = plain(text or "")
    return found if is_accession(found) else None
