"""Reads one irradiation event of a dose report from its container.

Three containers hold one: CT Acquisition (PS3.16 TID 10013, dose check TID 10015), Irradiation Event X-Ray Data (TID
10003 with 10003A to 10003C) and Radiopharmaceutical Administration (TID 10022). Missing values are None, an encoded 0
is 0.0, and values that cannot be read are named in ``not_understood`` with their text in ``raw``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataset import Dataset

from adapters.dicom.rdsr.tree import Concept, Content, Item
from adapters.dicom.rdsr.units import Dimension, NotUnderstood, canonical
from adapters.dicom.values import is_uid, moment

CT, PROJECTION, RADIOPHARMACEUTICAL = "CT", "PROJECTION", "RADIOPHARMACEUTICAL"
EVENT_KINDS: Final = {"DCM:113819": CT, "DCM:113706": PROJECTION, "DCM:113502": RADIOPHARMACEUTICAL}

TEMPLATES: Final = {CT: "10013", PROJECTION: "10003", RADIOPHARMACEUTICAL: "10022"}

EVENT_TYPE: Final[Concept] = ("DCM:113721",)  # Irradiation Event Type
FLUOROSCOPY: Final[Concept] = ("SRT:P5-06000", "SCT:44491008")
LATERALITY: Final[Concept] = ("SRT:G-C171", "SCT:272741003")
_EVENT_UID: Concept = (
    "DCM:113769",
    "DCM:113503",
)  # irradiation event, radiopharmaceutical administration event
_STARTED: Concept = ("DCM:111526", "DCM:123003")  # DateTime Started, Radiopharmaceutical Start DateTime
_PROTOCOL: Concept = ("DCM:125203",)
_TARGET: Concept = ("DCM:123014",)
_ACQUISITION: Concept = ("DCM:113820", *EVENT_TYPE)  # CT Acquisition Type
_PLANE: Concept = ("DCM:113764",)
_PLANES: Final = {"DCM:113620": "A", "DCM:113621": "B", "DCM:113622": "single", "DCM:113890": "all"}
_AGENT: Concept = ("SRT:C-B02C9", "SCT:349358000", "SRT:F-61FDB")  # Radiopharmaceutical agent
_PHANTOM: Concept = ("DCM:113835",)
_PHANTOM_CM: dict[str, int] = {
    "DCM:113690": 16,
    "DCM:113691": 32,
}  # IEC head, IEC body: diameters of the acrylic

# name -> (its concept, its dimension, the field that holds it)
QUANTITIES: Final[dict[str, tuple[Concept, Dimension, str]]] = {
    "ctdivol": (("DCM:113830",), Dimension.DOSE, "ctdivol_mgy"),
    "dlp": (("DCM:113838",), Dimension.DOSE_LENGTH, "dlp_mgycm"),
    "dap": (("DCM:122130",), Dimension.DOSE_AREA, "dap_mgycm2"),
    "dose_rp": (("DCM:113738",), Dimension.DOSE, "dose_rp_mgy"),
    "agd": (("DCM:111631",), Dimension.DOSE, "agd_mgy"),
    "activity": (("DCM:113507",), Dimension.ACTIVITY, "activity_mbq"),
}
_DOSES = tuple(name for _, _, name in QUANTITIES.values())
_INTENSIVE = {"ctdivol_mgy", "agd_mgy"}  # a mean over what was irradiated: parts of one event do not add up

# What a later statement of an event takes from an earlier one where it is silent.
_KEPT = (
    *("started_at", "protocol", "target_region", "acquisition", "laterality"),
    *("phantom_cm", "plane", "radiopharmaceutical", "started_offset", "target_region_code", "acquisition_code"),
)

_CT_DOSE: Concept = ("DCM:113829",)  # the container that TID 10013 has for them; any other holds parts of an event
LEFT, RIGHT, BOTH = "left", "right", "both"
SIDES: Final = {
    **dict.fromkeys(("SRT:G-A101", "SCT:7771000", "SRT:T-04030", "SCT:80248007"), LEFT),
    **dict.fromkeys(("SRT:G-A100", "SCT:24028007", "SRT:T-04020", "SCT:73056007"), RIGHT),
    **dict.fromkeys(("SRT:G-A102", "SCT:51440002", "SRT:T-04080", "SCT:63762007"), BOTH),
}
_YES: Final = {f"{scheme}:{code}" for scheme in ("SRT", "SCT", "DCM") for code in ("R-0038D", "373066001")}
_NO: Final = {f"{scheme}:{code}" for scheme in ("SRT", "SCT", "DCM") for code in ("R-00339", "373067005")}
_YES_WORDS: Final = {"yes", "oui", "ja", "si", "sì", "sí", "sim", "tak"}  # asked where the code says neither

_CHECK_CODES: dict[str, Concept] = {
    "dlp_alert_configured": ("DCM:113901",),
    "ctdivol_alert_configured": ("DCM:113902",),
    "dlp_notification_configured": ("DCM:113909",),
    "ctdivol_notification_configured": ("DCM:113910",),
}
_CHECK_VALUES: dict[str, tuple[Concept, Dimension]] = {
    "dlp_alert_value": (("DCM:113903",), Dimension.DOSE_LENGTH),
    "ctdivol_alert_value": (("DCM:113904",), Dimension.DOSE),
    "dlp_forward_estimate": (("DCM:113905",), Dimension.DOSE_LENGTH),
    "ctdivol_forward_estimate": (("DCM:113906",), Dimension.DOSE),
    "dlp_notification_value": (("DCM:113911",), Dimension.DOSE_LENGTH),
    "ctdivol_notification_value": (("DCM:113912",), Dimension.DOSE),
    "dlp_notification_estimate": (("DCM:113913",), Dimension.DOSE_LENGTH),
    "ctdivol_notification_estimate": (("DCM:113914",), Dimension.DOSE),
}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """One irradiation event. Its identity is its UID, not the report or the study that tells of it.

    A dose of None is not known, never zero. ``raw`` holds, per quantity that the event states, "value unit"
    as encoded (empty: stated without a value); ``dose_check`` the alert and notification settings of the CT (TID
    10015) as encoded, ``dose_check_on`` which of them are configured, by code, and ``dose_check_exceeded`` which of
    "dlp" and "ctdivol" passed its configured alert value. ``side`` is left, right or both; ``part`` tells parts of one
    event apart: its region and plane, by code.
    """

    irradiation_event_uid: str
    kind: str
    started_at: str | None
    modality: str
    protocol: str | None
    target_region: str | None
    acquisition: str | None
    laterality: str | None
    ctdivol_mgy: float | None
    dlp_mgycm: float | None
    dap_mgycm2: float | None
    dose_rp_mgy: float | None
    agd_mgy: float | None
    activity_mbq: float | None
    phantom_cm: int | None
    raw: dict[str, str]
    not_understood: tuple[str, ...]
    plane: str | None = None
    template: str = ""
    source: str = "report"
    started_offset: str | None = None
    target_region_code: str | None = None
    acquisition_code: str | None = None
    ssde_mgy: float | None = None
    entrance_dose_mgy: float | None = None
    organ_doses: tuple[tuple[str, float], ...] = ()
    technique: Mapping[str, float] = field(default_factory=dict)
    filters: str | None = None
    radiopharmaceutical: str | None = None
    dose_check: dict[str, str] = field(default_factory=dict)
    dose_check_exceeded: tuple[str, ...] = ()
    dose_check_on: frozenset[str] = frozenset()
    side: str | None = None
    part: tuple[str | None, ...] = ()


def read_exposure(
    container: Dataset, *, kind: str, modality: str, study_uid: str, derive: Callable[[str], str]
) -> Exposure:
    """The event in one container; where it names no UID of its own, ``derive`` makes one from its start and plane.

    Where it names a text that is no UID, one is derived from that text and the study's UID: reports that carry the
    event again name it alike. Never raises for what a device wrote.
    """
    content, notes, raw = Content(container), list[str](), dict[str, str]()
    doses = {name: _dose(content, quantity, raw, notes) for quantity, (_, _, name) in QUANTITIES.items()}
    started, part = _started(content, notes), (_part(content, _TARGET), _part(content, _PLANE))
    uid = _event_uid(content, study_uid, f"{kind}|{started}|{part[1]}" if started else "", derive, notes)
    check, on, exceeded = _dose_check(content, notes)
    return Exposure(
        irradiation_event_uid=uid,
        kind=kind,
        started_at=started,
        modality=modality,
        protocol=content.meaning(_PROTOCOL),
        target_region=content.meaning(_TARGET),
        acquisition=content.meaning(_ACQUISITION),
        laterality=content.meaning(LATERALITY),
        ctdivol_mgy=doses["ctdivol_mgy"],
        dlp_mgycm=doses["dlp_mgycm"],
        dap_mgycm2=doses["dap_mgycm2"],
        dose_rp_mgy=doses["dose_rp_mgy"],
        agd_mgy=doses["agd_mgy"],
        activity_mbq=doses["activity_mbq"],
        phantom_cm=_phantom(content, notes),
        raw=raw,
        not_understood=tuple(notes),
        plane=_PLANES.get(part[1] or ""),
        template=TEMPLATES[kind],
        started_offset=_offset(started),
        target_region_code=part[0],
        acquisition_code=_part(content, _ACQUISITION),
        radiopharmaceutical=content.meaning(_AGENT),
        dose_check=check,
        dose_check_exceeded=exceeded,
        dose_check_on=on,
        side=_side(content),
        part=part,
    )


def merged(earlier: Exposure, later: Exposure) -> Exposure:
    """One exposure of two containers of one report that bear the same event UID.

    Where region, plane and start agree the event was stated twice: what the later one states wins, because devices
    append a correction, and it takes from the earlier what it lacks. Where they differ the two are parts of
    one event (a CT event split by region, TID 10013; the planes of a biplane; two acquisitions under one UID): DLP,
    DAP, dose at the reference point and activity add up, CTDIvol and AGD, which are means, keep the higher.
    """
    apart = earlier.started_at and later.started_at and earlier.started_at != later.started_at
    parts = bool(apart) or earlier.part != later.part
    combine = _sum_of_parts if parts else _later
    changed: dict[str, Any] = {name: combine(name, getattr(earlier, name), getattr(later, name)) for name in _DOSES}
    changed |= {name: getattr(later, name) or getattr(earlier, name) for name in _KEPT}
    if earlier.plane and later.plane and earlier.plane != later.plane:
        changed["plane"] = "all"
    changed["raw"] = _both_texts(earlier.raw, later.raw) if parts else {**earlier.raw, **_raw_of_kept(earlier, later)}
    changed["dose_check"] = {**earlier.dose_check, **later.dose_check}
    exceeded = (*earlier.dose_check_exceeded, *later.dose_check_exceeded)
    said = "in parts, which were joined" if parts else "twice, what was stated last was kept"
    notes = (*earlier.not_understood, *later.not_understood, f"event: stated {said}")
    return replace(
        later,
        dose_check_exceeded=tuple(dict.fromkeys(exceeded)),
        dose_check_on=earlier.dose_check_on | later.dose_check_on,
        side=later.side if later.side == earlier.side else later.side and earlier.side and BOTH,
        part=(*earlier.part, *later.part) if parts else later.part,
        not_understood=tuple(dict.fromkeys(notes)),
        **changed,
    )


def _dose(content: Content, quantity: str, raw: dict[str, str], notes: list[str]) -> float | None:
    """The quantity in its canonical unit: the first item with a value; others that differ are noted.

    A value of a part of the event, such as one pulse, is not the event's.
    """
    concept, dimension, _ = QUANTITIES[quantity]
    items = content.all(concept)
    stated = [item.number() for item in items if item.within(_CT_DOSE)]
    if not stated:
        if items:
            notes.append(f"{quantity}: stated of parts of the event alone, which were not added up")
            raw[quantity] = " + ".join(str(item.number()) for item in items)
        return None
    valued = [number for number in stated if number.text]
    first = (valued or stated)[0]
    raw[quantity] = str(first)
    if len(set(valued)) > 1:
        notes.append(f"{quantity}: {len(valued)} values stated, the first was kept")
    try:
        value = canonical(first.text, first.unit, dimension)
    except NotUnderstood as reason:
        notes.append(f"{quantity}: {reason}")
        return None
    return None if value is None else float(value)


def _event_uid(content: Content, study_uid: str, own: str, derive: Callable[[str], str], notes: list[str]) -> str:
    stated = content.uid(_EVENT_UID)
    if stated is None:
        by = "the study, the device and the event's start" if own else "the report's UID and the event's place in it"
        notes.append(f"event UID: absent, one was derived from {by}")
        return derive(own)
    if not is_uid(stated):
        notes.append("event UID: not a UID, one was derived from it and the study's UID")
        return derived(study_uid, stated)
    return stated


def derived(*names: object) -> str:
    """A UID made of these names (PS3.5 B.2: from a UUID): the same names always make the same one."""
    return f"2.25.{uuid5(NAMESPACE_OID, '|'.join(map(str, names))).int}"


def _started(content: Content, notes: list[str]) -> str | None:
    started, odd = moment(content.date_time(_STARTED))
    if odd:
        notes.append(f"started: {odd}")
    return started


def _offset(started: str | None) -> str | None:
    """The offset from UTC that a date-time states."""
    return started[-6:] if started and "T" in started and started[-6] in "+-" else None


def _part(content: Content, concept: Concept) -> str | None:
    """What an item of the concept says, by its code where it has one."""
    for item in content.all(concept):
        return code.key if (code := item.code()) else item.meaning()
    return None


def _side(content: Content) -> str | None:
    return next(
        (side for item in content.all(LATERALITY) if (code := item.code()) and (side := SIDES.get(code.key))), None
    )


def _says_yes(item: Item) -> bool:
    """Whether a CODE item says yes: by its code, whatever its words; by its words where the code says neither."""
    code = item.code()
    if code and code.key in _YES | _NO:
        return code.key in _YES
    return (item.meaning() or "").casefold() in _YES_WORDS


def _phantom(content: Content, notes: list[str]) -> int | None:
    """The diameter of the phantom that the CTDIvol refers to, in cm."""
    codes = [code for item in content.all(_PHANTOM) if (code := item.code())]
    if codes and codes[0].key not in _PHANTOM_CM:
        notes.append("phantom: code not understood")
    return _PHANTOM_CM.get(codes[0].key) if codes else None


def _dose_check(content: Content, notes: list[str]) -> tuple[dict[str, str], frozenset[str], tuple[str, ...]]:
    """The dose check as encoded, what of it is configured, and which alert values the forward estimates passed
    (TID 10015).
    """
    found = {name: meaning for name, concept in _CHECK_CODES.items() if (meaning := content.meaning(concept))}
    on = frozenset(name for name, concept in _CHECK_CODES.items() if any(map(_says_yes, content.all(concept))))
    values: dict[str, Decimal] = {}
    for name, (concept, dimension) in _CHECK_VALUES.items():
        for item in content.all(concept):
            number = item.number()
            found[name] = str(number)
            try:
                value = canonical(number.text, number.unit, dimension)
            except NotUnderstood as reason:
                notes.append(f"{name}: {reason}")
            else:
                values |= {} if value is None else {name: value}
    exceeded = (
        quantity
        for quantity in ("dlp", "ctdivol")
        if (limit := values.get(f"{quantity}_alert_value")) is not None
        and values.get(f"{quantity}_forward_estimate", Decimal(0)) > limit
    )
    return found, on, tuple(exceeded)


def _raw_of_kept(earlier: Exposure, later: Exposure) -> dict[str, str]:
    """The later statement's texts, but where the earlier one's value is kept: the text stays that of the value."""
    kept = {
        quantity
        for quantity, (_, _, name) in QUANTITIES.items()
        if getattr(later, name) is None and getattr(earlier, name) is not None
    }
    return {quantity: text for quantity, text in later.raw.items() if quantity not in kept}


def _later(_: str, earlier: float | None, later: float | None) -> float | None:
    return earlier if later is None else later


def _sum_of_parts(name: str, one: float | None, other: float | None) -> float | None:
    """A part without a value leaves the sum of the others: the event is at least that."""
    known = [value for value in (one, other) if value is not None]
    if not known or name in _INTENSIVE:
        return max(known, default=None)
    return float(sum((Decimal(repr(value)) for value in known), Decimal(0)))


def _both_texts(earlier: Mapping[str, str], later: Mapping[str, str]) -> dict[str, str]:
    return {
        name: " + ".join(texts[name] for texts in (earlier, later) if texts.get(name)) for name in {**earlier, **later}
    }
