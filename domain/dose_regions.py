"""Which region was irradiated, so that two devices that code it differently mean the same one.

Older devices write the retired SRT codes, newer ones SCT, and of some regions two (DICOM PS3.16, CID 4030 and 4031,
annex L). Skin doses and repeated exams of one region would stay apart. Where no code is stated the device's words name
the region; they are taken for no code. A code, or words, that say that the region is not known name none.
"""

from typing import Final

_CODES: Final = {
    "113345001": ("T-D4000", "818981001"),  # abdomen
    "51185008": ("T-D3000",),  # chest
    "69536005": ("T-D1100",),  # head
    "45048000": ("T-D1600",),  # neck
    "12921003": ("T-D6000", "816092008"),  # pelvis
    "80891009": ("T-32000",),  # heart
    "12738006": ("T-A0100",),  # brain
    "41801008": ("T-43000",),  # coronary arteries
    "15825003": ("T-42000",),  # aorta
    "10200004": ("T-62000",),  # liver
    "64033007": ("T-71000",),  # kidney
    "76752008": ("T-04000",),  # breast
    "122494005": ("T-11501",),  # cervical spine
    "122495006": ("T-11502",),  # thoracic spine
    "122496007": ("T-11503",),  # lumbar spine
    "38266002": ("T-D0010",),  # entire body
    "416949008": ("R-FAB57",),  # abdomen and pelvis
    "416550000": ("R-FAB55",),  # chest and abdomen
    "416775004": ("R-FAB56",),  # chest, abdomen and pelvis
}
_SAME: Final = {
    f"{'sct' if code.isdecimal() else 'srt'}:{code.casefold()}": f"sct:{one}"
    for one, others in _CODES.items()
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
