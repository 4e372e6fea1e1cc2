"""The patient record view: which studies, reports, exam orders and readings does each local identity have?

Each aggregate's rows are written by its own partition: orders name studies, but touch no row of theirs. ``queries``
resolves persons and joins. A text whose key was destroyed is stored as it is read: ``[erased]``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from projections.engine.projection import NO_RULES, RowKey, Rows, Seed, Tables, UnknownEvent
from projections.patient_record.batches import grown
from schemas.event import LedgerEvent

if TYPE_CHECKING:
    from sqlalchemy import MetaData


CONFLICT = ("site", "kind", "differing", "instances", "uid", "digest", "other_identity_id", "other_study_uid")


def _study(event: LedgerEvent) -> RowKey:
    return RowKey("study", (event.aggregate_id,))


def _new(event: LedgerEvent) -> dict[str, Any]:
    """What can be said of a study before its arrival is read."""
    return {
        "identity_id": event.data["identity_id"],
        "study_uid": event.data["study_uid"],
        "modalities": [],
        "series": {},
        "instances": 0,
        "withdrawn": False,
        "first_position": event.position,
    }


def _arrived(event: LedgerEvent, rows: Rows) -> None:
    key, data = _study(event), event.data
    held = rows.get(key) or _new(event)
    rows.put(
        key,
        {
            **held,
            **grown(held, data),
            "subject_id": data["identity_id"],
            "site": data["site"],
            "accession": data["accession"],
            "started_at": data["started_at"],
            "description": data["description"],
            "received_at": data["recorded_at"],
            "last_position": event.position,
        },
    )


def _extended(event: LedgerEvent, rows: Rows) -> None:
    key = _study(event)
    held = rows.get(key) or _new(event)
    rows.put(key, {**held, **grown(held, event.data), "last_position": event.position})


def _report_added(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.put(
        RowKey("report", (event.aggregate_id, data["report_uid"])),
        {
            "subject_id": data["identity_id"],
            "kind": data["kind"],
            "title": data["title"],
            "unread": data["unread"],
            "received_at": data["recorded_at"],
            "position": event.position,
        },
    )


def _reassigned(event: LedgerEvent, rows: Rows) -> None:
    key = _study(event)
    held = rows.get(key) or _new(event)
    rows.put(key, {**held, "identity_id": event.data["to_identity_id"], "last_position": event.position})


def _withdrawn(event: LedgerEvent, rows: Rows) -> None:
    key = _study(event)
    rows.put(key, {**(rows.get(key) or _new(event)), "withdrawn": True, "last_position": event.position})


def _conflict(event: LedgerEvent) -> RowKey:
    return RowKey("conflict", (event.data["conflict_id"], event.aggregate_id))


def _conflict_found(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.put(
        _conflict(event),
        {
            **{name: data[name] for name in CONFLICT},
            "found_at": data["recorded_at"],
            "found_by": data["actor"],
            "position": event.position,
            "state": "open",
            "settled_by": None,
        },
    )


def _conflict_settled(event: LedgerEvent, rows: Rows) -> None:
    _, _, state = event.type.rpartition("_")
    rows.change(_conflict(event), state=state, settled_by=event.data["actor"])


STUDY_EVENTS: dict[str, Callable[[LedgerEvent, Rows], None]] = {
    "study.arrived": _arrived,
    "study.extended": _extended,
    "study.report_added": _report_added,
    "study.reassigned": _reassigned,
    "study.withdrawn": _withdrawn,
    "study.conflict_found": _conflict_found,
    "study.conflict_accepted": _conflict_settled,
    "study.conflict_dismissed": _conflict_settled,
}

# Of orders and readings, each event sets columns of one row: column to field of the event. The state is its name.
STEPS: dict[str, dict[str, str]] = {
    "order.placed": {
        **{name: name for name in ("site", "placer_number", "ordered_by", "modality", "act", "question", "urgency")},
        "accession": "accession",
        "wanted_by": "wanted_by",
        "pregnancy": "pregnancy",
        "placed_at": "recorded_at",
    },
    "order.presented": {"presented_at": "site"},
    "order.scheduled": {
        "scheduled_at": "site",
        "scheduled_for": "at",
        "accession": "accession",
        "ae_title": "ae_title",
    },
    "order.performed": {"study_uid": "study_uid", "study_id": "study_id"},
    "order.resulted": {"report_uid": "report_uid"},
    "order.cancelled": {"cancel_reason": "reason"},
    "order.expired": {},
    "reading.requested": {
        **{name: name for name in ("from_site", "to_site", "ordinal", "question", "due")},
        "requested_at": "recorded_at",
    },
    "reading.accepted": {"read_by": "by"},
    "reading.declined": {"decline_reason": "reason"},
    "reading.reported": {"read_by": "by", "report_uid": "report_uid", "conclusion": "conclusion"},
}
ROW_OF = {"order": "exam_order", "reading": "reading"}
WORDS = ("placer_number", "act", "question", "accession", "ae_title", "cancel_reason", "pregnancy")
"""Of an order, what is sealed; whoever it moves to, it is sealed again for them."""

STUDY = ("identity_id", "study_uid")
BATCH = (*STUDY, "modalities", "series", "instances")
READS: Mapping[str, Collection[str]] = {
    "study.arrived": (*BATCH, "site", "accession", "started_at", "description", "recorded_at"),
    "study.extended": BATCH,
    "study.report_added": ("identity_id", "report_uid", "kind", "title", "unread", "recorded_at"),
    "study.reassigned": (*STUDY, "to_identity_id"),
    "study.withdrawn": STUDY,
    "study.conflict_found": ("conflict_id", *CONFLICT, "recorded_at", "actor"),
    **dict.fromkeys(("study.conflict_accepted", "study.conflict_dismissed"), ("conflict_id", "actor")),
    **{step: ("identity_id", "study_id", *fields.values()) for step, fields in STEPS.items()},
    "order.reassigned": ("to_identity_id", *WORDS),
}


def _stepper(step: str) -> Callable[[LedgerEvent, Rows], None]:
    """Writes one step of an order or a reading."""
    family, _, state = step.partition(".")
    table, fields = ROW_OF[family], tuple(STEPS[step].items())
    first = ("identity_id", "study_id") if family == "reading" else ("identity_id",)

    def write(event: LedgerEvent, rows: Rows) -> None:
        key, data, position = RowKey(table, (event.aggregate_id,)), event.data, event.position
        changed = {column: data[field] for column, field in fields}
        changed["state"], changed["last_position"] = state, position
        if rows.get(key) is None:
            changed["first_position"] = position
            changed.update((name, data[name]) for name in first)
        rows.change(key, **changed)

    return write


def _order_reassigned(event: LedgerEvent, rows: Rows) -> None:
    """It is no step: the state stays, and so does when something last came in of the order."""
    key, data = RowKey("exam_order", (event.aggregate_id,)), event.data
    changed = {"identity_id": data["to_identity_id"], **{name: data[name] for name in WORDS}}
    if rows.get(key) is None:
        changed |= {"state": "placed", "first_position": event.position, "last_position": event.position}
    rows.change(key, **changed)


WRITERS = STUDY_EVENTS | {step: _stepper(step) for step in STEPS} | {"order.reassigned": _order_reassigned}


def _tables() -> "MetaData":
    from projections.patient_record.tables import TABLES

    return TABLES


class PatientRecord:
    """Folds studies, orders and readings into rows. A new rule or column needs a new version."""

    name = "patient_record"
    version = 1
    topics: tuple[str, ...] = ("krypton.studies", "krypton.orders")
    tables = Tables(_tables)
    rules = NO_RULES
    reads = READS

    def seeds(self) -> Iterable[Seed]:
        """None: this view uses no rules."""
        return ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The row that the event changes; a report and a conflict are only ever added."""
        family, _, what = event.type.partition(".")
        if what in ("report_added", "conflict_found"):
            return ()
        if what.startswith("conflict_"):
            return (_conflict(event),)
        return (RowKey(ROW_OF.get(family, family), (event.aggregate_id,)),)

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Raises UnknownEvent: the processor parks the event and never skips it."""
        if (write := WRITERS.get(event.type)) is None:
            raise UnknownEvent(f"patient_record knows no event {event.type}: upgrade it, then replay the event")
        write(event, rows)
