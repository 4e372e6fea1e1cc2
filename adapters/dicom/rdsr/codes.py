"""Reads coded entries (PS3.3 section 8.8) of a structured report: scheme and value, words, and what was odd of them."""

from typing import Final, NamedTuple

CODE_VALUE, DESIGNATOR, MEANING = 0x00080100, 0x00080102, 0x00080104
LONG_CODE_VALUE, URN_CODE_VALUE = 0x00080119, 0x00080120
IN_ASCII: Final = (CODE_VALUE, DESIGNATOR)
_RETIRED: Final = {"SNM3": "SRT", "99SDM": "SRT"}  # other designators of SRT (PS3.16 section 8)


class Code(NamedTuple):
    """A coded entry: its key "scheme:value", its words in the report's language, and the tolerances that it needed."""

    key: str
    meaning: str | None
    tolerated: tuple[str, ...] = ()


NO_CODE: Final = Code("", None)


def coded(value: str, long_value: str, urn: str, designator: str, meaning: str | None) -> Code:
    """The code of an entry. Without a designator it is a DCM code: some devices leave it out.

    Codes of SRT are in capitals; some devices write them small. Others stay: a unit's capitals tell milli from mega.
    """
    tolerated = []
    if not value and (value := long_value or urn):
        tolerated.append("long_code_value")
    scheme = designator.upper()
    if scheme != designator:
        tolerated.append("code_in_small_letters")
    if not scheme:
        scheme = "DCM"
        if value:
            tolerated.append("code_without_scheme")
    elif scheme in _RETIRED:
        scheme = _RETIRED[scheme]
        tolerated.append("code_in_retired_scheme")
    if scheme == "SRT" and value != value.upper():
        value = value.upper()
        tolerated.append("code_in_small_letters")
    if not meaning and value:
        tolerated.append("code_without_meaning")
    return Code(f"{scheme}:{value}", meaning, tuple(dict.fromkeys(tolerated)))
