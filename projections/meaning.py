"""What a difference between two versions means: who would be one person, which doses would call for attention."""

from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from projections.reading import fetch

Document = dict[str, Any]


class Meaning(Protocol):
    """How one view's differences are told. ``live`` and ``candidate`` are the PostgreSQL schemas of the versions."""

    def counts(self, connection: Connection, live: str, candidate: str) -> Document:
        """Numbers, under one name each."""

    def page(self, connection: Connection, live: str, candidate: str, offset: int, limit: int) -> list[Document]:
        """One document per difference, in a stable order."""


# Who each identity is in both versions; an identity without a node is a person of its own.
WHO = """
WITH who AS MATERIALIZED (
    SELECT identity_id, coalesce(l.person_id, identity_id) AS was, coalesce(c.person_id, identity_id) AS now
    FROM "{live}".node l FULL JOIN "{candidate}".node c USING (identity_id)),
joined AS (SELECT now AS person, array_agg(DISTINCT was ORDER BY was) AS others
    FROM who GROUP BY now HAVING count(DISTINCT was) > 1),
split AS (SELECT was AS person, array_agg(DISTINCT now ORDER BY now) AS others
    FROM who GROUP BY was HAVING count(DISTINCT now) > 1)
"""
# The rules of the merges that hold a person together, in the version where it is one.
RULES = """
coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_object('rule', s.rule, 'rule_version', s.rule_version))
    FROM "{schema}".link k JOIN "{schema}".statement s ON s.position = k.position
    JOIN "{schema}".node a ON a.identity_id = k.low JOIN "{schema}".node b ON b.identity_id = k.high
    WHERE k.state = 'merged' AND a.person_id = p.person AND b.person_id = p.person), '[]')
"""


class Persons:
    """Identities that would become one person, and persons that would fall apart."""

    def counts(self, connection: Connection, live: str, candidate: str) -> Document:
        """See ``Meaning``: ``persons`` joined and split."""
        query = WHO + "SELECT (SELECT count(*) FROM joined) AS joined, (SELECT count(*) FROM split) AS split"
        return {"persons": fetch(connection, query.format(live=live, candidate=candidate))[0]}

    def page(self, connection: Connection, live: str, candidate: str, offset: int, limit: int) -> list[Document]:
        """See ``Meaning``: ``person`` where it is one, ``persons`` where it is several, ``rules`` that hold it."""
        query = WHO + (
            f"SELECT 'joined' AS change, p.person::text, p.others::text[] AS persons, {RULES.format(schema=candidate)}"
            " AS rules FROM joined p"
            f" UNION ALL SELECT 'split', p.person::text, p.others::text[], {RULES.format(schema=live)} FROM split p"
            " ORDER BY 1, 2 OFFSET %(offset)s LIMIT %(limit)s"
        )
        return fetch(connection, query.format(live=live, candidate=candidate), offset=offset, limit=limit)


ALERTS = """
FROM "{live}".alert l FULL JOIN "{candidate}".alert c
ON (l.study_id, l.report_uid, l.kind, l.quantity, coalesce(l.irradiation_event_uid, ''))
 = (c.study_id, c.report_uid, c.kind, c.quantity, coalesce(c.irradiation_event_uid, ''))
WHERE l.alert_id IS NULL OR c.alert_id IS NULL
"""
SHOWN = ("study_id", "report_uid", "kind", "quantity", "value", "threshold", "rule", "rule_version")


class Alerts:
    """Doses that would newly be over a level, and those that would no longer be."""

    def counts(self, connection: Connection, live: str, candidate: str) -> Document:
        """See ``Meaning``: ``alerts`` newly_over and no_longer_over."""
        query = (
            "SELECT count(*) FILTER (WHERE l.alert_id IS NULL) AS newly_over,"
            " count(*) FILTER (WHERE c.alert_id IS NULL) AS no_longer_over" + ALERTS
        )
        return {"alerts": fetch(connection, query.format(live=live, candidate=candidate))[0]}

    def page(self, connection: Connection, live: str, candidate: str, offset: int, limit: int) -> list[Document]:
        """See ``Meaning``: study, quantity, value and threshold of each."""
        columns = ", ".join(f"coalesce(l.{c}, c.{c}) AS {c}" for c in SHOWN)
        query = (
            "SELECT CASE WHEN l.alert_id IS NULL THEN 'newly_over' ELSE 'no_longer_over' END AS change, "
            + columns
            + ALERTS
            + " ORDER BY study_id, report_uid, quantity, change OFFSET %(offset)s LIMIT %(limit)s"
        )
        return fetch(connection, query.format(live=live, candidate=candidate), offset=offset, limit=limit)


MEANINGS: dict[str, Meaning] = {"identity_index": Persons(), "cumulative_dose": Alerts()}
"""By view; of the others, rows tell all."""
