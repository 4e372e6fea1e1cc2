"""SQL: studies over a level of ``dose-alerts``, by ``domain.dose_alerts``. "Over" is strict.

The greater of the value in one of its reports, and the sum over its distinct irradiation events and over what reports
of other devices state alone (``domain.dose_devices``). If several reports contain an event, the one of the latest
content time counts, and never one that is superseded, nor one of an image where a report has it; where no time says
which is later (the same, or none), the greatest. An implausible value counts once it was accepted.
"""

from typing import Final

from domain.dose_reports import IMAGE
from domain.rules.document import DOSE_ALERTS

_BLANKS: Final = "".join(c for c in map(chr, range(0x3001)) if c.isspace())


def folded(text: str) -> str:
    """SQL for a text in comparable form: trimmed and case-folded as Python does it, whatever the database's locale."""
    return f"""casefold(btrim({text}, '{_BLANKS}') COLLATE "pg_unicode_fast")"""


_TRUSTED: Final = "({t}.implausible IS NULL OR NOT {t}.implausible ? '{q}' OR r.accepted_position IS NOT NULL)"
_OF_TOTAL, _OF_EVENT = (_TRUSTED.replace("{t}", table) for table in "re")
_APART: Final = """CASE WHEN (position('.' IN {a}.serial) > 0) = (position('.' IN {b}.serial) > 0)
    THEN {a}.serial <> {b}.serial ELSE coalesce({a}.model <> {b}.model, false) END"""


def _apart(one: str, other: str) -> str:
    return _APART.format(a=one, b=other)


# Of a study of ``likely``: as ``domain.dose_devices.counting``.
_ALONE: Final = f"""
WITH told AS MATERIALIZED (
    SELECT r.superseded_by IS NULL AND {_OF_TOTAL} AS usable, (r.totals->>'{{q}}')::float8 AS value,
           nullif({folded("r.device_words->>'serial'")}, '') AS serial,
           nullif({folded("r.device->>'model'")}, '') AS model,
           EXISTS (SELECT FROM "{{s}}".exposure e
                   WHERE e.study_id = r.study_id AND e.report_uid = r.report_uid) AS known
    FROM "{{s}}".report r WHERE r.study_id = likely.study_id AND NOT r.replaced),
free AS MATERIALIZED (
    SELECT f.value, f.serial, f.model, coalesce(f.serial, f.model, '') AS name,
           CASE WHEN position('.' IN f.serial) > 0 THEN 1 WHEN f.serial IS NOT NULL THEN 0
                WHEN f.model IS NOT NULL THEN 2 ELSE 3 END AS place
    FROM told f WHERE NOT f.known AND f.usable AND f.value IS NOT NULL
      AND NOT EXISTS (SELECT FROM told o WHERE o.known AND NOT {_apart("f", "o")})),
best AS (
    SELECT max(f.value) AS value FROM free f
    WHERE NOT EXISTS (SELECT FROM free o WHERE o.place < f.place AND NOT {_apart("f", "o")})
    GROUP BY f.place, f.name)
SELECT greatest((SELECT sum(value) FROM best), (SELECT max(value) FROM free)) AS value"""
_EVENTS: Final = f"""
SELECT DISTINCT ON (told.irradiation_event_uid) told.{{q}} AS value
FROM (SELECT e.irradiation_event_uid, e.{{q}}, r.superseded_by IS NOT NULL AS superseded,
             r.source = '{IMAGE}' AS of_image,
             rank() OVER (
                 PARTITION BY e.irradiation_event_uid, r.source, r.superseded_by IS NULL, r.reported_at IS NULL
                 ORDER BY r.reported_at DESC) AS age
      FROM "{{s}}".exposure e JOIN "{{s}}".report r USING (study_id, report_uid)
      WHERE e.study_id = likely.study_id AND NOT r.replaced AND e.{{q}} IS NOT NULL AND {_OF_EVENT}) told
WHERE told.age = 1
ORDER BY told.irradiation_event_uid, told.of_image, told.superseded, told.{{q}} DESC"""
# Sums over all that is carried and stated are at least those over what counts, and cheap: they leave few studies.
STUDIES: Final = f"""
SELECT '{DOSE_ALERTS}' AS kind, d.study_id, v.act, '{{q}}' AS quantity, '' AS irradiation_event_uid,
       d.value, v.value AS threshold, v.rule_version
FROM (SELECT act, value, rule_version FROM "{{s}}".level WHERE kind = '{DOSE_ALERTS}' AND quantity = '{{q}}') v
CROSS JOIN LATERAL (
    SELECT study_id FROM "{{s}}".exposure WHERE {{q}} IS NOT NULL
    GROUP BY study_id HAVING sum(greatest({{q}}, 0)) > v.value
    UNION SELECT study_id FROM "{{s}}".report WHERE (totals->>'{{q}}')::float8 > v.value
    UNION SELECT several.study_id FROM (
        SELECT study_id, coalesce(sum(greatest((totals->>'{{q}}')::float8, 0)), 0) AS stated
        FROM "{{s}}".report GROUP BY study_id HAVING count(*) > 1 OFFSET 0) several
    WHERE several.stated + (SELECT coalesce(sum(greatest(e.{{q}}, 0)), 0) FROM "{{s}}".exposure e
                            WHERE e.study_id = several.study_id) > v.value) likely
CROSS JOIN LATERAL (
    SELECT likely.study_id, greatest(
        (SELECT max((r.totals->>'{{q}}')::float8) FROM "{{s}}".report r
         WHERE r.study_id = likely.study_id AND r.superseded_by IS NULL AND {_OF_TOTAL}),
        (SELECT sum(counted.value) FROM (({_EVENTS}) UNION ALL ({_ALONE})) counted)) AS value
    OFFSET 0) d
WHERE d.value > v.value
"""
