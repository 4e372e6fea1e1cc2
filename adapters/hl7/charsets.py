"""Decodes a message by the character set that MSH-18 declares, in all spellings that French systems use.

Nothing is guessed: a set that is not known, and bytes that are not of the declared set, are refused. Only where none is
declared, which HL7 takes for ASCII, other bytes are read as UTF-8 if they are that, else as ISO 8859-1. Source: HL7
v2.5, table 0211.
"""

import re
from typing import Final

from adapters.hl7.refusal import Condition, rejected

FIELD: Final = 18
UTF_8: Final = frozenset({"UTF8", "UNICODE", "UNICODEUTF8"})
ASCII: Final = frozenset({"ASCII", "USASCII", "ISO646", "ISOIR6"})
WINDOWS: Final = frozenset({"WINDOWS1252", "CP1252", "ANSI"})
LATIN: Final = {"LATIN1": 1, "L1": 1, "ISOIR100": 1, "LATIN9": 15, "L9": 15}
ISO_8859: Final = re.compile(r"(?:ISO)?8859([1-9]|1[013-6])")
BESIDE: Final = re.compile(r"[\s_./()-]+")
"""What tells spellings apart and no sets: ``8859/1``, ``ISO-8859-1``, ``ISO8859-1``, ``UNICODE UTF-8``, ``utf8``."""


def codec(declared: str) -> str | None:
    """Python's codec of a declared set; None where none is declared. Raises Refused."""
    meant = BESIDE.sub("", declared).upper()
    if not meant:
        return None
    if meant in UTF_8:
        return "utf-8"
    if meant in ASCII:
        return "ascii"
    if meant in WINDOWS:
        return "cp1252"
    if number := LATIN.get(meant):
        return f"iso8859-{number}"
    if found := ISO_8859.fullmatch(meant):
        return f"iso8859-{found[1]}"
    raise rejected(
        FIELD,
        Condition.NOT_IN_TABLE,
        "the character set is not known here: declare 8859/1, 8859/15 or UNICODE UTF-8, and write in it",
    )


def decoded(raw: bytes, declared: list[str]) -> tuple[str, str]:
    """The text, and the codec it was read with. ``declared``: the repetitions of MSH-18. Raises Refused."""
    sets = {codec(each) for each in declared} - {None}
    if len(sets) > 1:
        raise rejected(FIELD, Condition.NOT_IN_TABLE, "several character sets are declared: write in one alone")
    said = next(iter(sets), None)
    for one in (said,) if said else ("ascii", "utf-8", "iso8859-1"):
        try:
            return raw.decode(one), one
        except UnicodeDecodeError:
            pass
    raise rejected(
        FIELD, Condition.DATA_TYPE, "the message is not written in the character set that it declares: declare its own"
    )
