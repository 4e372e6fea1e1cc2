"""Finds the persons whom alert rules may concern that no view can judge: causes over studies, exposures, populations.

Of a rule nobody is left out: a person's doses together, or their exams, are no more than its threshold, or they are
judged. Whether anything is due the ledger decides (``JudgePerson``).
"""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection

from domain.dose_alerts import EXPOSURE, REPEAT, STUDY, AlertRule, AlertRules
from projections.engine.query import fetch

OWNED = """WITH owned AS MATERIALIZED (
    SELECT latest.study_id, latest.identity_id, coalesce(node.person_id, latest.identity_id) AS person_id
    FROM (SELECT DISTINCT ON (study_id) study_id, identity_id FROM "{s}".dose_owner
          ORDER BY study_id, from_position DESC) latest
    LEFT JOIN identity_index.node node USING (identity_id))
SELECT DISTINCT ON (person_id) identity_id::text AS identity FROM owned
WHERE person_id IN ({any_of}) ORDER BY person_id, identity_id"""
SUM = """SELECT person_id FROM (
    SELECT o.person_id, greatest(e.{q}, 0) AS value FROM owned o JOIN "{s}".exposure e USING (study_id)
    UNION ALL
    SELECT o.person_id, (r.totals->>'{q}')::float8 FROM owned o JOIN "{s}".report r USING (study_id)) told
    GROUP BY person_id HAVING sum(value) > {over}"""
ONE = """SELECT o.person_id FROM owned o JOIN "{s}".exposure e USING (study_id) WHERE e.{q} > {over}"""
EXAMS = """SELECT person_id FROM owned GROUP BY person_id HAVING count(*) > {over}"""


def persons_due(connection: Connection, schema: str, rules: AlertRules) -> Sequence[str]:
    """One identity of each such person. ``schema``: of the version of ``cumulative_dose``."""
    asked = [rule for rule in rules.more if rule.kind != STUDY or rule.population or rule.modalities]
    if not asked:
        return ()
    likely = "\nUNION ".join(
        _likely(rule).format(s=schema, q=rule.quantity, over=repr(rule.threshold)) for rule in asked
    )
    return [row["identity"] for row in fetch(connection, OWNED.format(s=schema, any_of=likely))]


def _likely(rule: AlertRule) -> str:
    return {EXPOSURE: ONE, REPEAT: EXAMS}.get(rule.kind, SUM)
