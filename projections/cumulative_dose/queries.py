"""Queries of the cumulative dose view; they read the stable schema ``cumulative_dose`` and return JSON-ready values.

``erased``: identities whose key is destroyed; notes sealed under it are shown as ``[erased]`` at once. ``at_position``:
as of that ledger position; None: now.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection

from domain.dose_distinct import Row, distinct, total
from domain.dose_estimates import DoseFactors, summed
from domain.sight import ALL, Sight
from projections.cumulative_dose import alerts
from projections.cumulative_dose.asked import Asked
from projections.cumulative_dose.disagreements import conflicts, disagreeing, key_of, stand_ins
from projections.cumulative_dose.distinct import stated_alone, sums
from projections.cumulative_dose.overtaken import settled
from projections.cumulative_dose.shown import exposure, report, told_of, with_organs
from projections.cumulative_dose.sums import dated, grouped, skin
from projections.engine.query import NOW, fetch, masked

Document = dict[str, Any]
NOBODY: frozenset[str] = frozenset()
Starts = Mapping[str, str | None]


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

NOTED = f"""{OWNED}
SELECT DISTINCT a.note_subject::text AS subject FROM cumulative_dose.alert a LEFT JOIN owned USING (study_id)
WHERE a.note_subject IS NOT NULL AND (owned.identity IS NOT NULL OR %(all)s)
UNION SELECT DISTINCT r.subject_id::text FROM cumulative_dose.report r JOIN owned USING (study_id)
"""


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

    All is of the period that is ``asked`` for, but reports and what they disagree in; an alert is of the days of its
    study; ``undated``: how many exposures, and reports of totals alone, are in no period. An alert over studies that
    are not all the person's, or not all seen, names those that are, and no ``value``; nor has one that a report may be
    in that is not seen. ``sums``: by what is asked for. ``skin``: see ``sums.skin``; over all of the time.
    ``totals`` are event sums: over distinct irradiation events, and over ``stated_alone``, what reports state of
    studies of which no exposure is known; ``report_totals`` add up what the reports of both state themselves.
    ``disagrees`` of a report: the quantities that another report which stands states otherwise, named in ``conflicts``.
    ``estimates``: of the effective dose, where factors are in force; in no total of what was reported.
    ``qa_exposures`` counts those that a device's words call a test of itself: they are in the totals all the same, for
    a word may be wrong. Null is not known; a total over nothing known is null.
    """
    at = NOW if at_position is None else at_position
    identities = [member["identity"] for member in members]
    seen = _seen(connection, identities, erased, at, sight, started)
    unseen = {one["report_uid"] for one in seen.hidden} - {one["report_uid"] for one in seen.reports}
    known = [told_of(row, erased, asked) for row in distinct(seen.carried)]
    shown = [row for row in known if asked.period.holds(dated(row))]
    totals = stated_alone(seen.reports, seen.carried)
    alone = [one for one in totals if asked.period.holds(dated(one))]
    studies = _studies(seen, alone, asked)
    return {
        "person": identities[0],
        "members": masked(members, erased),
        "since": asked.period.since,
        "until": asked.period.until,
        "undated": 0 if asked.period.whole else _undated(known, totals),
        "totals": sums(shown, alone),
        "sums": {by: grouped(shown, alone, by) for by in asked.by},
        "skin": skin(known, totals),
        "stated_alone": alone,
        "report_totals": _stated(shown, alone),
        "qa_exposures": sum(row["qa"] for row in shown),
        "estimates": _estimates(shown, asked.factors),
        "exposures": [exposure(row) | asked.compare(row, _day(row)) for row in shown],
        "reports": [_report_told(one, unseen) for one in _reports(seen, erased)],
        "conflicts": conflicts(seen.carried),
        "alerts": [one for one in _alerts_of(connection, seen, erased, at) if one["study_uid"] in studies],
        **sight.withheld(seen.withheld),
    }


def _undated(exposures: Sequence[Row], alone: Sequence[Row]) -> int:
    return sum(dated(row) is None for row in exposures) + len({one["report_uid"] for one in alone if not dated(one)})


def _studies(seen: "_Seen", alone: Sequence[Row], asked: Asked) -> set[str]:
    """By UID, those of which an exposure, or a total that a report states alone, is of the period."""
    if asked.period.whole:
        return {one["study_uid"] for one in seen.reports}
    return {row["study_uid"] for row in (*seen.carried, *alone) if asked.period.holds(dated(row))}


def _day(row: Row) -> str | None:
    return (dated(row) or "")[:10] or None


class _Seen(NamedTuple):
    """What a reader may see of a person's doses.

    ``carried``: exposures with their report's columns. ``hidden``: reports that are left out or withheld;
    ``withheld``: how many are withheld.
    """

    reports: Sequence[Row]
    carried: Sequence[Row]
    hidden: Sequence[Row]
    withheld: int


def _seen(
    connection: Connection,
    identities: Sequence[str],
    erased: Collection[str],
    at: int,
    sight: Sight,
    started: Starts,
) -> _Seen:
    found = [with_organs(report, erased) for report in fetch(connection, REPORTS, identities=identities, at=at)]
    kept = [report for report in found if not _excluded(report, sight, started)]
    reports = [report for report in kept if not sight.withholds(report["position"], [report["site"]])]
    by_report = {key_of(report): report for report in reports}
    carried = [
        by_report[key_of(row)] | row
        for row in fetch(connection, EXPOSURES, identities=identities, at=at)
        if key_of(row) in by_report  # not of a report that came between the two queries
    ]
    hidden = [report for report in found if key_of(report) not in by_report]
    return _Seen(*settled(reports, carried), hidden, withheld=len(kept) - len(reports))


def _alerts_of(connection: Connection, seen: _Seen, erased: Collection[str], at: int) -> list[Document]:
    """The alerts of these reports, not of others of the same studies; of causes over studies what these add to them."""
    studies, told = sorted({report["study_id"] for report in seen.reports}), {key_of(report) for report in seen.reports}
    rows = (row for row in alerts.of_studies(connection, studies, at) if key_of(row) in told)
    shown = [alerts.told_within(alerts.shown(row, erased, at), studies) for row in rows]
    return [one | {"value": None} if _holds(one, seen.hidden) else one for one in shown]


def _holds(alert: Row, hidden: Sequence[Row]) -> bool:
    """Whether one of these reports may be in an alert's sum: of its studies, and there when it was raised."""
    if alert["rule_kind"] == "exposure":
        return False
    return any(one["study_id"] in alert["studies"] and one["position"] < alert["position"] for one in hidden)


def _excluded(report: Row, sight: Sight, started: Starts) -> bool:
    """Whether the consent leaves a dose report out: with its study, whether or not a record holds that."""
    return sight.exclusions.study(report["study_uid"], started.get(report["study_id"]))


def _stated(counted: Sequence[Row], alone: Sequence[Row]) -> dict[str, float | None]:
    """Sums of the totals that the counted exposures' own reports state: each report once, by its SOP Instance UID."""
    stated = [*{row["report_uid"]: row["totals"] for row in counted}.values()]
    stated += [{row["quantity"]: row["value"]} for row in alone]
    quantities = dict.fromkeys(quantity for totals in stated for quantity in sorted(totals))
    return {quantity: total(totals.get(quantity) for totals in stated) for quantity in quantities}


def _estimates(shown: Sequence[Row], factors: DoseFactors) -> Document | None:
    """By which version, and what they come to; None where no factors are in force."""
    if not factors.factors:
        return None
    return {"rule_version": factors.version, **summed(row["effective_dose_estimate"] for row in shown)}


def _reports(seen: _Seen, erased: Collection[str]) -> list[Document]:
    of_report: dict[tuple[str, str], list[Row]] = {}
    for row in seen.carried:
        of_report.setdefault(key_of(row), []).append(row)
    stand, disagree = stand_ins(seen.reports, seen.carried), disagreeing(seen.carried)
    return [
        report(one, of_report.get(key_of(one), []), erased)
        | {"superseded_by": stand.get(claim), "disagrees": disagree.get(claim, [])}
        for one in seen.reports
        for claim in [key_of(one)]
    ]


def _report_told(report: Document, hidden: Collection[str]) -> Document:
    """The report, without the name of a later one that the reader does not see."""
    return report | {"superseded_by": None} if report["superseded_by"] in hidden else report
