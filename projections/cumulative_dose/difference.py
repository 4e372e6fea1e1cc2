"""Compares two versions of the dose view: doses newly over a level, and no longer over one."""

from typing import Any, Final

from psycopg2.extensions import connection as Connection

from domain.dose_acts import DoseActs
from projections.cumulative_dose.acts import meant
from projections.cumulative_dose.over import COLUMNS, KEY, over
from projections.engine.declaration import Keep, Tell
from projections.engine.query import fetch

Document = dict[str, Any]
NO_ACTS: Final = DoseActs()


class Levels:
    """``projections.engine.declaration.Meaning`` of the cumulative dose. ``acts``: the mapping in force."""

    def __init__(self, acts: DoseActs = NO_ACTS) -> None:
        self._acts = acts

    def counts(self, connection: Connection, live: str, candidate: str, tell: Tell, keep: Keep) -> Document:
        """See ``Meaning``: ``doses`` newly_over and no_longer_over a level, studies and exposures together."""
        known = meant(connection, (live, candidate), self._acts)
        query = f"""
            SELECT count(*) FILTER (WHERE l.kind IS NULL) AS newly_over,
                   count(*) FILTER (WHERE c.kind IS NULL) AS no_longer_over {_differing(live, candidate, known)}"""
        return {"doses": fetch(connection, query, meant=known)[0]}

    def page(
        self, connection: Connection, live: str, candidate: str, offset: int, limit: int, tell: Tell
    ) -> list[Document]:
        """See ``Meaning``: study, act and quantity of each, with the value, and the level that it is over.

        ``rule_version``: of the rule set, named by ``kind``, that has this level.
        """
        known = meant(connection, (live, candidate), self._acts)
        columns = ", ".join(f"coalesce(l.{c}, c.{c}) AS {c}" for c in COLUMNS)
        query = f"""
            SELECT CASE WHEN l.kind IS NULL THEN 'newly_over' ELSE 'no_longer_over' END AS change, {columns}
            {_differing(live, candidate, known)}
            ORDER BY study_id, kind, act, quantity, irradiation_event_uid, change OFFSET %(offset)s LIMIT %(limit)s"""
        return [_document(row) for row in fetch(connection, query, meant=known, offset=offset, limit=limit)]


def _differing(live: str, candidate: str, known: str) -> str:
    matched = " AND ".join(f"l.{c} = c.{c}" for c in KEY)
    left, right = (over(schema, known) for schema in (live, candidate))
    return f"FROM ({left}) l FULL JOIN ({right}) c ON {matched} WHERE l.kind IS NULL OR c.kind IS NULL"


def _document(row: Document) -> Document:
    return row | {"act": row["act"] or None, "irradiation_event_uid": row["irradiation_event_uid"] or None}
