"""Readings of the patient record: what is on record of one, what a reader sees of it, and those of a site."""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.sight import Sight
from domain.times import iso
from projections.engine.query import fetch, unless_erased

Document = dict[str, Any]

OF_STUDIES = """
SELECT reading_id::text AS reading, study_id::text, identity_id::text AS subject, state, from_site, to_site, question,
       due, read_by, report_uid, conclusion, decline_reason, requested_at, first_position, last_position
FROM patient_record.reading WHERE study_id = ANY(%(studies)s::uuid[]) ORDER BY first_position
"""
AT_SITE = """
SELECT reading_id::text AS reading, study_id::text AS study, r.identity_id::text AS subject, r.state, from_site,
       to_site, question, due, read_by, r.report_uid, conclusion, decline_reason, requested_at,
       s.identity_id::text AS identity, s.study_uid, s.modalities, s.started_at, s.site AS study_site,
       s.last_position AS study_position
FROM patient_record.reading r LEFT JOIN patient_record.study s USING (study_id)
WHERE (r.to_site = %(site)s OR r.from_site = %(site)s) AND r.state = ANY(%(states)s)
ORDER BY r.first_position LIMIT %(limit)s
"""
REQUESTED: Document = {"state": "requested"} | dict.fromkeys(("read_by", "report_uid", "conclusion", "decline_reason"))
"""What is told of a reading before any step after the first."""


def of_studies(connection: Connection, studies: Sequence[str], sight: Sight) -> list[Document]:
    """The readings of these studies as stored, oldest first; not those by somebody whom the consent excludes."""
    found = fetch(connection, OF_STUDIES, studies=list(studies))
    return [reading for reading in found if not sight.exclusions.author(reading["read_by"])]


def at_site(
    connection: Connection, site: str, states: Sequence[str], limit: int, erased: Collection[str] = ()
) -> list[Document]:
    """``reading list``: readings in these states that an establishment asked for or was asked for, oldest first.

    ``identity``: whose the study is now; the texts are sealed under who it was when the reading was asked for.
    ``study_site``, ``study_position``: from where and when the study came in, with what was added to it.
    """
    found = fetch(connection, AT_SITE, site=site, states=list(states), limit=limit)
    return [
        shown(row, erased)
        | {name: row[name] for name in ("study", "study_uid", "modalities", "study_site", "study_position")}
        | {"date": row["started_at"], "identity": row["identity"] or row["subject"], "subject": row["subject"]}
        for row in found
    ]


def withheld(reading: Document, sight: Sight) -> bool:
    """Whether an opposition to feeding withholds a reading: its author and the two sites still see it."""
    return sight.withholds(reading["first_position"], _sites(reading), reading["read_by"])


def grew_late(reading: Document, sight: Sight) -> bool:
    """Whether an opposition to feeding withholds what came in of the reading after it was asked for."""
    return sight.withholds(reading["last_position"], _sites(reading), reading["read_by"])


def fed(reading: Document, sight: Sight) -> Document:
    """The reading as asked for, where an opposition to feeding withholds what came in of it later."""
    return reading | REQUESTED if grew_late(reading, sight) else reading


def shown(reading: Document, erased: Collection[str]) -> Document:
    """A reading with its times as text, and its texts masked where the one they are sealed under is ``erased``."""
    subject = reading["subject"]
    return {
        "reading": reading["reading"],
        "state": reading["state"],
        "from_site": reading["from_site"],
        "to_site": reading["to_site"],
        "requested_at": iso(reading["requested_at"]),
        "due": iso(reading["due"]),
        "question": unless_erased(reading["question"], subject, erased),
        "read_by": reading["read_by"],
        "report_uid": reading["report_uid"],
        "conclusion": unless_erased(reading["conclusion"], subject, erased),
        "decline_reason": unless_erased(reading["decline_reason"], subject, erased),
    }


def _sites(reading: Document) -> tuple[str | None, ...]:
    return reading["from_site"], reading["to_site"]
