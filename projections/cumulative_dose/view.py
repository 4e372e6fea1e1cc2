"""The cumulative dose view: what has each local identity been exposed to, and how much?

Only dose events write its rows, so other topics may come before or after. All of one study meets in one partition.
Whose a study's doses are is a row of its own, so reassigning a study moves no report and no exposure.
``queries`` resolves persons, and counts an irradiation event once however many reports carry it. Rules make one table,
``level``; ``over`` compares doses with it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from domain.dose_alerts import AlertRules
from domain.dose_levels import ReferenceLevels
from domain.dose_words import ORGAN_TOTALS, organ_totals_of, parted_totals, words_of
from domain.rules import alerts as thresholds
from domain.rules import plausible as bounds
from domain.rules.document import DOSE_ALERTS, PLAUSIBLE_DOSES, REFERENCE_LEVELS
from domain.rules.plausible import PlausibleDoses
from projections.cumulative_dose import levels
from projections.cumulative_dose.shape import SHAPES
from projections.engine.projection import RowKey, Rows, Seed, Tables, UnknownEvent
from schemas.event import LedgerEvent

if TYPE_CHECKING:
    from sqlalchemy import MetaData

# An exposure's fields are the table's columns by the same names; a field that a later schema adds waits for a version.
COLUMNS = tuple(name for name in SHAPES["exposure"].columns if name not in SHAPES["exposure"].key)
OF_COLUMNS = itemgetter(*COLUMNS)
NO_COLUMNS = (
    *("irradiation_event_uid", "source", "notify_dlp_mgycm", "notify_forward_dlp_mgycm"),
    *("notify_ctdivol_mgy", "notify_forward_ctdivol_mgy"),
)
NONE = ReferenceLevels()


ALERT = ("study_id", "kind", "quantity", "value", "threshold", "report_uid", "irradiation_event_uid")
RAISED = ("rule", "rule_version", "rule_kind", "window_days", "studies")
READS: Mapping[str, Collection[str]] = {
    "dose.opened": ("study_id", "identity_id"),
    "dose.reassigned": ("study_id", "to_identity_id"),
    "dose.superseded": ("study_id", "report_uid", "by_report_uid", "replaced"),
    "dose.values_accepted": ("study_id", "report_uid"),
    "dose.alert_raised": (*ALERT, *RAISED, "alert_id", "recorded_at"),
    "dose.alert_withdrawn": ("alert_id", "recorded_at", "why"),
    "dose.alert_acknowledged": ("alert_id", "recorded_at", "actor", "note", "identity_id"),
    "dose.reported": (
        *("study_id", "identity_id", "report_uid", "study_uid", "site", "reported_at", "modality", "device"),
        *("exposures", "totals", "qa", "words", "implausible", "source", "warnings"),
    ),
}


def _owned(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    owner = data["to_identity_id"] if event.type == "dose.reassigned" else data["identity_id"]
    rows.put(RowKey("dose_owner", (data["study_id"], event.position)), {"identity_id": owner})


def _columns(exposure: Mapping[str, Any], words: Mapping[str, Any], subject_id: str) -> dict[str, Any]:
    row = {"subject_id": subject_id, **exposure, **words}
    row["implausible"] = row["implausible"] or None
    row["organ_doses"] = row["organ_doses"] or None
    if len(row) != len(COLUMNS) + len(NO_COLUMNS):
        return dict(zip(COLUMNS, OF_COLUMNS(row), strict=True))
    for name in NO_COLUMNS:  # a third of the time of making another dict: this runs once per exposure
        del row[name]
    return row


def _reported(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    study_id, report_uid, subject_id = data["study_id"], data["report_uid"], data["identity_id"]
    words = words_of(data)
    rows.put(
        RowKey("report", (study_id, report_uid)),
        {
            "study_uid": data["study_uid"],
            "site": data["site"],
            "reported_at": data["reported_at"],
            "modality": data["modality"],
            "subject_id": subject_id,
            "device": data["device"],
            "device_words": words["device"],
            "totals": parted_totals(data["totals"])[0],
            ORGAN_TOTALS: organ_totals_of(data) or None,
            "qa": data["qa"],
            "source": data["source"],
            "warnings": data["warnings"] or None,
            "patient": words["patient"] if any(known is not None for known in words["patient"].values()) else None,
            "operator": words["operator"],
            "procedure": words["procedure"],
            "procedure_code": words["procedure_code"],
            "study_description": words["study_description"],
            "not_understood": words["not_understood"],
            "implausible": data["implausible"] or None,
            "accepted_position": None,
            "position": event.position,
            "superseded_by": None,
            "superseded_position": None,
            "replaced": False,
        },
    )
    put = rows.put
    for exposure, said in zip(data["exposures"], words["exposures"], strict=True):
        put(
            RowKey("exposure", (study_id, report_uid, exposure["irradiation_event_uid"])),
            _columns(exposure, said, subject_id),
        )


def _superseded(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    report = RowKey("report", (data["study_id"], data["report_uid"]))
    told = {"superseded_by": data["by_report_uid"], "superseded_position": event.position}
    rows.change(report, **told, replaced=data["replaced"])


def _values_accepted(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.change(RowKey("report", (data["study_id"], data["report_uid"])), accepted_position=event.position)


def _alert_raised(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.put(
        RowKey("alert", (data["alert_id"],)),
        {
            **{name: data[name] for name in (*ALERT, *RAISED)},
            "position": event.position,
            "raised_at": data["recorded_at"],
            "withdrawn_position": None,
            "withdrawn_at": None,
            "why_withdrawn": None,
            "acknowledged_position": None,
            "acknowledged_at": None,
            "acknowledged_by": None,
            "note": None,
            "note_subject": None,
        },
    )


def _alert_withdrawn(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.change(
        RowKey("alert", (data["alert_id"],)),
        withdrawn_position=event.position,
        withdrawn_at=data["recorded_at"],
        why_withdrawn=data["why"],
    )


def _alert_acknowledged(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.change(
        RowKey("alert", (data["alert_id"],)),
        acknowledged_position=event.position,
        acknowledged_at=data["recorded_at"],
        acknowledged_by=data["actor"],
        note=data["note"],
        note_subject=data["identity_id"],
    )


WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = {
    "dose.opened": _owned,
    "dose.reassigned": _owned,
    "dose.reported": _reported,
    "dose.superseded": _superseded,
    "dose.values_accepted": _values_accepted,
    "dose.alert_raised": _alert_raised,
    "dose.alert_withdrawn": _alert_withdrawn,
    "dose.alert_acknowledged": _alert_acknowledged,
}


def _tables() -> "MetaData":
    from projections.cumulative_dose.tables import TABLES

    return TABLES


class CumulativeDose:
    """Folds dose events into rows. A new rule or column is a new version, built beside this one.

    ``alerts``: levels per study; ``reference``: levels per exposure, by default none; ``plausible``: bounds, which the
    ledger judges by when a report comes in: here they are only named, so that promoting the view puts them in force.
    """

    name = "cumulative_dose"
    version = 1
    topics: tuple[str, ...] = ("krypton.doses",)
    tables = Tables(_tables)
    reads = READS

    def __init__(
        self,
        alerts: AlertRules = thresholds.BUILT_IN,
        reference: ReferenceLevels = NONE,
        plausible: PlausibleDoses = bounds.BUILT_IN,
    ) -> None:
        self._alerts, self._reference = alerts, reference
        self.rules: Mapping[str, int] = {
            DOSE_ALERTS: alerts.version,
            REFERENCE_LEVELS: reference.version,
            PLAUSIBLE_DOSES: plausible.version,
        }

    def seeds(self) -> Iterable[Seed]:
        """The levels."""
        return levels.seeds(self._alerts, self._reference)

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The rows that ``apply`` changes in part; rows it only inserts need no prefetch."""
        if event.type in ("dose.superseded", "dose.values_accepted"):
            return (RowKey("report", (event.data["study_id"], event.data["report_uid"])),)
        if event.type in ("dose.alert_acknowledged", "dose.alert_withdrawn"):
            return (RowKey("alert", (event.data["alert_id"],)),)
        return ()

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Raises UnknownEvent: the processor parks the event and never skips it."""
        if (write := WRITERS.get(event.type)) is None:
            raise UnknownEvent(f"cumulative_dose knows no event {event.type}: upgrade it, then replay the event")
        write(event, rows)
