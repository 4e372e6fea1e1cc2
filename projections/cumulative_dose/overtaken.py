"""Doses of images whose place a report takes, where the two came under two identities of one person.

Of one Dose the ledger says so itself (``dose.superseded``). Each identity has a Dose of its own for the same study: the
images of an emergency number and the report of the real one meet once the two are merged, and part with them.
"""

from collections.abc import Iterable, Mapping, Sequence

from domain.dose_distinct import Row
from domain.dose_reports import IMAGE, Held, overtaken
from projections.cumulative_dose.disagreements import Key, key_of
from projections.cumulative_dose.distinct import device_of


def settled(reports: Sequence[Row], carried: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """Both as they are, but for doses of images whose place a report of the same study takes: these are ``replaced``.

    ``carried``: a row per report and event.
    """
    if not (by := _by(reports, carried)):
        return reports, carried
    return [*_marked(reports, by)], [*_marked(carried, by)]


def _by(reports: Sequence[Row], carried: Iterable[Row]) -> dict[Key, str]:
    """Doses of images, each with the UID of the report that takes their place."""
    by_study: dict[str, dict[Key, Row]] = {}
    for report in reports:
        if not report["replaced"]:
            by_study.setdefault(report["study_uid"], {})[key_of(report)] = report
    shared = [told for told in by_study.values() if _may_be_of_two(told)]
    if not shared:
        return {}
    events: dict[Key, list[Row]] = {}
    for row in carried:
        events.setdefault(key_of(row), []).append(row)
    found: dict[Key, str] = {}
    for told in shared:
        pairs = overtaken({key: _held(report, events.get(key, ())) for key, report in told.items()})
        found |= {image: report for image, (_, report) in pairs.items()}
    return found


def _may_be_of_two(told: Mapping[Key, Row]) -> bool:
    return len({study for study, _ in told}) > 1 and any(report["source"] == IMAGE for report in told.values())


def _held(report: Row, exposures: Iterable[Row]) -> Held:
    device = device_of(report)
    return Held.of(report["report_uid"], None, exposures, report["totals"], (), report["source"], device)


def _marked(rows: Iterable[Row], by: Mapping[Key, str]) -> Iterable[Row]:
    for row in rows:
        told = by.get(key_of(row))
        yield {**row, "replaced": True, "superseded": True, "superseded_by": told} if told else row
