"""Queries of the patient record view; they read the stable schema ``patient_record`` and return JSON-ready values."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.sight import ALL, Sight
from domain.times import iso
from projections.engine.query import fetch
from schemas.event import ERASED

Document = dict[str, Any]
Starts = Mapping[str, str | None]

STUDIES = """
SELECT study_id::text, identity_id::text AS identity, subject_id::text AS subject, study_uid, site, accession,
       started_at, modalities, description, instances, withdrawn, first_position,
       (SELECT count(*) FROM jsonb_object_keys(series)) AS series
FROM patient_record.study WHERE identity_id = ANY(%(members)s::uuid[])
ORDER BY started_at DESC NULLS LAST, first_position DESC
"""
REPORTS = """
SELECT study_id::text, subject_id::text AS subject, report_uid, kind, title, unread, position
FROM patient_record.report WHERE study_id = ANY(%(studies)s::uuid[]) ORDER BY position
"""
READINGS = """
SELECT reading_id::text AS reading, study_id::text, identity_id::text AS subject, state, from_site, to_site, question,
       due, read_by, report_uid, conclusion, decline_reason, requested_at, first_position, last_position
FROM patient_record.reading WHERE study_id = ANY(%(studies)s::uuid[]) ORDER BY first_position
"""
ORDER_COLUMNS = """
SELECT order_id::text AS "order", identity_id::text AS identity, state, site, placer_number, ordered_by, modality, act,
       question, urgency, accession, wanted_by, presented_at, scheduled_at, scheduled_for, ae_title, study_uid,
       report_uid, cancel_reason, pregnancy, placed_at, study_id::text, first_position, last_position
FROM patient_record.exam_order
"""
ORDERS = ORDER_COLUMNS + "WHERE identity_id = ANY(%(members)s::uuid[]) ORDER BY first_position DESC"
ORDER = ORDER_COLUMNS + "WHERE order_id = %(order)s"
WORK = f"""{ORDER_COLUMNS}
WHERE (site = %(site)s OR presented_at = %(site)s OR scheduled_at = %(site)s) AND state = ANY(%(states)s)
ORDER BY first_position LIMIT %(limit)s
"""
TO_READ = """
SELECT reading_id::text AS reading, study_id::text AS study, r.identity_id::text AS subject, r.state, from_site,
       to_site, question, due, read_by, r.report_uid, conclusion, decline_reason, requested_at,
       s.identity_id::text AS identity, s.study_uid, s.modalities, s.started_at, s.site AS study_site,
       s.last_position AS study_position
FROM patient_record.reading r LEFT JOIN patient_record.study s USING (study_id)
WHERE (r.to_site = %(site)s OR r.from_site = %(site)s) AND r.state = ANY(%(states)s)
ORDER BY r.first_position LIMIT %(limit)s
"""
ORDER_PLACED: Document = {"state": "placed"} | dict.fromkeys(
    (
        *("presented_at", "scheduled_at", "scheduled_for", "ae_title", "accession", "study_uid", "report_uid"),
        "cancel_reason",
    )
)
READING_REQUESTED: Document = {"state": "requested"} | dict.fromkeys(
    ("read_by", "report_uid", "conclusion", "decline_reason")
)
"""What is told of an order or a reading before any step after the first."""
INNER = ("study_id", "first_position", "last_position")
SEALED_OF_ORDER = ("placer_number", "act", "question", "accession", "ae_title", "cancel_reason", "pregnancy")
ARRIVED = """
SELECT study_id::text, study_uid, started_at, site, first_position, last_position
FROM patient_record.study WHERE identity_id = ANY(%(members)s::uuid[])
"""
SUBJECTS = """
SELECT subject_id::text AS subject FROM patient_record.study WHERE identity_id = ANY(%(members)s::uuid[])
UNION SELECT r.subject_id::text FROM patient_record.report r JOIN patient_record.study s USING (study_id)
WHERE s.identity_id = ANY(%(members)s::uuid[])
UNION SELECT r.identity_id::text FROM patient_record.reading r JOIN patient_record.study s USING (study_id)
WHERE s.identity_id = ANY(%(members)s::uuid[])
"""


def subjects(connection: Connection, members: Sequence[str]) -> set[str]:
    """The identities under whose keys the record's texts are sealed: the members, and the studies' original identities.

    Ask the key vault which of them are erased before calling ``record``.
    """
    found = {row["subject"] for row in fetch(connection, SUBJECTS, members=list(members))}
    return {*members, *found} - {None}


def record(connection: Connection, members: Sequence[str], erased: Collection[str], sight: Sight = ALL) -> Document:
    """``studies`` and ``orders`` of ``record show``, newest first, for all identities of one person.

    Withdrawn studies are left out and counted. Texts sealed under the key of one of ``erased`` read ``[erased]`` at
    once, before any rebuild. ``sight``: what the reader sees; with ``withheld``, where they may know that, how many
    items an opposition to feeding keeps from them, whole or in what came in later.
    """
    found = fetch(connection, STUDIES, members=list(members))
    kept = [study for study in found if not sight.exclusions.study(study["study_uid"], study["started_at"])]
    started = _starts(found)
    fed = [study for study in kept if not sight.withholds(study["first_position"], [study["site"]])]
    shown = [study for study in fed if not study["withdrawn"]]
    sites = {study["study_id"]: study["site"] for study in shown}
    reports = fetch(connection, REPORTS, studies=[*sites])
    readings = [r for r in fetch(connection, READINGS, studies=[*sites]) if not sight.exclusions.author(r["read_by"])]
    orders = [o for o in fetch(connection, ORDERS, members=list(members)) if not order_left_out(o, sight, started)]
    read = {
        "reports": [r for r in reports if not sight.withholds(r["position"], [sites[r["study_id"]]])],
        "readings": [r for r in readings if not _reading_withheld(r, sight)],
        "orders": [o for o in orders if not order_withheld(o, sight)],
    }
    missing = (len(kept) - len(fed)) + len(reports) + len(readings) + len(orders) - sum(map(len, read.values()))
    missing += sum(_order_late(o, sight) for o in read["orders"]) + sum(
        _reading_late(r, sight) for r in read["readings"]
    )
    by_study = _by_study(read["reports"]), _by_study([reading_fed(r, sight) for r in read["readings"]])
    return {
        "studies": [_study(study, *by_study, erased) for study in shown],
        "withdrawn": len(fed) - len(shown),
        "orders": [shown_order(order_fed(order, sight), erased) for order in read["orders"]],
        **sight.withheld(missing),
    }


def starts(connection: Connection, members: Sequence[str]) -> Starts:
    """When each study of these members began, by its id and its UID: what is not there cannot be dated."""
    return _starts(fetch(connection, ARRIVED, members=list(members)))


IMAGING = """
SELECT study_uid, bool_and(withdrawn) AS withdrawn FROM patient_record.study
WHERE identity_id = ANY(%(members)s::uuid[]) AND instances > 0 GROUP BY study_uid
"""


def imaging(connection: Connection, members: Sequence[str]) -> dict[str, str]:
    """By UID of these members' studies of which anything came in: ``available``, or ``withdrawn``."""
    rows = fetch(connection, IMAGING, members=list(members))
    return {row["study_uid"]: "withdrawn" if row["withdrawn"] else "available" for row in rows}


def _starts(studies: Sequence[Document]) -> Starts:
    return {study[name]: study["started_at"] for name in ("study_uid", "study_id") for study in studies}


def grown_late(connection: Connection, members: Sequence[str], sight: Sight) -> list[str]:
    """Studies that the reader sees, of which something came in later that they do not see."""
    if not sight.oppositions:
        return []
    found = fetch(connection, ARRIVED, members=list(members))
    return [
        study["study_id"]
        for study in found
        if sight.withholds(study["last_position"], [study["site"]])
        and not sight.withholds(study["first_position"], [study["site"]])
    ]


def order_left_out(order: Document, sight: Sight, started: Starts) -> bool:
    """Whether the consent excludes an order: by its author, or with the study made from it."""
    made = order["study_id"] or order["study_uid"]
    excluded = bool(made) and sight.exclusions.study(order["study_uid"], started.get(made))
    return excluded or sight.exclusions.author(order["ordered_by"])


def order_withheld(order: Document, sight: Sight) -> bool:
    """Whether an opposition to feeding withholds an order: its author and the sites involved still see it."""
    return sight.withholds(order["first_position"], _order_sites(order), order["ordered_by"])


def order_fed(order: Document, sight: Sight) -> Document:
    """The order as placed, where an opposition to feeding withholds what came in of it later.

    Which of the steps came before is not in the row: then all of them are left out.
    """
    return order | ORDER_PLACED if _order_late(order, sight) else order


def _order_late(order: Document, sight: Sight) -> bool:
    return sight.withholds(order["last_position"], _order_sites(order), order["ordered_by"])


def reading_fed(reading: Document, sight: Sight) -> Document:
    """The reading as asked for, where an opposition to feeding withholds what came in of it later."""
    return reading | READING_REQUESTED if _reading_late(reading, sight) else reading


def _reading_late(reading: Document, sight: Sight) -> bool:
    return sight.withholds(reading["last_position"], _reading_sites(reading), reading["read_by"])


def _order_sites(order: Document) -> tuple[str | None, ...]:
    return order["site"], order["presented_at"], order["scheduled_at"]


def order_hidden(connection: Connection, order: Document, members: Sequence[str], sight: Sight) -> bool:
    """Whether a reader does not see one order at all."""
    return order_withheld(order, sight) or order_left_out(order, sight, starts(connection, members))


def _reading_withheld(reading: Document, sight: Sight) -> bool:
    return sight.withholds(reading["first_position"], _reading_sites(reading), reading["read_by"])


def _reading_sites(reading: Document) -> tuple[str | None, ...]:
    return reading["from_site"], reading["to_site"]


def _by_study(rows: Sequence[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for row in rows:
        found.setdefault(row["study_id"], []).append(row)
    return found


def _shown(text: str | None, subject: str, erased: Collection[str]) -> str | None:
    return ERASED if text is not None and subject in erased else text


def _study(
    study: Document,
    reports: Mapping[str, Sequence[Document]],
    readings: Mapping[str, Sequence[Document]],
    erased: Collection[str],
) -> Document:
    of_study = study, *reports.get(study["study_id"], ()), *readings.get(study["study_id"], ())
    if study["identity"] in erased:  # also what is sealed under the key of whose it was before
        erased = {one["subject"] for one in of_study}
    return {
        "study": study["study_id"],
        "study_uid": study["study_uid"],
        "identity": study["identity"],
        "site": study["site"],
        "date": study["started_at"],
        "modalities": study["modalities"],
        "description": _shown(study["description"], study["subject"], erased),
        "accession": _shown(study["accession"], study["subject"], erased),
        "series": study["series"],
        "instances": study["instances"],
        "reports": [
            {
                "report_uid": r["report_uid"],
                "kind": r["kind"],
                "title": _shown(r["title"], r["subject"], erased),
                "unread": _shown(r["unread"], r["subject"], erased),
            }
            for r in reports.get(study["study_id"], ())
        ],
        "readings": [_reading(r, erased) for r in readings.get(study["study_id"], ())],
    }


def orders_at(
    connection: Connection, site: str, states: Sequence[str], limit: int, erased: Collection[str] = ()
) -> list[Document]:
    """``order list``: orders in these states that an establishment placed, was brought or makes, oldest first."""
    found = fetch(connection, WORK, site=site, states=list(states), limit=limit)
    return [shown_order(order, erased) for order in found]


def readings_at(
    connection: Connection, site: str, states: Sequence[str], limit: int, erased: Collection[str] = ()
) -> list[Document]:
    """``reading list``: readings in these states that an establishment asked for or was asked for, oldest first.

    ``identity``: whose the study is now; the texts are sealed under who it was when the reading was asked for.
    ``study_site``, ``study_position``: from where and when the study came in, with what was added to it.
    """
    found = fetch(connection, TO_READ, site=site, states=list(states), limit=limit)
    return [
        _reading(row, erased)
        | {name: row[name] for name in ("study", "study_uid", "modalities", "study_site", "study_position")}
        | {"date": row["started_at"], "identity": row["identity"] or row["subject"], "subject": row["subject"]}
        for row in found
    ]


def _reading(reading: Document, erased: Collection[str]) -> Document:
    subject = reading["subject"]
    return {
        "reading": reading["reading"],
        "state": reading["state"],
        "from_site": reading["from_site"],
        "to_site": reading["to_site"],
        "requested_at": iso(reading["requested_at"]),
        "due": iso(reading["due"]),
        "question": _shown(reading["question"], subject, erased),
        "read_by": reading["read_by"],
        "report_uid": reading["report_uid"],
        "conclusion": _shown(reading["conclusion"], subject, erased),
        "decline_reason": _shown(reading["decline_reason"], subject, erased),
    }


def order(connection: Connection, order_id: str) -> Document | None:
    """One order as stored, or None; ``shown_order`` makes it ready to be shown."""
    found = fetch(connection, ORDER, order=order_id)
    return found[0] if found else None


def shown_order(order: Document, erased: Collection[str]) -> Document:
    """An order with its times as text, and its texts masked where the identity is ``erased``."""
    order = {name: value for name, value in order.items() if name not in INNER}
    times = {name: iso(order[name]) for name in ("wanted_by", "scheduled_for", "placed_at")}
    texts = {name: _shown(order[name], order["identity"], erased) for name in SEALED_OF_ORDER}
    return {**order, **times, **texts}
