"""The SQL query for doses over a level of the version's rules. "Over" is strict.

``dose-alerts``: a study, by ``domain.dose_alerts``: the greater of the value in one of its reports and the sum over its
distinct irradiation events; if several reports contain an event, the one of the latest content time counts, and never
one that is superseded, nor one of an image where a report has it; where no time says which is later (the same, or
none), the greatest. An implausible value counts
once it was accepted.
``reference-levels``: an exposure, by the act that its modality and protocol identify; only of reports that are not
superseded and not ``qa``, with the phantom of the level, and adults' levels only: a child's weight is not known here.
Whom a report states to be under 18, or whose age it does not state, is compared with none.
"""

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.dose_alerts import QUANTITIES
from domain.dose_bands import ADULT_MONTHS
from domain.dose_reports import IMAGE
from domain.rules.document import DOSE_ALERTS, REFERENCE_LEVELS
from projections.engine.declaration import Tell
from projections.engine.query import fetch

Document = dict[str, Any]
SUMMED = QUANTITIES[1:]  # CTDIvol is an average over a scanned length: its sum is meaningless
KEY = ("kind", "study_id", "act", "quantity", "irradiation_event_uid")
COLUMNS = (*KEY, "value", "threshold", "rule_version")

_PLAUSIBLE = "({t}.implausible IS NULL OR NOT {t}.implausible ? '{{{{q}}}}' OR r.accepted_position IS NOT NULL)"
# Sums over all that is carried are at least those over distinct events, and cheap: they leave few studies to look at.
_STUDIES = f"""
SELECT '{DOSE_ALERTS}' AS kind, d.study_id, v.act, '{{q}}' AS quantity, '' AS irradiation_event_uid,
       d.value, v.value AS threshold, v.rule_version
FROM (SELECT act, value, rule_version FROM "{{s}}".level WHERE kind = '{DOSE_ALERTS}' AND quantity = '{{q}}') v
CROSS JOIN LATERAL (
    SELECT study_id FROM "{{s}}".exposure WHERE {{q}} IS NOT NULL
    GROUP BY study_id HAVING sum(greatest({{q}}, 0)) > v.value
    UNION SELECT study_id FROM "{{s}}".report WHERE (totals->>'{{q}}')::float8 > v.value) likely
CROSS JOIN LATERAL (
    SELECT likely.study_id, greatest(
        (SELECT max((totals->>'{{q}}')::float8) FROM "{{s}}".report r
         WHERE r.study_id = likely.study_id AND r.superseded_by IS NULL AND {_PLAUSIBLE.format(t="r")}),
        (SELECT sum(distinct_events.{{q}}) FROM (
            SELECT DISTINCT ON (told.irradiation_event_uid) told.{{q}}
            FROM (SELECT e.irradiation_event_uid, e.{{q}}, r.superseded_by IS NOT NULL AS superseded,
                         r.source = '{IMAGE}' AS of_image,
                         rank() OVER (
                             PARTITION BY e.irradiation_event_uid, r.source, r.superseded_by IS NULL,
                                          r.reported_at IS NULL
                             ORDER BY r.reported_at DESC) AS age
                  FROM "{{s}}".exposure e JOIN "{{s}}".report r USING (study_id, report_uid)
                  WHERE e.study_id = likely.study_id AND NOT r.replaced AND e.{{q}} IS NOT NULL
                    AND {_PLAUSIBLE.format(t="e")}) told
            WHERE told.age = 1
            ORDER BY told.irradiation_event_uid, told.of_image, told.superseded, told.{{q}} DESC
        ) distinct_events)) AS value
    OFFSET 0) d
WHERE d.value > v.value
"""
# Trimmed and folded as ``domain.rules.levels.protocol_key`` does it, whatever the locale of the database.
_BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
_PROTOCOL = f"""casefold(btrim(protocol, '{_BLANKS}') COLLATE "pg_unicode_fast")"""
_VALUE = f"CASE l.quantity {' '.join(f'''WHEN '{q}' THEN e.{q}''' for q in QUANTITIES)} END"
# Twelve months to a year of 365.25 days, as ``domain.dose_bands`` counts a stated age.
_ADULT = f"(r.patient->>'age_days')::float8 * 12 / 365.25 >= {ADULT_MONTHS}"
# A region has few protocols and many exposures: protocols are matched with acts first, each once.
_EXPOSURES = f"""
WITH named AS MATERIALIZED (
    SELECT modality, protocol, {_PROTOCOL} AS key FROM (
        SELECT DISTINCT modality, protocol FROM "{{s}}".exposure WHERE protocol IS NOT NULL) told),
meant AS MATERIALIZED (
    SELECT l.*, n.protocol FROM "{{s}}".level l
    CROSS JOIN LATERAL jsonb_array_elements_text(l.protocols) p(key)
    JOIN named n ON n.modality = l.modality AND n.key = p.key
    WHERE l.kind = '{REFERENCE_LEVELS}' AND l.population = 'adult')
SELECT DISTINCT ON (e.study_id, l.act, l.quantity, e.irradiation_event_uid)
       '{REFERENCE_LEVELS}' AS kind, e.study_id, l.act, l.quantity, e.irradiation_event_uid,
       {_VALUE} AS value, l.value AS threshold, l.rule_version
FROM meant l
JOIN "{{s}}".exposure e ON e.modality = l.modality AND e.protocol = l.protocol AND {_VALUE} > l.value
     AND (l.phantom_cm = 0 OR e.phantom_cm = l.phantom_cm)
JOIN "{{s}}".report r ON r.study_id = e.study_id AND r.report_uid = e.report_uid
WHERE NOT r.qa AND r.superseded_by IS NULL AND {_ADULT}
  AND (e.implausible IS NULL OR NOT e.implausible ? l.quantity OR r.accepted_position IS NOT NULL)
ORDER BY e.study_id, l.act, l.quantity, e.irradiation_event_uid, {_VALUE} DESC, l.value
"""


def over(schema: str) -> str:
    """The query, with ``COLUMNS``; ``irradiation_event_uid`` and ``act`` are empty where a whole study is over."""
    studies = (_STUDIES.format(s=schema, q=quantity) for quantity in SUMMED)
    return "\nUNION ALL ".join((*studies, f"({_EXPOSURES.format(s=schema)})"))


# An alert stands once per study and kind: what was raised under earlier rules is not due again.
DUE = f"""
SELECT o.study_id::text, array_agg(o.quantity ORDER BY o.quantity) AS quantities, min(o.rule_version) AS rule_version
FROM ({{over}}) o
WHERE o.kind = '{DOSE_ALERTS}' AND NOT EXISTS (
    SELECT FROM "{{s}}".alert a WHERE a.study_id = o.study_id AND a.withdrawn_position IS NULL
        AND a.kind = CASE o.act WHEN '' THEN o.quantity || '_over' ELSE o.act END)
GROUP BY o.study_id ORDER BY o.study_id
"""


def alerts_due(connection: Connection, schema: str, *, tell: Tell = lambda *_: None) -> Sequence[Document]:
    """Studies over a level of ``dose-alerts`` for which no alert stands: ``study_id``, ``quantities``."""
    return fetch(connection, DUE.format(s=schema, over=over(schema)))
