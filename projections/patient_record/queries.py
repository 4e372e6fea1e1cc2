"""Queries of the patient record view; they read the stable schema ``patient_record`` and return JSON-ready values.

Orders and readings have modules of their own.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection

from domain.sight import ALL, Sight
from projections.engine.query import fetch, unless_erased
from projections.patient_record import orders, readings
from projections.patient_record.orders import Starts

Document = dict[str, Any]

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
IMAGING = """
SELECT study_uid, bool_and(withdrawn) AS withdrawn FROM patient_record.study
WHERE identity_id = ANY(%(members)s::uuid[]) AND instances > 0 GROUP BY study_uid
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
    fed = [study for study in kept if not sight.withholds(study["first_position"], [study["site"]])]
    shown = [study for study in fed if not study["withdrawn"]]
    seen = _seen(connection, members, shown, _starts(found), sight)
    by_study = _by_study(seen.reports), _by_study([readings.fed(one, sight) for one in seen.readings])
    return {
        "studies": [_study(study, *by_study, erased) for study in shown],
        "withdrawn": len(fed) - len(shown),
        "orders": [orders.shown(orders.fed(one, sight), erased) for one in seen.orders],
        **sight.withheld(len(kept) - len(fed) + seen.missing),
    }


class _Seen(NamedTuple):
    """What a reader sees beside the studies; ``missing``: how many such items they do not see, or not to their end."""

    reports: list[Document]
    readings: list[Document]
    orders: list[Document]
    missing: int


def _seen(
    connection: Connection, members: Sequence[str], shown: Sequence[Document], started: Starts, sight: Sight
) -> _Seen:
    sites = {study["study_id"]: study["site"] for study in shown}
    added = fetch(connection, REPORTS, studies=[*sites])
    asked = readings.of_studies(connection, [*sites], sight)
    placed = [one for one in orders.of_person(connection, members) if not orders.left_out(one, sight, started)]
    told = (
        [one for one in added if not sight.withholds(one["position"], [sites[one["study_id"]]])],
        [one for one in asked if not readings.withheld(one, sight)],
        [one for one in placed if not orders.withheld(one, sight)],
    )
    whole = len(added) + len(asked) + len(placed) - sum(map(len, told))
    late = sum(readings.grew_late(one, sight) for one in told[1]) + sum(orders.grew_late(one, sight) for one in told[2])
    return _Seen(*told, whole + late)


def starts(connection: Connection, members: Sequence[str]) -> Starts:
    """When each study of these members began, by its id and its UID: what is not there cannot be dated."""
    return _starts(fetch(connection, ARRIVED, members=list(members)))


def imaging(connection: Connection, members: Sequence[str]) -> dict[str, str]:
    """By UID of these members' studies of which anything came in: ``available``, or ``withdrawn``."""
    rows = fetch(connection, IMAGING, members=list(members))
    return {row["study_uid"]: "withdrawn" if row["withdrawn"] else "available" for row in rows}


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


def _starts(studies: Sequence[Document]) -> Starts:
    return {study[name]: study["started_at"] for name in ("study_uid", "study_id") for study in studies}


def _by_study(rows: Sequence[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for row in rows:
        found.setdefault(row["study_id"], []).append(row)
    return found


def _study(
    study: Document,
    reports: Mapping[str, Sequence[Document]],
    asked_for: Mapping[str, Sequence[Document]],
    erased: Collection[str],
) -> Document:
    of_study = study, *reports.get(study["study_id"], ()), *asked_for.get(study["study_id"], ())
    if study["identity"] in erased:  # also what is sealed under the key of whose it was before
        erased = {one["subject"] for one in of_study}
    return {
        "study": study["study_id"],
        "study_uid": study["study_uid"],
        "identity": study["identity"],
        "site": study["site"],
        "date": study["started_at"],
        "modalities": study["modalities"],
        "description": unless_erased(study["description"], study["subject"], erased),
        "accession": unless_erased(study["accession"], study["subject"], erased),
        "series": study["series"],
        "instances": study["instances"],
        "reports": [
            {
                "report_uid": r["report_uid"],
                "kind": r["kind"],
                "title": unless_erased(r["title"], r["subject"], erased),
                "unread": unless_erased(r["unread"], r["subject"], erased),
            }
            for r in reports.get(study["study_id"], ())
        ],
        "readings": [readings.shown(one, erased) for one in asked_for.get(study["study_id"], ())],
    }
