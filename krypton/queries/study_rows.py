"""Rows of studies of many people, where the views meet: who is meant, which studies, and what a list shows of each.

Whoever asks passes conditions as SQL of Krypton's own on ``s`` (a study) and ``i`` (an identity), with parameters
(``conditions``), and decides who may see what (``study_search``).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from adapters.eventstore.tables import EVENTS, WITHDRAWN
from projections.engine.query import fetch, fetch_by_index

Document = dict[str, Any]
ORDER: Final = 's.started_at COLLATE "C" DESC NULLS LAST, s.study_id'
"""Newest first; the same at each page, whatever comes in between two studies of one moment."""
OPEN: Final = ("placed", "presented", "scheduled", "performed")
"""States of an order that is not reported, cancelled or run out."""
KNOWN: Final = """
EXISTS (
    SELECT FROM (
        SELECT {identity} AS identity_id
        UNION SELECT m.identity_id FROM identity_index.node n JOIN identity_index.node m ON m.person_id = n.person_id
        WHERE n.identity_id = {identity}) one
    WHERE EXISTS (SELECT FROM identity_index.identity o
                  WHERE o.identity_id = one.identity_id AND o.assigner = %(site)s AND NOT o.erased)
       OR EXISTS (SELECT FROM patient_record.exam_order e
                  WHERE e.identity_id = one.identity_id AND e.state = ANY(%(open)s)
                    AND (e.presented_at = %(site)s OR e.scheduled_at = %(site)s)))
"""
"""Of whom an establishment may be shown studies: somebody it knows, or for whom an order is open there."""
PEOPLE: Final = """
SELECT i.identity_id::text AS identity FROM identity_index.identity i
WHERE NOT i.erased AND {scope} AND {condition} LIMIT %(most)s
"""
FOUND: Final = f"""
SELECT f.study, f.identity, f.subject, f.study_uid, f.site, f.date, f.accession, f.description, f.modalities,
       (SELECT count(*) FROM jsonb_object_keys(f.held)) AS series, f.instances, f.first_position, f.last_position,
       i.assigner, i.local_id, i.traits
FROM (
    SELECT s.study_id::text AS study, s.identity_id::text AS identity, s.subject_id::text AS subject, s.study_uid,
           s.site, s.started_at AS date, s.accession, s.description, s.modalities, s.series AS held, s.instances,
           s.first_position, s.last_position
    FROM patient_record.study s
    WHERE {{scope}} AND NOT s.withdrawn AND {{condition}}
      AND NOT EXISTS (SELECT FROM {EVENTS} w WHERE w.originator_id = s.study_id AND w.topic IN ({WITHDRAWN}))
    ORDER BY {ORDER} LIMIT %(most)s) f
LEFT JOIN LATERAL (
    SELECT o.assigner, o.local_id, o.traits FROM identity_index.identity o
    WHERE o.identity_id = f.identity::uuid LIMIT 1) i ON true
ORDER BY f.date COLLATE "C" DESC NULLS LAST, f.study COLLATE "C"
"""
"""``LIMIT 1`` keeps the two apart for the planner, which would else read all identities."""


class Scope:
    """Among whose studies is sought: of some identities, or of all whom an establishment may be shown."""

    def __init__(self, identities: Collection[str] | None = None, site: str | None = None) -> None:
        self.identities = identities
        self.values: Document = {"scope": list(identities or ()), "site": site, "open": list(OPEN)}

    def of(self, identity: str) -> str:
        """The condition on a column that holds an identity."""
        if self.identities is not None:
            return f"{identity} = ANY(%(scope)s::uuid[])"
        return KNOWN.format(identity=identity)


def people(connection: Connection, scope: Scope, condition: str, values: Mapping[str, Any], most: int) -> list[str]:
    """Identities in the scope that meet a condition on ``i``, in no order; no more than ``most``."""
    query = PEOPLE.format(scope=scope.of("i.identity_id"), condition=condition)
    return [row["identity"] for row in fetch(connection, query, **values, **scope.values, most=most)]


def found(connection: Connection, scope: Scope, condition: str, values: Mapping[str, Any], most: int) -> list[Document]:
    """Studies in the scope that meet a condition on ``s``, newest first: what decides who sees them, and what lists
    show; no more than ``most``. Withdrawn ones are not found, also where the view has not read that yet.
    """
    query = FOUND.format(scope=scope.of("s.identity_id"), condition=condition)
    of_some = scope.identities is not None and not values  # one statement, where any other key makes another
    return (fetch_by_index if of_some else fetch)(connection, query, **values, **scope.values, most=most)
