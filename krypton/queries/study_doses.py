"""The dose of one study: its exposures with how each was made, their sums beside what its reports state as totals."""

from typing import Any
from uuid import UUID

from domain.actors import Caller
from domain.errors import NotFound
from krypton.bootstrap import Krypton
from krypton.queries.person import dose_of
from krypton.queries.studies import owner_of

Document = dict[str, Any]


def study_dose_of(ours: Krypton, caller: Caller, study: UUID) -> Document:
    """The ``dose study`` document. Raises NotFound, also where the caller sees no dose of the study; and as ``permit``
    does.
    """
    return picked(dose_of(ours, caller, owner_of(ours, study), by=("study",), task="dose.study"), str(study))


def doubted_of(ours: Krypton, caller: Caller, study: UUID) -> Document:
    """The same document, for somebody who is to say that a report's implausible values are right: they see what they
    rule on. Raises as ``study_dose_of``.
    """
    return picked(dose_of(ours, caller, owner_of(ours, study), by=("study",), task="dose.accept"), str(study))


def picked(found: Document, study: str) -> Document:
    """Of a person's doses with sums by study, what is of this study. Raises NotFound.

    Where another study stands for all of its exposures its sums are null: nothing is known of it by itself.
    """
    from projections.cumulative_dose.distinct import sums

    reports = [report for report in found["reports"] if report["study"] == study]
    if not reports:
        raise NotFound(f"no dose of the study {study}: see krypton dose show")
    uid = reports[0]["study_uid"]
    unknown: Document = sums([])
    of_study: Document = next((row for row in found["sums"]["study"] if row["study"] == uid), unknown)
    return {
        "patient": found["patient"],
        "study": study,
        "study_uid": uid,
        "exposures": [row for row in found["exposures"] if row["study_uid"] == uid],
        "sums": {name: of_study[name] for name in unknown},
        "reports": reports,
        "stated_alone": [row for row in found["stated_alone"] if row["study_uid"] == uid],
        "alerts": [row for row in found["alerts"] if row["study_uid"] == uid],
    }
