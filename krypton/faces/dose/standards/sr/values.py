"""The values of the report: sums of the study, each irradiation event's own, doses of organs, effective doses.

All are those of ``dose show``, in its units, and none that nobody knows; what such a procedure is expected to state and
nobody knows is there without a value. A value that is implausible and not accepted is none. Each names of what it is
the dose, and its source; an effective dose is marked as an estimate, with factor and source.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset

from domain.dose_distinct import total
from domain.dose_reports import IMAGE
from domain.dose_words import ORGAN
from krypton.faces.dose.exams import counted, exams
from krypton.faces.dose.standards.concepts import AGENT, EXPECTED, PROCEDURES, REPORTED, SUMS, Code, partly
from krypton.faces.dose.standards.sr import codes
from krypton.faces.dose.standards.sr.items import CONCEPT_MOD, PROPERTIES, coded, moment, number, text, uid
from krypton.faces.dose.standards.sr.times import date_time
from krypton.faces.dose.standards.summary import Summary, zoned
from schemas.event import ERASED

Row = Mapping[str, Any]


def values(found: Row, study_uid: str, summaries: Sequence[Summary]) -> Iterator[Dataset]:
    """All of them, in that order."""
    rows = [row for row in found["exposures"] if row["study_uid"] == study_uid]
    for one in summaries:
        yield from _sums(one)
    for row in rows:
        yield from _of_exposure(row)
    yield from _organs(rows, [one for one in found["reports"] if one["study_uid"] == study_uid])
    yield from _effective(rows, next(one.estimate_msv for one in exams(found) if one.study_uid == study_uid))


def _sums(one: Summary) -> Iterator[Dataset]:
    """Of one procedure by one device."""
    expected = EXPECTED[one.procedure]
    for quantity, side, value in one.stated():
        known = one.known_of[quantity]
        said = [partly(quantity, known, one.exposures)] if 0 < known < one.exposures else []
        yield number(SUMS[quantity].code, value, SUMS[quantity].unit, *_of_sum(one, quantity, side, said))
    if expected not in one.doses:
        yield number(SUMS[expected].code, None, SUMS[expected].unit, *_of_sum(one, expected, None, []))


def _of_sum(one: Summary, quantity: str, side: str | None, said: Iterable[str]) -> Iterator[Dataset]:
    yield coded(CONCEPT_MOD, REPORTED, PROCEDURES[one.procedure])
    yield from _site(quantity, side)
    yield coded(PROPERTIES, codes.SOURCE, codes.FROM_IMAGES if one.from_images else codes.AUTOMATED)
    device = [text(PROPERTIES, name, one.device[key]) for key, name in codes.OF_DEVICE.items() if one.device.get(key)]
    if device:
        yield coded(PROPERTIES, codes.DEVICE_ROLE, codes.IRRADIATING, *device)
    if quantity == "activity_mbq":
        yield from (text(PROPERTIES, AGENT, name) for name in one.radiopharmaceuticals)
    yield from (text(PROPERTIES, codes.COMMENT, line) for line in said)


def _site(quantity: str, side: str | None) -> Iterator[Dataset]:
    if site := codes.SITES.get(quantity):
        yield coded(CONCEPT_MOD, codes.SITE, site)
    if laterality := codes.SIDES.get(side or ""):
        yield coded(CONCEPT_MOD, codes.LATERALITY, laterality)


def _of_exposure(row: Row) -> Iterator[Dataset]:
    """Each quantity that the event states."""
    for quantity, (name, unit) in codes.OF_EXPOSURE.items():
        value = counted(row, quantity)
        if value is not None:
            below = [*_site(quantity, row["side"]), *_of_event(row)]
            phantom = codes.PHANTOMS.get(row["phantom_cm"] or 0)
            if phantom and codes.SITES.get(quantity) is codes.PHANTOM:
                below.append(coded(CONCEPT_MOD, codes.PHANTOM_TYPE, phantom))
            yield number(name, value, unit, *below)


def _of_event(row: Row) -> Iterator[Dataset]:
    """Which irradiation event it was, when, and what was irradiated."""
    yield uid(PROPERTIES, codes.EVENT, row["irradiation_event_uid"])
    if at := date_time(zoned(row["started_at"], row["started_offset"])):
        yield moment(PROPERTIES, codes.STARTED, at)
    yield from _region(_told(row["target_region_code"]), _told(row["target_region"]))
    yield coded(PROPERTIES, codes.SOURCE, codes.FROM_IMAGES if row["source"] == IMAGE else codes.AUTOMATED)
    if agent := _told(row["radiopharmaceutical"]):
        yield text(PROPERTIES, AGENT, agent)


def _region(code: str | None, meaning: str | None) -> Iterator[Dataset]:
    scheme, _, value = (code or "").partition(":")
    if scheme and value:
        yield coded(CONCEPT_MOD, codes.REGION, Code(value, scheme[:16], meaning or value))
    elif meaning:
        yield text(CONCEPT_MOD, codes.REGION, meaning)


def _organs(rows: Sequence[Row], reports: Sequence[Row]) -> Iterator[Dataset]:
    """Absorbed doses of organs: the sum over the events that state one; else what a report of estimates states."""
    stated: dict[str, list[float]] = {}
    for row in rows:
        for one in row["organ_doses"]:
            stated.setdefault(one["organ"], []).append(one["mgy"])
    if not stated:
        for report in (one for one in reports if one["superseded_by"] is None):
            for name, value in report["report_totals"].items():
                if name.startswith(ORGAN) and value is not None and name not in report["implausible"]:
                    stated.setdefault(name.removeprefix(ORGAN), [value])
    for organ, some in sorted(stated.items()):
        below = [coded(CONCEPT_MOD, codes.SITE, _organ(organ)), coded(PROPERTIES, codes.SOURCE, codes.AUTOMATED)]
        yield number(codes.ABSORBED, total(some), "mGy", *below)


def _organ(key: str) -> Code:
    scheme, _, value = key.rpartition(":")
    return Code(value, scheme or "99KRYPTON", codes.ORGANS.get(value, value))


def _effective(rows: Sequence[Row], whole: float | None) -> Iterator[Dataset]:
    """Estimates: of the study, where each exposure with a dose has one, and of each exposure by its factor."""
    if whole is not None:
        yield number(codes.EFFECTIVE_DOSE, whole, "mSv", *_as_estimate())
    for row in rows:
        if estimate := row["effective_dose_estimate"]:
            factor = number(codes.FACTOR, estimate["factor"], _per(estimate["quantity"]), relation=PROPERTIES)
            authority = text(PROPERTIES, codes.AUTHORITY, estimate["source"])
            below = [*_as_estimate(), factor, authority, *_of_event(row)]
            yield number(codes.EFFECTIVE_DOSE, estimate["effective_dose_msv"], "mSv", *below)


def _as_estimate() -> Iterator[Dataset]:
    yield coded(CONCEPT_MOD, codes.SITE, codes.ENTIRE_BODY)
    yield coded(CONCEPT_MOD, codes.DERIVATION, codes.ESTIMATED)
    yield coded(CONCEPT_MOD, codes.MEASUREMENT_METHOD, codes.TABULAR)


def _per(quantity: str) -> str:
    return f"mSv/({SUMS[quantity].unit})" if "." in SUMS[quantity].unit else f"mSv/{SUMS[quantity].unit}"


def _told(word: str | None) -> str | None:
    return None if word in (None, "", ERASED) else word
