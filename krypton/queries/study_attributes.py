"""What a search shows of a study, as attributes of DICOM JSON: for DICOMweb and for DICOM query alike.

What is not known is an attribute without a value. Source: DICOM PS3.18 10.6.3 and F.2 (JSON), PS3.4 C.6.2.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

Attributes = dict[str, Any]
UTF8: Final = "ISO_IR 192"
SEXES: Final = {"M": "M", "F": "F", "I": "O"}
"""Of traits, to those of DICOM."""
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T([0-9:.]+))?(?:(Z)|([+-]\d\d):(\d\d))?")
_DELIMITERS: Final = re.compile(r"[\\^=\x00-\x1f\x7f]")


def study_attributes(study: Mapping[str, Any]) -> Attributes:
    """``study``: as ``krypton.queries.study_search`` finds it."""
    date, time, zone = _started(study["date"])
    traits = study["traits"] or {}
    return {
        "00080005": attribute("CS", UTF8),
        "00080020": attribute("DA", date),
        "00080030": attribute("TM", time),
        "00080050": attribute("SH", study["accession"]),
        "00080061": attribute("CS", *study["modalities"]),
        "00080090": attribute("PN"),
        **({"00080201": attribute("SH", zone)} if zone else {}),
        "00081030": attribute("LO", study["description"]),
        "00100010": attribute("PN", _name(traits)),
        "00100020": attribute("LO", study["local_id"]),
        "00100021": attribute("LO", study["assigner"]),
        "00100030": attribute("DA", _birth_date(traits.get("birth_date"))),
        "00100040": attribute("CS", SEXES.get(traits.get("sex") or "")),
        "0020000D": attribute("UI", study["study_uid"]),
        "00200010": attribute("SH"),
        "00201206": attribute("IS", study["series"]),
        "00201208": attribute("IS", study["instances"]),
    }


def attribute(vr: str, *values: Any) -> Attributes:
    """An attribute; without a value where none is known."""
    known = [value for value in values if value not in (None, "")]
    return {"vr": vr, "Value": known} if known else {"vr": vr}


def _started(text: str | None) -> tuple[str | None, str | None, str | None]:
    """Date, time and offset from UTC of a moment in ISO 8601."""
    if (found := _MOMENT.fullmatch(text or "")) is None:
        return None, None, None
    date, time, utc, hours, minutes = found.groups()
    zone = "+0000" if utc else f"{hours}{minutes}" if hours else None
    return date.replace("-", ""), time and time.replace(":", ""), zone


def _name(traits: Mapping[str, str | None]) -> dict[str, str] | None:
    """Family and given name; signs by which DICOM tells parts of a name apart are none of theirs."""
    parts: Sequence[str] = [_DELIMITERS.sub(" ", traits.get(part) or "").strip() for part in ("family", "given")]
    said = "^".join(parts).rstrip("^")
    return {"Alphabetic": said} if said else None


def _birth_date(stated: str | None) -> str | None:
    """A whole date of the calendar; None where only a part is known."""
    year, _, rest = (stated or "").partition("-")
    month, _, day = rest.partition("-")
    whole = "01" <= month <= "12" and "01" <= day <= "31" and len(year) == 4
    return f"{year}{month}{day}" if whole else None
