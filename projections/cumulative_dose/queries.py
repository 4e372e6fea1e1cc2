"""Queries of the cumulative dose view; they read the stable schema ``cumulative_dose`` and return JSON-ready values.

``erased``: identities whose key is destroyed; notes sealed under it are shown as ``[erased]`` at once. ``at_position``:
as of that ledger position; None: now.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection

from domain.dose_alerts import QUANTITIES
from domain.dose_bands import band
from domain.dose_distinct import Row, distinct, total
from domain.dose_words import OF_DEVICE
from domain.sight import ALL, Sight
from domain.times import iso
from projections.cumulative_dose.disagreements import conflicts, disagreeing, stand_ins
from projections.cumulative_dose.distinct import stated_alone, sums
from projections.cumulative_dose.sums import ALWAYS, Period, dated, grouped, skin
from projections.engine.query import NOW, fetch, masked
from schemas.event import ERASED

Document = dict[str, Any]
GONE = [ERASED]
GONE_OF_DEVICE = dict.fromkeys(OF_DEVICE, ERASED)
WORDS = (
    *("protocol", "target_region", "target_region_code", "acquisition", "acquisition_code", "laterality"),
    *("filters", "radiopharmaceutical"),
)
OF_REPORT = ("patient", "operator", "procedure", "procedure_code", "study_description")
NOBODY: frozenset[str] = frozenset()
Starts = Mapping[str, str | None]


@dataclass(frozen=True)
class Asked:
    """What of a person's doses is asked for. ``by``: groups of ``sums.BY``; ``born``: by identity, its birth date."""

    period: Period = ALWAYS
    by: tuple[str, ...] = ()
    born: Mapping[str, str | None] = field(default_factory=dict)


EVERYTHING = Asked()
NOTHING: Starts = {}

OWNED = """
WITH owned AS (
    SELECT o.study_id, o.identity_id::text AS identity
    FROM cumulative_dose.dose_owner o
    WHERE o.identity_id = ANY(%(identities)s::uuid[]) AND o.from_position <= %(at)s
      AND NOT EXISTS (
          SELECT 1 FROM cumulative_dose.dose_owner later
          WHERE later.study_id = o.study_id AND later.from_position > o.from_position
            AND later.from_position <= %(at)s))
"""

REPORTS = f"""{OWNED}
SELECT owned.identity, r.*, coalesce(r.superseded_position <= %(at)s, false) AS superseded,
       r.replaced AND coalesce(r.superseded_position <= %(at)s, false) AS replaced,
       coalesce(r.accepted_position <= %(at)s, false) AS accepted
FROM owned JOIN cumulative_dose.report r USING (study_id)
WHERE r.position <= %(at)s ORDER BY r.position
"""

EXPOSURES = f"""{OWNED}
SELECT e.* FROM owned
JOIN cumulative_dose.report r USING (study_id)
JOIN cumulative_dose.exposure e USING (study_id, report_uid)
WHERE r.position <= %(at)s
"""

# The latest owner is the one that holds; a study has one row of dose_owner, rarely more.
ALERT = """
SELECT a.*, r.study_uid, r.site, r.position AS report_position, o.identity_id AS identity
FROM cumulative_dose.alert a
JOIN cumulative_dose.report r USING (study_id, report_uid)
CROSS JOIN LATERAL (
    SELECT identity_id FROM cumulative_dose.dose_owner o
    WHERE o.study_id = a.study_id AND o.from_position <= %(at)s ORDER BY o.from_position DESC LIMIT 1) o
"""
ALERTS_OF_STUDIES = f"""{ALERT}
WHERE a.study_id = ANY(%(studies)s::uuid[]) AND a.position <= %(at)s ORDER BY a.position
"""
ALERTS = f"""{ALERT}
WHERE (NOT %(open_only)s OR a.acknowledged_position IS NULL AND a.withdrawn_position IS NULL)
  AND (%(site)s::text IS NULL OR r.site = %(site)s)
ORDER BY a.position LIMIT %(limit)s
"""
NOTED = f"""{OWNED}
SELECT DISTINCT a.note_subject::text AS subject FROM cumulative_dose.alert a LEFT JOIN owned USING (study_id)
WHERE a.note_subject IS NOT NULL AND (owned.identity IS NOT NULL OR %(all)s)
UNION SELECT DISTINCT r.subject_id::text FROM cumulative_dose.report r JOIN owned USING (study_id)
"""


NOTED_REPORTS = """
WITH noted AS (
    SELECT study_id, report_uid, note FROM cumulative_dose.report, jsonb_array_elements_text(not_understood) note
    UNION SELECT study_id, report_uid, note
    FROM cumulative_dose.exposure, jsonb_array_elements_text(not_understood) note),
doubtful AS (
    SELECT study_id, report_uid, quantity FROM cumulative_dose.report, jsonb_array_elements_text(implausible) quantity
    UNION SELECT study_id, report_uid, quantity
    FROM cumulative_dose.exposure, jsonb_array_elements_text(implausible) quantity)
SELECT r.study_id::text AS study, r.report_uid, r.subject_id::text AS subject, r.site, r.modality,
       r.device->>'model' AS model, r.position,
       coalesce(n.notes, '[]') AS not_understood, coalesce(d.quantities, '[]') AS implausible,
       coalesce(r.warnings, '[]') AS warnings
FROM cumulative_dose.report r
LEFT JOIN (SELECT study_id, report_uid, jsonb_agg(note ORDER BY note) AS notes FROM noted GROUP BY 1, 2) n
    USING (study_id, report_uid)
LEFT JOIN (
    SELECT study_id, report_uid, jsonb_agg(quantity ORDER BY quantity) AS quantities FROM doubtful GROUP BY 1, 2) d
    USING (study_id, report_uid)
WHERE NOT r.replaced AND (%(every)s OR n.notes IS NOT NULL OR r.warnings IS NOT NULL
    OR (d.quantities IS NOT NULL AND r.accepted_position IS NULL))
ORDER BY r.position DESC LIMIT %(limit)s
"""


def noted(connection: Connection, limit: int | None = None, *, every: bool = False) -> list[Document]:
    """Reports with something that was not understood, a warning, or implausible values that nobody accepted; newest
    first. Not what another one took the place of whole. ``every``: also those without.

    ``subject``: whose key the notes are sealed under; ``told`` makes them ready to be shown.
    """
    return list(fetch(connection, NOTED_REPORTS, limit=limit, every=every))


def told(rows: Iterable[Document], erased: Collection[str]) -> list[Document]:
    """Rows of ``noted`` as shown: without their subjects, and notes masked where one of them is ``erased``."""
    return [
        {name: value for name, value in row.items() if name != "subject"}
        | ({"not_understood": GONE} if row["not_understood"] and row["subject"] in erased else {})
        for row in rows
    ]


def subjects(connection: Connection, members: Sequence[str] | None = None) -> set[str]:
    """The identities under whose keys notes of alerts are sealed, of these members' doses or of all; and the words of
    these members' reports.
    """
    rows = fetch(connection, NOTED, identities=list(members or ()), at=NOW, all=members is None)
    return {row["subject"] for row in rows}


def dose(
    connection: Connection,
    members: Sequence[Mapping[str, Any]],
    erased: Collection[str] = NOBODY,
    at_position: int | None = None,
    sight: Sight = ALL,
    started: Starts = NOTHING,
    asked: Asked = EVERYTHING,
) -> Document:
    """``dose show`` of one person. ``members``: all identities of the person, whose id is the first one's; ``started``:
    when each study began, where a period is excluded: a report of another study cannot be dated, and is left out.

    All is of the period that is ``asked`` for, but reports and what they disagree in; ``undated``: how many exposures
    are in no period. ``sums``: by what is asked for. ``skin``: see ``sums.skin``; over all of the time.
    ``totals`` are event sums: over distinct irradiation events, and over ``stated_alone``, what reports state of
    studies of which no exposure is known; ``report_totals`` add up what the reports of both state themselves.
    ``disagrees`` of a report: the quantities that another report which stands states otherwise, named in ``conflicts``.
    ``qa_exposures`` counts those that a device's words call a test of itself: they are in the totals all the same, for
    a word may be wrong. Null is not known; a total over nothing known is null.
    """
    at = NOW if at_position is None else at_position
    identities = [member["identity"] for member in members]
    seen = _seen(connection, identities, at, sight, started)
    known = [_told_of(row, erased, asked.born) for row in distinct(seen.carried)]
    shown = [row for row in known if asked.period.holds(dated(row))]
    alone = [one for one in stated_alone(seen.reports, seen.carried) if asked.period.holds(dated(one))]
    return {
        "person": identities[0],
        "members": masked(members, erased),
        "since": asked.period.since,
        "until": asked.period.until,
        "undated": 0 if asked.period.whole else sum(dated(row) is None for row in known),
        "totals": sums(shown, alone),
        "sums": {by: grouped(shown, alone, by) for by in asked.by},
        "skin": skin(known),
        "stated_alone": alone,
        "report_totals": _stated(shown, alone),
        "qa_exposures": sum(row["qa"] for row in shown),
        "exposures": [_exposure(row) for row in shown],
        "reports": [_report_told(report, seen.hidden) for report in _reports(seen, erased)],
        "conflicts": conflicts(seen.carried),
        "alerts": [_alert(row, erased, at) for row in _alerts_of(connection, seen.reports, at)],
        **sight.withheld(seen.withheld),
    }


class _Seen(NamedTuple):
    """What a reader may see of a person's doses.

    ``carried``: exposures with their report's columns. ``hidden``: SOP Instance UIDs of reports that are left out or
    withheld; ``withheld``: how many are withheld.
    """

    reports: Sequence[Row]
    carried: Sequence[Row]
    hidden: set[str]
    withheld: int


def _seen(connection: Connection, identities: Sequence[str], at: int, sight: Sight, started: Starts) -> _Seen:
    found = fetch(connection, REPORTS, identities=identities, at=at)
    kept = [report for report in found if not _excluded(report, sight, started)]
    reports = [report for report in kept if not sight.withholds(report["position"], [report["site"]])]
    by_report = {_key(report): report for report in reports}
    carried = [
        by_report[_key(row)] | row
        for row in fetch(connection, EXPOSURES, identities=identities, at=at)
        if _key(row) in by_report  # not of a report that came between the two queries
    ]
    hidden = {report["report_uid"] for report in found} - {report["report_uid"] for report in reports}
    return _Seen(reports, carried, hidden, withheld=len(kept) - len(reports))


def _alerts_of(connection: Connection, reports: Sequence[Row], at: int) -> list[Row]:
    """The alerts of these reports, not of others of the same studies."""
    studies, told = sorted({report["study_id"] for report in reports}), {_key(report) for report in reports}
    return [row for row in fetch(connection, ALERTS_OF_STUDIES, studies=studies, at=at) if _key(row) in told]


def _key(row: Row) -> tuple[str, str]:
    """The report that a row is, or belongs to."""
    return row["study_id"], row["report_uid"]


def _excluded(report: Row, sight: Sight, started: Starts) -> bool:
    """Whether the consent leaves a dose report out: with its study, whether or not a record holds that."""
    return sight.exclusions.study(report["study_uid"], started.get(report["study_id"]))


def alerts(
    connection: Connection,
    open_only: bool = True,
    site: str | None = None,
    erased: Collection[str] = NOBODY,
    limit: int | None = None,
) -> list[Document]:
    """``dose alerts``: what calls for attention, oldest first; of one establishment's reports, or of all."""
    rows = fetch(connection, ALERTS, open_only=open_only, site=site, at=NOW, limit=limit)
    return [_alert(row, erased, NOW) for row in rows]


def study_of(connection: Connection, alert: str) -> str | None:
    """The study of an alert; None: there is none of that id."""
    found = fetch(connection, "SELECT study_id FROM cumulative_dose.alert WHERE alert_id = %(id)s", id=alert)
    return str(found[0]["study_id"]) if found else None


def _stated(counted: Sequence[Row], alone: Sequence[Row]) -> dict[str, float | None]:
    """Sums of the totals that the counted exposures' own reports state: each report once, by its SOP Instance UID."""
    stated = [*{row["report_uid"]: row["totals"] for row in counted}.values()]
    stated += [{row["quantity"]: row["value"]} for row in alone]
    quantities = dict.fromkeys(quantity for totals in stated for quantity in sorted(totals))
    return {quantity: total(totals.get(quantity) for totals in stated) for quantity in quantities}


def _is_gone(row: Row, erased: Collection[str]) -> bool:
    """Whether its words are: sealed under an erased person's key, or of a study that is theirs now."""
    return row["subject_id"] in erased or str(row["identity"]) in erased


def _told_of(row: Row, erased: Collection[str], births: Mapping[str, str | None]) -> Row:
    """An exposure with its bands, and without words that an erasure took, or that are nobody's to read."""
    gone = _is_gone(row, erased) or row["raw"] is None
    patient = {} if gone else row["patient"] or {}
    of = band(
        birth_date=births.get(row["identity"]),
        exposed_at=dated(row),
        age_days=patient.get("age_days"),
        weight_kg=patient.get("weight_kg"),
    )
    words = {**dict.fromkeys((*WORDS, "side"), ERASED), "raw": {}, "not_understood": GONE} if gone else {}
    return {
        **row,
        **words,
        "population": of.population,
        "age_band": of.age,
        "weight_band": of.weight,
        "pregnant": patient.get("pregnant"),
    }


def _exposure(row: Row) -> Document:
    return {
        "irradiation_event_uid": row["irradiation_event_uid"],
        "study_uid": row["study_uid"],
        "report_uid": row["report_uid"],
        "identity": row["identity"],
        "site": row["site"],
        "started_at": row["started_at"],
        "kind": row["kind"],
        "modality": row["modality"],
        **{word: row[word] for word in WORDS},
        **{quantity: row[quantity] for quantity in QUANTITIES},
        "phantom_cm": row["phantom_cm"],
        "side": row["side"],
        **{name: row[name] for name in ("population", "age_band", "weight_band", "pregnant")},
        "entrance_dose_mgy": row["entrance_dose_mgy"],
        "ssde_mgy": row["ssde_mgy"],
        "organ_doses": row["organ_doses"] or [],
        "template": row["template"],
        "plane": row["plane"],
        "technique": row["technique"],
        "source": row["source"],
        "qa": row["qa"],
        "implausible": row["implausible"] or [],
        "in_totals": row["accepted"] or not row["implausible"],
        "raw": row["raw"],
        "not_understood": row["not_understood"],
    }


def _reports(seen: _Seen, erased: Collection[str]) -> list[Document]:
    of_report: dict[tuple[str, str], list[Row]] = {}
    for row in seen.carried:
        of_report.setdefault(_key(row), []).append(row)
    stand, disagree = stand_ins(seen.reports, seen.carried), disagreeing(seen.carried)
    return [
        _report(report, of_report.get(_key(report), []), erased)
        | {"superseded_by": stand.get(claim), "disagrees": disagree.get(claim, [])}
        for report in seen.reports
        for claim in [_key(report)]
    ]


def _report_told(report: Document, hidden: Collection[str]) -> Document:
    """The report, without the name of a later one that the reader does not see."""
    return report | {"superseded_by": None} if report["superseded_by"] in hidden else report


def _report(report: Row, exposures: Sequence[Row], erased: Collection[str]) -> Document:
    gone = _is_gone(report, erased) or report["device_words"] is None
    return {
        "report_uid": report["report_uid"],
        "study": report["study_id"],
        "study_uid": report["study_uid"],
        "identity": report["identity"],
        "site": report["site"],
        "reported_at": report["reported_at"],
        "modality": report["modality"],
        "device": report["device"] | (GONE_OF_DEVICE if gone else report["device_words"]),
        "exposures": len(exposures),
        "report_totals": report["totals"],
        "event_sums": sums(exposures),
        "source": report["source"],
        "warnings": report["warnings"] or [],
        **{word: ERASED if gone else report[word] for word in OF_REPORT},
        "qa": report["qa"],
        "not_understood": GONE if gone else report["not_understood"],
        "implausible": report["implausible"] or [],
        "accepted": report["accepted"],
        "position": report["position"],
    }


def _alert(row: Row, erased: Collection[str], at: int) -> Document:
    seen = row["acknowledged_position"] is not None and row["acknowledged_position"] <= at
    gone = row["withdrawn_position"] is not None and row["withdrawn_position"] <= at
    return {
        "alert": row["alert_id"],
        "study": row["study_id"],
        "study_uid": row["study_uid"],
        "report_uid": row["report_uid"],
        "irradiation_event_uid": row["irradiation_event_uid"],
        "identity": row["identity"],
        "site": row["site"],
        "kind": row["kind"],
        "quantity": row["quantity"],
        "value": row["value"],
        "threshold": row["threshold"],
        "rule": row["rule"],
        "rule_version": row["rule_version"],
        "rule_kind": row["rule_kind"] or "study",
        "window_days": row["window_days"],
        "studies": row["studies"] or [row["study_id"]],
        "state": "withdrawn" if gone else "acknowledged" if seen else "open",
        "withdrawn_at": iso(row["withdrawn_at"]) if gone else None,
        "why_withdrawn": row["why_withdrawn"] if gone else None,
        "position": row["position"],
        "report_position": row["report_position"],
        "raised_at": iso(row["raised_at"]),
        "acknowledged_at": iso(row["acknowledged_at"]) if seen else None,
        "acknowledged_by": row["acknowledged_by"] if seen else None,
        "note": (ERASED if {row["note_subject"], row["identity"]} & {*erased} else row["note"]) if seen else None,
    }
