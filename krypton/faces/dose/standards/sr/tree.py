"""The content of the report: TID 10030, with one estimate (TID 10031) and how it was made (TID 10033).

The templates are extensible: they are for doses of organs and of the body, and the values that devices state (dose
length product, dose area product and others) stand beside those, under the codes of the dose reports they come from.
Nothing is modelled here: the model of the patient is not known, and the transport of radiation was measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydicom.dataset import Dataset

from krypton.faces.dose.exams import counted
from krypton.faces.dose.standards.concepts import PROCEDURES, REPORTED
from krypton.faces.dose.standards.sr import codes
from krypton.faces.dose.standards.sr.items import (
    CONCEPT_MOD,
    CONTAINS,
    OBS_CONTEXT,
    PROPERTIES,
    coded,
    composite,
    container,
    text,
    uid,
)
from krypton.faces.dose.standards.sr.values import values
from krypton.faces.dose.standards.summary import Summary
from krypton.queries.dose_sources import OURS, Source

Row = Mapping[str, Any]
OBSERVER: Final = "Krypton"
AS_STATED: Final = "Values are those that devices, or the headers of images, stated; no model of the patient was made."
BY_FACTORS: Final = "Effective doses are estimates: a stated quantity times a published factor (dose-factors {})."


def root(found: Row, study_uid: str, summaries: Sequence[Summary], sources: Mapping[str, Source]) -> Dataset:
    """The root item. ``sources``: by what ``found`` calls them."""
    procedures = dict.fromkeys(PROCEDURES[one.procedure] for one in summaries)
    return container(
        codes.TITLE,
        coded(CONCEPT_MOD, codes.LANGUAGE, codes.ENGLISH),
        *(coded(CONCEPT_MOD, REPORTED, one) for one in procedures),
        coded(OBS_CONTEXT, codes.OBSERVER_TYPE, codes.DEVICE),
        uid(OBS_CONTEXT, codes.OBSERVER_UID, OURS[0]),
        text(OBS_CONTEXT, codes.OBSERVER_NAME, OBSERVER),
        container(
            codes.ESTIMATE,
            text(CONTAINS, codes.ESTIMATE_NAME, f"Doses of the study {study_uid}"),
            *values(found, study_uid, summaries),
            _methodology(found, study_uid, sources),
        ),
        text(CONTAINS, codes.COMMENT, " ".join(_said(found))),
        relation="",
    )


def _methodology(found: Row, study_uid: str, sources: Mapping[str, Source]) -> Dataset:
    """TID 10033. What it must name and nobody knows is unknown (an extension of CID 10064 and 10068)."""
    rows = [row for row in found["exposures"] if row["study_uid"] == study_uid]
    held = {report["report_uid"]: report["exposures"] for report in found["reports"]}
    used = [
        composite(CONTAINS, codes.SR_USED, source.sop_class, source.sop_uid, *_events(rows, name, held.get(name, 0)))
        for name, source in sources.items()
    ]
    factors = dict.fromkeys(e["source"] for row in rows if (e := row["effective_dose_estimate"]))
    return container(
        codes.METHODOLOGY,
        *used,
        container(
            codes.MODEL,
            coded(CONTAINS, codes.MODEL_TYPE, codes.UNKNOWN),
            coded(CONTAINS, codes.TRANSPORT_TYPE, codes.MEASURED),
            text(CONTAINS, codes.MODEL_REFERENCE, AS_STATED),
            container(codes.DEMOGRAPHICS),
        ),
        container(
            codes.METHOD,
            coded(CONTAINS, codes.METHOD_TYPE, codes.TABULAR if factors else codes.UNKNOWN),
            *(text(CONTAINS, codes.METHOD_REFERENCE, source) for source in factors),
        ),
    )


def _events(rows: Sequence[Row], report: str, held: int) -> Iterator[Dataset]:
    """Row 4: the events of a report that are used, where others of it are not."""
    used = [row["irradiation_event_uid"] for row in rows if row["report_uid"] == report and _is_used(row)]
    if len(used) < held:
        yield from (uid(PROPERTIES, codes.EVENT_USED, one) for one in used)


def _is_used(row: Row) -> bool:
    return any(counted(row, quantity) is not None for quantity in codes.OF_EXPOSURE)


def _said(found: Row) -> Iterator[str]:
    yield AS_STATED
    if estimates := found.get("estimates"):
        yield BY_FACTORS.format(estimates["rule_version"])
