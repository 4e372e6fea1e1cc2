"""The practice census: what does each device give for each act, protocol, operator and population?

Only dose events write its rows, and all of one study meets in one partition. A row stands for its irradiation event
where ``domain.dose_distinct`` says so among all reports of the study, as in the totals of a person; a test of a device
never does. A row keeps the marks by which ``domain.dose_acts`` knows an act: exposures are classified when somebody
asks, each distinct set of marks once, so that another mapping holds for all rows at once.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from domain.dose_acts import marks
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import band
from domain.dose_distinct import distinct
from domain.dose_words import words_of
from projections.engine.projection import NO_RULES, RowKey, Rows, Seed, Tables, UnknownEvent
from schemas.event import LedgerEvent

if TYPE_CHECKING:
    from sqlalchemy import MetaData

READS: Mapping[str, Collection[str]] = {
    "dose.opened": ("study_id", "identity_id"),
    "dose.reassigned": ("study_id", "to_identity_id"),
    "dose.superseded": ("study_id", "report_uid", "replaced"),
    "dose.values_accepted": ("study_id", "report_uid"),
    "dose.alert_raised": ("study_id",),
    "dose.alert_withdrawn": ("study_id",),
    "dose.alert_acknowledged": ("study_id",),
    "dose.reported": (
        *("study_id", "identity_id", "report_uid", "site", "reported_at", "modality", "device", "exposures", "qa"),
        *("words", "source"),
    ),
}


def _study(event: LedgerEvent) -> RowKey:
    return RowKey("study", (event.data["study_id"],))


def _report(study_id: str, report_uid: str) -> RowKey:
    return RowKey("report", (study_id, report_uid))


def _exposures(study_id: str, report_uid: str, report: Mapping[str, Any]) -> Iterable[RowKey]:
    for event in report.get("events") or ():
        yield RowKey("exposure", (study_id, report_uid, event))


def _opened(event: LedgerEvent, rows: Rows) -> None:
    rows.change(_study(event), identity_id=event.data["identity_id"])


def _reassigned(event: LedgerEvent, rows: Rows) -> None:
    owner, study_id = event.data["to_identity_id"], event.data["study_id"]
    rows.change(_study(event), identity_id=owner)
    for report_uid, report in _reports(study_id, rows):
        for key in _exposures(study_id, report_uid, report):
            rows.change(key, identity_id=owner)


def _superseded(event: LedgerEvent, rows: Rows) -> None:
    study_id, report_uid = event.data["study_id"], event.data["report_uid"]
    rows.change(_report(study_id, report_uid), superseded=True, replaced=event.data["replaced"])
    _settle(study_id, rows)


def _accepted(event: LedgerEvent, rows: Rows) -> None:
    study_id, report_uid = event.data["study_id"], event.data["report_uid"]
    key = _report(study_id, report_uid)
    rows.change(key, accepted=True)
    for exposure in _exposures(study_id, report_uid, rows.get(key) or {}):
        rows.change(exposure, accepted=True)
    _settle(study_id, rows)


def _reports(study_id: str, rows: Rows) -> list[tuple[str, Mapping[str, Any]]]:
    study = rows.get(RowKey("study", (study_id,))) or {}
    found = ((uid, rows.get(_report(study_id, uid))) for uid in study.get("reports") or ())
    return [(uid, report) for uid, report in found if report is not None]


def _settle(study_id: str, rows: Rows) -> None:
    """Say of each exposure of the study whether its row stands for the irradiation event."""
    carried = []
    for report_uid, report in _reports(study_id, rows):
        of_report = {**report, "study_uid": study_id, "report_uid": report_uid}
        for key in _exposures(study_id, report_uid, report):
            named = {"irradiation_event_uid": key.key[2], "started_at": None}
            carried.append({**of_report, **(rows.get(key) or {}), **named})
    stand = {(row["report_uid"], row["irradiation_event_uid"]) for row in distinct(carried) if not row["qa"]}
    for row in carried:
        report_uid, event = row["report_uid"], row["irradiation_event_uid"]
        counts = (report_uid, event) in stand
        if row["counts"] != counts:
            rows.change(RowKey("exposure", (study_id, report_uid, event)), counts=counts)


def device_name(device: Mapping[str, Any], words: Mapping[str, Any]) -> str | None:
    """What a device is called: its model, and what tells it from others of the model."""
    parts = (device.get("model") or device.get("manufacturer"), words.get("serial") or words.get("station"))
    return " ".join(part.strip() for part in parts if part and part.strip()) or None


def _reported(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    study_id, report_uid = data["study_id"], data["report_uid"]
    study = rows.get(_study(event)) or {"identity_id": data["identity_id"]}
    reports = sorted({*(study.get("reports") or ()), report_uid})
    rows.put(_study(event), {"identity_id": study["identity_id"], "reports": reports})
    rows.put(
        _report(study_id, report_uid),
        {
            **{name: data[name] for name in ("reported_at", "source", "qa")},
            **dict.fromkeys(("superseded", "replaced", "accepted"), False),
            "events": [exposure["irradiation_event_uid"] for exposure in data["exposures"]],
            "position": event.position,
        },
    )
    for key, row in _rows(data, study["identity_id"]):
        rows.put(key, row)
    if len(reports) > 1:
        _settle(study_id, rows)


def _rows(data: Mapping[str, Any], owner: str) -> Iterable[tuple[RowKey, Mapping[str, Any]]]:
    words = words_of(data)
    common = {
        "counts": not data["qa"],
        "accepted": False,
        "identity_id": owner,
        "subject_id": data["identity_id"],
        "site": data["site"],
        "device": device_name(data["device"], words["device"]) if words["device"] is not None else None,
        "operator": words["operator"],
    }
    for exposure, said in zip(data["exposures"], words["exposures"], strict=True):
        key = RowKey("exposure", (data["study_id"], data["report_uid"], exposure["irradiation_event_uid"]))
        yield key, {**common, **_row(data, exposure, {**words, **said})}


def _row(data: Mapping[str, Any], exposure: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    at, patient = exposure["started_at"] or data["reported_at"], words["patient"]
    of = band(exposed_at=at, age_days=patient["age_days"], weight_kg=patient["weight_kg"])
    return {
        "day": at[:10] if at else None,
        "modality": exposure["modality"],
        "marks": json.dumps(marks(exposure, words).of_device(), ensure_ascii=False)
        if words["device"] is not None
        else None,
        "protocol": words["protocol"],
        "population": of.population,
        "weight": of.weight,
        "weight_kg": patient["weight_kg"],
        "phantom_cm": exposure["phantom_cm"],
        **{quantity: exposure[quantity] for quantity in QUANTITIES},
        "implausible": exposure.get("implausible") or None,
    }


def _nothing(event: LedgerEvent, rows: Rows) -> None:
    """Tells nothing of practice."""


WRITERS: Final[Mapping[str, Callable[[LedgerEvent, Rows], None]]] = {
    "dose.opened": _opened,
    "dose.reassigned": _reassigned,
    "dose.reported": _reported,
    "dose.superseded": _superseded,
    "dose.values_accepted": _accepted,
    **dict.fromkeys(("dose.alert_raised", "dose.alert_withdrawn", "dose.alert_acknowledged"), _nothing),
}


def _tables() -> "MetaData":
    from projections.dose_practice.tables import TABLES

    return TABLES


class DosePractice:
    """Folds dose events into rows."""

    name = "dose_practice"
    version = 1
    topics: tuple[str, ...] = ("krypton.doses",)
    tables = Tables(_tables)
    reads = READS
    rules = NO_RULES

    def seeds(self) -> Iterable[Seed]:
        """None: it is made of events alone."""
        return ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The study's row, and the report's that is changed in part."""
        if WRITERS.get(event.type, _nothing) is _nothing:
            return ()
        if event.type in ("dose.superseded", "dose.values_accepted"):
            return _study(event), _report(event.data["study_id"], event.data["report_uid"])
        return (_study(event),)

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Raises UnknownEvent: the processor parks the event and never skips it."""
        if (write := WRITERS.get(event.type)) is None:
            raise UnknownEvent(f"dose_practice knows no event {event.type}: upgrade it, then replay the event")
        write(event, rows)
