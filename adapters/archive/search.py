"""Searches a study's series and a series' instances by DICOM keys, on what the archive's files say of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.query_keys import BadKey, Kind, condition, met

Level = Mapping[str, tuple[tuple[str, ...], Kind]]
"""By keyword, or keywords of a sequence and of what is in its items: the tags, and how values are compared."""
SERIES: Final[Level] = {
    "SeriesInstanceUID": (("0020000E",), Kind.UID),
    "Modality": (("00080060",), Kind.CODE),
    "SeriesNumber": (("00200011",), Kind.AMOUNT),
    "SeriesDescription": (("0008103E",), Kind.WORDS),
    "BodyPartExamined": (("00180015",), Kind.CODE),
    "Manufacturer": (("00080070",), Kind.WORDS),
    "StationName": (("00081010",), Kind.NUMBER_OF),
    "SeriesDate": (("00080021",), Kind.DATE),
    "SeriesTime": (("00080031",), Kind.TIME),
    "PerformedProcedureStepStartDate": (("00400244",), Kind.DATE),
    "PerformedProcedureStepStartTime": (("00400245",), Kind.TIME),
    "RequestAttributesSequence.ScheduledProcedureStepID": (("00400275", "00400009"), Kind.NUMBER_OF),
    "RequestAttributesSequence.RequestedProcedureID": (("00400275", "00401001"), Kind.NUMBER_OF),
}
INSTANCES: Final[Level] = {
    "SOPClassUID": (("00080016",), Kind.UID),
    "SOPInstanceUID": (("00080018",), Kind.UID),
    "InstanceNumber": (("00200013",), Kind.AMOUNT),
    "ContentDate": (("00080023",), Kind.DATE),
    "ContentTime": (("00080033",), Kind.TIME),
    "NumberOfFrames": (("00280008",), Kind.AMOUNT),
    "Rows": (("00280010",), Kind.AMOUNT),
    "Columns": (("00280011",), Kind.AMOUNT),
}


def meeting(things: Iterable[Mapping[str, Any]], level: Level, stated: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those whose ``said`` meets all keys. ``stated``: by keyword of the level. Raises BadKey."""
    asked: dict[str, Any] = {}
    for keyword, key in stated.items():
        if keyword not in level:
            raise BadKey(f"these are not searched by {keyword}, but by {', '.join(level)}")
        (first, *inner), kind = level[keyword]
        one = condition(keyword, kind, key)
        if not inner:
            asked[first] = one
        elif one is not None:
            asked.setdefault(first, {})[inner[0]] = one
    return [dict(thing) for thing in things if met(asked, thing["said"])]
