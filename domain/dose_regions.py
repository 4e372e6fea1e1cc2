"""Which region was irradiated, so that two devices that code it differently mean the same one.

Older devices write the retired SRT codes, newer ones SCT, and of some regions two (``dose_region_codes``). Skin doses
and repeated exams of one region would stay apart. Where no code is stated the device's words name the region; they are
taken for no code. A code, or words, that say that the region is not known name none.
"""

from typing import Final

from domain.dose_region_codes import CODES

_SAME: Final = {
    f"{'sct' if code.isdecimal() else 'srt'}:{code.casefold()}": f"sct:{one}"
    for one, others in CODES.items()
    for code in others
}

_NOT_KNOWN: Final = {"srt:t-d0001", "srt:r-41198", "sct:261665006"}  # topography unknown; unknown
_SAY_NOT_KNOWN: Final = {"unknown", "topography unknown", "unspecified", "not specified", "unbekannt", "inconnu"}


def region_of(code: str | None, words: str | None) -> str | None:
    """One name for a region, in small letters; None: nothing is said of it. ``code``: with its scheme."""
    said = _folded(words)
    told = _folded(code) or said
    return None if told in _NOT_KNOWN or said in _SAY_NOT_KNOWN else _SAME.get(told, told) or None


def _folded(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()
