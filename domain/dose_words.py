"""Parts what a device says in words of a dose from its quantities: an event seals the words, and nothing else.

Protocol, region and side tell what was looked at; names of stations and serial numbers where; notes and raw texts may
hold anything. Quantities, and what they are compared by, stay in clear for those who add up doses and see no person.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Document = dict[str, Any]

OF_DEVICE: Final = ("serial", "station")
OF_EXPOSURE: Final = ("protocol", "target_region", "acquisition", "laterality", "side", "raw", "not_understood")


def parted(
    device: Mapping[str, Any], exposures: Sequence[Mapping[str, Any]], not_understood: Sequence[str]
) -> tuple[Document, list[Document], Document]:
    """Device and exposures without words, and the words: of the device, of the report, and of each exposure in turn."""
    words = {
        "device": _only(device, OF_DEVICE),
        "not_understood": list(not_understood),
        "exposures": [_only(exposure, OF_EXPOSURE) for exposure in exposures],
    }
    return _without(device, OF_DEVICE), [_without(exposure, OF_EXPOSURE) for exposure in exposures], words


def words_of(report: Mapping[str, Any]) -> Document:
    """The words of an event ``dose.reported``; all null where they cannot be read any more."""
    words = report["words"]
    if isinstance(words, dict):
        return words
    nothing: Document = dict.fromkeys(OF_EXPOSURE)
    return {
        "device": None,
        "not_understood": None,
        "exposures": [nothing for _ in report["exposures"]],
    }


def _only(whole: Mapping[str, Any], names: Sequence[str]) -> Document:
    return {name: whole.get(name) for name in names}


def _without(whole: Mapping[str, Any], names: Sequence[str]) -> Document:
    return {name: value for name, value in whole.items() if name not in names}
