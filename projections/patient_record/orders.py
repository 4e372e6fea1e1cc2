"""Orders of the patient record: what is on record of one, what a reader sees of it, and those of a site."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.sight import Sight
from domain.times import iso
from projections.engine.query import fetch, unless_erased

Document = dict[str, Any]
Starts = Mapping[str, str | None]
"""When each study of a person began, by its id and its UID: what is not there cannot be dated."""

COLUMNS = """
SELECT order_id::text AS "order", identity_id::text AS identity, state, site, placer_number, ordered_by, modality, act,
       question, urgency, accession, wanted_by, presented_at, scheduled_at, scheduled_for, ae_title, study_uid,
       report_uid, cancel_reason, pregnancy, placed_at, study_id::text, first_position, last_position
FROM patient_record.exam_order
"""
OF_PERSON = COLUMNS + "WHERE identity_id = ANY(%(members)s::uuid[]) ORDER BY first_position DESC"
ONE = COLUMNS + "WHERE order_id = %(order)s"
AT_SITE = f"""{COLUMNS}
WHERE (site = %(site)s OR presented_at = %(site)s OR scheduled_at = %(site)s) AND state = ANY(%(states)s)
ORDER BY first_position LIMIT %(limit)s
"""
PLACED: Document = {"state": "placed"} | dict.fromkeys(
    (
        *("presented_at", "scheduled_at", "scheduled_for", "ae_title", "accession", "study_uid", "report_uid"),
        "cancel_reason",
    )
)
"""What is told of an order before any step after the first."""
INNER = ("study_id", "first_position", "last_position")
SEALED = ("placer_number", "act", "question", "accession", "ae_title", "cancel_reason", "pregnancy")


def of_person(connection: Connection, members: Sequence[str]) -> list[Document]:
    """All orders of these identities as stored, newest first."""
    return fetch(connection, OF_PERSON, members=list(members))


def one(connection: Connection, order: str) -> Document | None:
    """One order as stored, or None; ``shown`` makes it ready to be shown."""
    found = fetch(connection, ONE, order=order)
    return found[0] if found else None


def at_site(
    connection: Connection, site: str, states: Sequence[str], limit: int, erased: Collection[str] = ()
) -> list[Document]:
    """``order list``: orders in these states that an establishment placed, was brought or makes, oldest first."""
    found = fetch(connection, AT_SITE, site=site, states=list(states), limit=limit)
    return [shown(order, erased) for order in found]


def hidden(order: Document, sight: Sight, started: Starts) -> bool:
    """Whether a reader does not see an order at all."""
    return withheld(order, sight) or left_out(order, sight, started)


def left_out(order: Document, sight: Sight, started: Starts) -> bool:
    """Whether the consent excludes an order: by its author, or with the study made from it."""
    made = order["study_id"] or order["study_uid"]
    excluded = bool(made) and sight.exclusions.study(order["study_uid"], started.get(made))
    return excluded or sight.exclusions.author(order["ordered_by"])


def withheld(order: Document, sight: Sight) -> bool:
    """Whether an opposition to feeding withholds an order: its author and the sites involved still see it."""
    return sight.withholds(order["first_position"], _sites(order), order["ordered_by"])


def grew_late(order: Document, sight: Sight) -> bool:
    """Whether an opposition to feeding withholds what came in of the order after it was placed."""
    return sight.withholds(order["last_position"], _sites(order), order["ordered_by"])


def fed(order: Document, sight: Sight) -> Document:
    """The order as placed, where an opposition to feeding withholds what came in of it later.

    Which of the steps came before is not in the row: then all of them are left out.
    """
    return order | PLACED if grew_late(order, sight) else order


def shown(order: Document, erased: Collection[str]) -> Document:
    """An order with its times as text, and its texts masked where the identity is ``erased``."""
    told = {name: value for name, value in order.items() if name not in INNER}
    times = {name: iso(order[name]) for name in ("wanted_by", "scheduled_for", "placed_at")}
    texts = {name: unless_erased(order[name], order["identity"], erased) for name in SEALED}
    return {**told, **times, **texts}


def _sites(order: Document) -> tuple[str | None, ...]:
    return order["site"], order["presented_at"], order["scheduled_at"]
