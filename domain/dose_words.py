"""Parts what a device says in words of a dose from its quantities: an event seals the words, and nothing else.

Protocol, region and side tell what was looked at; names of stations and serial numbers where; age and weight of whom,
the operator by whom; notes and raw texts may hold anything. A dose of an organ tells by its organ what was looked at,
and may tell the sex, or of a pregnancy: it is sealed whole. Other quantities, and what they are compared by, stay in
clear for those who add up doses and see no person.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

Document = dict[str, Any]

OF_DEVICE: Final = ("serial", "station")
OF_REPORT: Final = ("patient", "operator", "procedure", "study_description", "procedure_code")
"""``patient``: age_days, weight_kg, size_cm, pregnant; ``procedure``: code and meaning."""
OF_EXPOSURE: Final = (
    *("protocol", "target_region", "acquisition", "laterality", "side", "raw", "not_understood"),
    *("target_region_code", "acquisition_code", "filters", "radiopharmaceutical"),
)
ORGAN_DOSES: Final = "organ_doses"
"""Of an exposure; among its words where there are any, since version 4 of the event."""
ORGAN_TOTALS: Final = "organ_totals"
"""The same of a report's totals."""
ORGAN: Final = "organ_mgy:"
"""Before the code of the organ: a total of this name is the dose of that organ alone."""
ORGAN_NOTED: Final = "organ dose"
"""What a note calls the dose of an organ, whichever that is: operators read it."""
SIDES_ADDED: Final = "event: the doses of left and right were added up"
"""A note on an exposure: what a level is of, such as a view of a breast, is neither of the two."""
OF_PATIENT: Final = ("age_days", "weight_kg", "size_cm", "pregnant")
NOT_STATED: Final[Mapping[str, Any]] = {**dict.fromkeys(OF_REPORT), "patient": dict.fromkeys(OF_PATIENT)}


def parted(
    device: Mapping[str, Any],
    exposures: Sequence[Mapping[str, Any]],
    not_understood: Sequence[str],
    said: Mapping[str, Any] = NOT_STATED,
) -> tuple[Document, list[Document], Document]:
    """Device and exposures without words, and the words: of the device, of the report (``said``: see ``OF_REPORT``),
    and of each exposure in turn.
    """
    words = {
        "device": _only(device, OF_DEVICE),
        "not_understood": list(not_understood),
        "exposures": [_said(exposure) for exposure in exposures],
        **NOT_STATED,
        **said,
    }
    clear = [_without(exposure, OF_EXPOSURE) | {ORGAN_DOSES: []} for exposure in exposures]
    return _without(device, OF_DEVICE), clear, words


def parted_totals(totals: Mapping[str, Any]) -> tuple[Document, Document]:
    """The totals that stand in clear; and those of organs, by ``ORGAN_TOTALS``, nothing where there are none."""
    organs = {name: value for name, value in totals.items() if name.startswith(ORGAN)}
    return _without(totals, tuple(organs)), {ORGAN_TOTALS: organs} if organs else {}


def without_organs(notes: str) -> str:
    """Notes without the organs that they name, as those of earlier programs did."""
    return re.sub(rf"{ORGAN}.*?: ", f"{ORGAN_NOTED}: ", notes)


def words_of(report: Mapping[str, Any]) -> Document:
    """The words of an event ``dose.reported``; all null where they cannot be read any more.

    Of an event of an earlier version those that it has not are null.
    """
    words = report["words"]
    if not isinstance(words, dict):
        nothing: Document = {**dict.fromkeys(OF_EXPOSURE), ORGAN_DOSES: None}
        unknown: Document = {**NOT_STATED, "device": None, "not_understood": None}
        return {**unknown, "exposures": [nothing for _ in report["exposures"]]}
    if "patient" in words:
        return words
    return {
        **NOT_STATED,
        **words,
        "exposures": [{**dict.fromkeys(OF_EXPOSURE), **said} for said in words["exposures"]],
    }


def organ_totals_of(report: Mapping[str, Any]) -> Document:
    """The totals of organs of an event ``dose.reported`` of whatever version; none where its words cannot be read."""
    words = report["words"]
    if not isinstance(words, dict):
        return {}
    in_clear = parted_totals(report["totals"])[1]
    return {**in_clear.get(ORGAN_TOTALS, {}), **words.get(ORGAN_TOTALS, {})}


def _said(exposure: Mapping[str, Any]) -> Document:
    """Doses of organs only where there are any: a rebuild reads the words of each exposure, and few have some."""
    organs = exposure.get(ORGAN_DOSES)
    return _only(exposure, OF_EXPOSURE) | ({ORGAN_DOSES: organs} if organs else {})


def _only(whole: Mapping[str, Any], names: Sequence[str]) -> Document:
    return {name: whole.get(name) for name in names}


def _without(whole: Mapping[str, Any], names: Sequence[str]) -> Document:
    return {name: value for name, value in whole.items() if name not in names}
