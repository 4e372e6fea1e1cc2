"""Which dose reports tell of a phantom: what practice is compared with leaves them out, and nothing else does.

A person is never left out of their own dose by a word: a report marked here counts in totals and alerts as any other.
Devices' test exposures bear such words in names, ids, descriptions and protocols; so do people ("Physics^Ann",
"LI^QA") and their complaints ("phantom limb pain"). So each text is asked for the words that are no person's and no
complaint's there, and a protocol tells only where all do. "Fysiikka kuvanlaatu" is Finnish for physics, image quality.
"""

import re
from collections.abc import Iterable

from pydicom.dataset import Dataset

from adapters.dicom.sr_tree import text_in

_ALONE = r"(?<![a-z0-9])"  # no letter or digit before
_TESTED = r"qatest|fysiikka|kuvanlaatu|quality.?(?:control|assurance)|contr[oô]le.?(?:de.?)?qualit[eé]"
_DEVICES = rf"{_TESTED}|physics|phantom|fant[oô]me?(?![a-z])|q[ac](?![a-z0-9])"

# In a name, "physics" and "QA" only where an underscore or a digit touches them; "phantom" only as the family name.
_NAME = re.compile(
    rf"{_ALONE}(?:{_TESTED}|(?:physics|q[ac])(?=[_\d]))|[_\d](?:physics|q[ac])(?![a-z])|^(?:phantom|fant[oô]me?)(?![a-z])",
    re.IGNORECASE,
)
_DESCRIPTION = re.compile(rf"{_ALONE}(?:{_TESTED}|physics.?test|q[ac](?![a-z0-9]))", re.IGNORECASE)
_DEVICE_TEXT = re.compile(rf"{_ALONE}(?:{_DEVICES})", re.IGNORECASE)
_ASKED = {"PatientName": _NAME, "PatientID": _DEVICE_TEXT, "StudyDescription": _DESCRIPTION}


def is_qa(ds: Dataset, protocols: Iterable[str | None]) -> bool:
    """Whether a report tells of a phantom. ``protocols``: of its exposures, None where one has none."""
    texts = ((text_in(ds, keyword), asked) for keyword, asked in _ASKED.items())
    if any(text and asked.search(text) for text, asked in texts):
        return True
    told = [text for text in (text_in(ds, "ProtocolName"), *protocols) if text]
    return bool(told) and all(_DEVICE_TEXT.search(text) for text in told)
