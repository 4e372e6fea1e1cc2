"""One irradiation event of a dose report: what it states, and how two statements of one event become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from adapters.dicom.rdsr.concepts import BOTH, DOSES, LEFT, RIGHT
from domain.dose_words import SIDES_ADDED

CT, PROJECTION, RADIOPHARMACEUTICAL = "CT", "PROJECTION", "RADIOPHARMACEUTICAL"
FIELDS: Final = {name: concept.field for name, concept in DOSES.items()}
_INTENSIVE: Final = {"ctdivol_mgy", "agd_mgy", "ssde_mgy"}  # means over what was irradiated: parts do not add up
# What a later statement of an event takes from an earlier one where it is silent.
_KEPT: Final = (
    *("started_at", "started_offset", "protocol", "target_region", "target_region_code", "acquisition"),
    *("acquisition_code", "laterality", "phantom_cm", "plane", "radiopharmaceutical", "filters", "organ_doses"),
)

_OF_ALL_PARTS: Final = (
    *("target_region", "target_region_code", "protocol", "acquisition", "acquisition_code", "phantom_cm", "laterality"),
)
"""What is said of an event only where all of its parts say the same."""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """One irradiation event. Its identity is its UID, not the report or the study that tells of it.

    A dose of None is not known, never zero. ``raw`` holds, per quantity that the event states, "value unit"
    as encoded (empty: stated without a value); ``dose_check`` the alert and notification settings of the CT (TID
    10015) as encoded, ``dose_check_on`` which of them are configured, by code, and ``dose_check_exceeded`` which of
    "dlp" and "ctdivol" passed its configured alert value. ``side`` is left, right or both; ``part`` tells parts of one
    event apart, as left and right do: its region, acquisition type, protocol, plane and source. ``warnings``: codes for
    the record.
    """

    irradiation_event_uid: str
    kind: str
    template: str
    modality: str
    source: str = "report"
    started_at: str | None = None
    started_offset: str | None = None
    protocol: str | None = None
    target_region: str | None = None
    target_region_code: str | None = None
    acquisition: str | None = None
    acquisition_code: str | None = None
    laterality: str | None = None
    side: str | None = None
    plane: str | None = None
    ctdivol_mgy: float | None = None
    dlp_mgycm: float | None = None
    dap_mgycm2: float | None = None
    dose_rp_mgy: float | None = None
    agd_mgy: float | None = None
    activity_mbq: float | None = None
    ssde_mgy: float | None = None
    entrance_dose_mgy: float | None = None
    organ_doses: tuple[tuple[str, float], ...] = ()
    phantom_cm: int | None = None
    technique: Mapping[str, float] = field(default_factory=dict)
    filters: str | None = None
    radiopharmaceutical: str | None = None
    dose_check: Mapping[str, str] = field(default_factory=dict)
    dose_check_exceeded: tuple[str, ...] = ()
    dose_check_on: frozenset[str] = frozenset()
    raw: Mapping[str, str] = field(default_factory=dict)
    not_understood: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    part: tuple[str | None, ...] = ()


def derived(*names: object) -> str:
    """A UID made of these names (PS3.5 B.2: from a UUID): the same names always make the same one."""
    return f"2.25.{uuid5(NAMESPACE_OID, '|'.join(map(str, names))).int}"


def offset_of(started: str | None) -> str | None:
    """The offset from UTC that an ISO date-time states."""
    _, _, time = (started or "").partition("T")
    return time[-6:] if len(time) > 6 and time[-6] in "+-" else None


def are_parts(one: Exposure, other: Exposure) -> bool:
    """Whether two statements of one event are of different parts of it: they begin at other times, or their regions,
    types, protocols, planes or sources differ, or one is of the left and the other of the right.
    """
    apart = one.started_at and other.started_at and one.started_at != other.started_at
    return bool(apart) or one.part != other.part or _are_sides(one, other)


def _are_sides(one: Exposure, other: Exposure) -> bool:
    return {one.side, other.side} == {LEFT, RIGHT}


def merged(earlier: Exposure, later: Exposure) -> Exposure:
    """One exposure of two containers of one report that bear the same event UID.

    Where region, plane, side and start agree the event was stated twice: what the later one states wins, because
    devices append a correction, and it takes from the earlier what it lacks. Where they differ the two are parts of
    one event (a CT event split by region, TID 10013; the planes of a biplane; two acquisitions under one UID): DLP,
    DAP, dose at the reference point and activity add up; CTDIvol, AGD and the size-specific dose, which are means, keep
    the higher, but the AGD of two breasts adds up, as in a report's total. Region, protocol, type, laterality and
    phantom are those of all parts, or not known. No level is of the sum of two sides, which is noted.
    """
    parts = are_parts(earlier, later)
    combine = _sum_of_parts if parts else _later
    changed: dict[str, Any] = {
        name: combine(name, getattr(earlier, name), getattr(later, name)) for name in FIELDS.values()
    }
    changed |= {name: getattr(later, name) or getattr(earlier, name) for name in _KEPT}
    if parts:
        changed |= {name: None for name in _OF_ALL_PARTS if getattr(later, name) != getattr(earlier, name)}
        changed |= _earliest(earlier, later)
    if _are_sides(earlier, later):
        changed["agd_mgy"] = _added(earlier.agd_mgy, later.agd_mgy)
    if earlier.plane and later.plane and earlier.plane != later.plane:
        changed["plane"] = "all"
    changed["technique"] = {**earlier.technique, **later.technique}
    changed["raw"] = _both_texts(earlier.raw, later.raw) if parts else {**earlier.raw, **_raw_of_kept(earlier, later)}
    changed["dose_check"] = {**earlier.dose_check, **later.dose_check}
    exceeded = (*earlier.dose_check_exceeded, *later.dose_check_exceeded)
    said = "in parts, which were joined" if parts else "twice, what was stated last was kept"
    notes = [*earlier.not_understood, *later.not_understood, f"event: stated {said}"]
    notes += [SIDES_ADDED] if _are_sides(earlier, later) else []
    return replace(
        later,
        dose_check_exceeded=tuple(dict.fromkeys(exceeded)),
        dose_check_on=earlier.dose_check_on | later.dose_check_on,
        side=_side(earlier.side, later.side, parts=parts),
        part=(*earlier.part, *later.part) if parts else later.part,
        not_understood=tuple(dict.fromkeys(notes)),
        warnings=tuple(dict.fromkeys((*earlier.warnings, *later.warnings, "event_uid_shared"))),
        **changed,
    )


def _side(earlier: str | None, later: str | None, *, parts: bool) -> str | None:
    """Of parts it is known where each states it; of one stated twice where one does."""
    if earlier and later:
        return later if later == earlier else BOTH
    return None if parts else later or earlier


def _earliest(one: Exposure, other: Exposure) -> dict[str, str | None]:
    """When an event of parts began, with the offset that is stated of that."""
    first = min((part for part in (one, other) if part.started_at), key=lambda part: str(part.started_at), default=one)
    return {"started_at": first.started_at, "started_offset": first.started_offset}


def _raw_of_kept(earlier: Exposure, later: Exposure) -> dict[str, str]:
    """The later statement's texts, but where the earlier one's value is kept: the text stays that of the value."""
    kept = {
        quantity
        for quantity, name in FIELDS.items()
        if getattr(later, name) is None and getattr(earlier, name) is not None
    }
    return {quantity: text for quantity, text in later.raw.items() if quantity not in kept}


def _later(_: str, earlier: float | None, later: float | None) -> float | None:
    return earlier if later is None else later


def _sum_of_parts(name: str, one: float | None, other: float | None) -> float | None:
    """A part without a value leaves the sum of the others: the event is at least that."""
    if name in _INTENSIVE:
        return max((value for value in (one, other) if value is not None), default=None)
    return _added(one, other)


def _added(one: float | None, other: float | None) -> float | None:
    known = [Decimal(repr(value)) for value in (one, other) if value is not None]
    return float(sum(known, Decimal(0))) if known else None


def _both_texts(earlier: Mapping[str, str], later: Mapping[str, str]) -> dict[str, str]:
    return {
        name: " + ".join(texts[name] for texts in (earlier, later) if texts.get(name)) for name in {**earlier, **later}
    }
