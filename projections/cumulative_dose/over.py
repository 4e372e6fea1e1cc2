"""The SQL query for doses over a level of the version's rules. "Over" is strict.

``dose-alerts``: a study (``over_studies``).
``reference-levels``: an exposure, by the act that the mapping in force says (``acts``); only of reports that are not
superseded and not ``qa``, with the phantom of the level, and adults' levels only, whoever it was made on: birth dates
are another view's, so that ``difference`` asks them, and leaves out who was no adult.
"""

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.dose_alerts import QUANTITIES
from domain.dose_bands import ADULT_MONTHS
from domain.rules.document import REFERENCE_LEVELS
from projections.cumulative_dose.acts import MARKS, NONE
from projections.cumulative_dose.over_studies import STUDIES
from projections.engine.declaration import Tell
from projections.engine.query import fetch

Document = dict[str, Any]
SUMMED = QUANTITIES[1:]  # CTDIvol is an average over a scanned length: its sum is meaningless
KEY = ("kind", "study_id", "act", "quantity", "irradiation_event_uid")
COLUMNS = (*KEY, "value", "threshold", "rule_version")
STATED = ("exposed_at", "age_days")
"""Of an exposure: when it was made, and the age that its report states."""

_VALUE = f"CASE l.quantity {' '.join(f'''WHEN '{q}' THEN e.{q}''' for q in QUANTITIES)} END"
# Twelve months to a year of 365.25 days, as ``domain.dose_bands`` counts a stated age. Of two reports of one exposure
# the one that states an adult's tells whom it was made on, where no birth date does.
_AGE = "(r.patient->>'age_days')::float8"
_ADULT = f"{_AGE} * 12 / 365.25 >= {ADULT_MONTHS}"
_EXPOSURES = f"""
WITH meant AS MATERIALIZED (
    SELECT l.*, m.marks FROM jsonb_to_recordset(%(meant)s::jsonb) m(marks text, act text, modality text)
    JOIN "{{s}}".level l ON l.act = m.act AND l.modality = m.modality
    WHERE l.kind = '{REFERENCE_LEVELS}' AND l.population = 'adult')
SELECT DISTINCT ON (e.study_id, l.act, l.quantity, e.irradiation_event_uid)
       '{REFERENCE_LEVELS}' AS kind, e.study_id, l.act, l.quantity, e.irradiation_event_uid,
       {_VALUE} AS value, l.value AS threshold, l.rule_version,
       coalesce(nullif(e.started_at, ''), r.reported_at) AS exposed_at, {_AGE} AS age_days
FROM "{{s}}".exposure e
JOIN "{{s}}".report r ON r.study_id = e.study_id AND r.report_uid = e.report_uid
JOIN meant l ON l.marks = {MARKS} AND {_VALUE} > l.value
     AND (l.phantom_cm = 0 OR e.phantom_cm = l.phantom_cm)
WHERE NOT r.qa AND r.superseded_by IS NULL
  AND (e.implausible IS NULL OR NOT e.implausible ? l.quantity OR r.accepted_position IS NOT NULL)
ORDER BY e.study_id, l.act, l.quantity, e.irradiation_event_uid, {_ADULT} DESC NULLS LAST,
         {_VALUE} DESC, l.value
"""


def over(schema: str, meant: str) -> str:
    """The query, with ``COLUMNS`` and ``STATED``; of a whole study ``irradiation_event_uid`` and ``act`` are empty.
    ``meant``, which is a parameter of it, too: as ``projections.cumulative_dose.acts.meant``; no exposure is looked at
    where none is of an act.
    """
    studies = f"SELECT s.*, NULL::text AS exposed_at, NULL::float8 AS age_days FROM ({_studies(schema)}) s"
    return studies if meant == NONE else f"{studies}\nUNION ALL ({_EXPOSURES.format(s=schema)})"


def _studies(schema: str) -> str:
    return "\nUNION ALL ".join(STUDIES.format(s=schema, q=quantity) for quantity in SUMMED)


# An alert stands once per study and kind: what was raised under earlier rules is not due again.
DUE = """
SELECT o.study_id::text, array_agg(o.quantity ORDER BY o.quantity) AS quantities, min(o.rule_version) AS rule_version
FROM ({over}) o
WHERE NOT EXISTS (
    SELECT FROM "{s}".alert a WHERE a.study_id = o.study_id AND a.withdrawn_position IS NULL
        AND a.kind = CASE o.act WHEN '' THEN o.quantity || '_over' ELSE o.act END)
GROUP BY o.study_id ORDER BY o.study_id
"""


def alerts_due(connection: Connection, schema: str, *, tell: Tell = lambda *_: None) -> Sequence[Document]:
    """Studies over a level of ``dose-alerts`` for which no alert stands: ``study_id``, ``quantities``."""
    return fetch(connection, DUE.format(s=schema, over=_studies(schema)))
