"""Recognises dose reports of phantom tests, which are excluded only from practice comparisons.

A report marked here still counts in totals and alerts: a word must never exclude a person's dose. Devices' test
exposures contain such words in names, ids, descriptions and protocols, but so do people ("Physics^Ann", "LI^QA") and
complaints ("phantom limb pain"). So each text is searched only for words that are no person's name and no complaint
there, and protocols count only if all match; so does a region whose code is that of a phantom. "Fysiikka kuvanlaatu" is
Finnish for physics, image quality.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

_ALONE = r"(?<![a-z0-9])"  # no letter or digit before
_TESTED = r"qatest|fysiikka|kuvanlaatu|quality.?(?:control|assurance)|contr[oô]le.?(?:de.?)?qualit[eé]"
_DEVICES = rf"{_TESTED}|physics|phantom|fant[oô]me?(?![a-z])|q[ac](?![a-z0-9])"

# In a name, "physics" and "QA" only where an underscore or a digit touches them; "phantom", "ACR" as the family name.
_NAME = re.compile(
    rf"{_ALONE}(?:{_TESTED}|(?:physics|q[ac])(?=[_\d]))|[_\d](?:physics|q[ac])(?![a-z])|^(?:phantom|fant[oô]me?|acr)(?![a-z])",
    re.IGNORECASE,
)
_DESCRIPTION = re.compile(rf"{_ALONE}(?:{_TESTED}|physics.?test|q[ac](?![a-z0-9]))", re.IGNORECASE)
_DEVICE_TEXT = re.compile(rf"{_ALONE}(?:{_DEVICES})", re.IGNORECASE)
_PHANTOM: Final = {"SCT:706342009", "SRT:R-FE0C7", "PHANTOM"}  # CID 4031; Body Part Examined (PS3.16 annex L)
_ASKED = {"PatientName": _NAME, "PatientID": _DEVICE_TEXT, "StudyDescription": _DESCRIPTION}


def is_qa(text: Callable[[str], str | None], protocols: Iterable[str | None], regions: Iterable[str | None]) -> bool:
    """Whether the report is of a phantom. ``text``: an attribute, by keyword; ``protocols``, ``regions`` (by code):
    those of its exposures, None if one has none.
    """
    texts = ((text(keyword), asked) for keyword, asked in _ASKED.items())
    if any(said and asked.search(said) for said, asked in texts):
        return True
    if (irradiated := {*regions}) and irradiated <= _PHANTOM:
        return True
    told = [said for said in (text("ProtocolName"), *protocols) if said]
    return bool(told) and all(_DEVICE_TEXT.search(said) for said in told)
