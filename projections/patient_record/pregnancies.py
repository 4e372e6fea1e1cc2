"""What do the orders of a person's exams say of a pregnancy? By the study that answers an order.

A study answers an order that names it, or whose accession number or number it came with, at an establishment that the
order was placed at, brought to or scheduled at. Only orders of the same person say anything.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.pregnancy import SAID
from projections.engine.query import fetch

Row = dict[str, Any]
SAY = """
SELECT study_uid, study_id::text, accession, placer_number, site, presented_at, scheduled_at, ordered_by, pregnancy,
       first_position, last_position
FROM patient_record.exam_order
WHERE identity_id = ANY(%(members)s::uuid[]) AND pregnancy = ANY(%(said)s) AND state <> 'cancelled'
"""
STUDIES = """
SELECT study_id::text, study_uid, site, accession FROM patient_record.study
WHERE identity_id = ANY(%(members)s::uuid[]) AND NOT withdrawn
"""


def saying(connection: Connection, members: Collection[str]) -> Sequence[Row]:
    """The orders of these identities that say something, with what tells who may see each; not what was cancelled."""
    return fetch(connection, SAY, members=list(members), said=list(SAID))


def answered(connection: Connection, members: Collection[str], orders: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """By study UID what orders say (``domain.pregnancy.SAID``), each statement once, the most cautious first."""
    found: dict[str, set[str]] = {}
    for study in fetch(connection, STUDIES, members=list(members)):
        if said := {order["pregnancy"] for order in orders if _answers(study, order)}:
            found.setdefault(study["study_uid"], set()).update(said)
    return {study_uid: tuple(sorted(said, key=SAID.index)) for study_uid, said in found.items()}


def _answers(study: Row, order: Row) -> bool:
    if study["study_uid"] == order["study_uid"] or study["study_id"] == order["study_id"]:
        return True
    numbers = {order["accession"], order["placer_number"]} - {None, ""}
    return study["accession"] in numbers and study["site"] in (
        order["site"],
        order["presented_at"],
        order["scheduled_at"],
    )
