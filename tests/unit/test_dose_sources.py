"""The dose reports that a study's doses are from, found where they are kept, whatever their last reading goes by."""

from typing import Any

import pytest
from pydicom.uid import ComprehensiveSRStorage as COMPREHENSIVE

from domain.errors import NotFound
from krypton.queries.dose_sources import Source, sources_of
from tests.fakes.dicom import instance
from tests.fakes.dicom import report as sr
from tests.fakes.images import Kept
from tests.fakes.web import Queries


def shown(study: str, uid: str, superseded_by: str | None = None) -> dict[str, Any]:
    return {"study": study, "report_uid": uid, "superseded_by": superseded_by}


@pytest.fixture
def taken(kept: Kept, queries: Queries) -> tuple[Kept, str, Source]:
    """The archive, the study's id, and its report."""
    image, report = instance(), sr(COMPREHENSIVE, SeriesInstanceUID="1.2.3.9")
    study = kept.take_in([image, report])
    (id_,) = queries.seen[study].studies
    return kept, id_, Source(COMPREHENSIVE, str(report.SOPInstanceUID), "1.2.3.9")


def test_a_report_is_found_with_its_class_and_series(taken: tuple[Kept, str, Source]) -> None:
    kept, study, source = taken
    assert sources_of(kept.archive, [shown(study, source.sop_uid)], [source.sop_uid]) == {source.sop_uid: source}


def test_what_was_read_again_is_the_report_that_was_received(taken: tuple[Kept, str, Source]) -> None:
    kept, study, source = taken
    reports = [shown(study, source.sop_uid, "2.25.1"), shown(study, "2.25.1", "2.25.2"), shown(study, "2.25.2")]
    assert sources_of(kept.archive, reports, ["2.25.2"]) == {"2.25.2": source}


def test_a_report_that_is_kept_elsewhere_is_none_and_that_is_said(taken: tuple[Kept, str, Source]) -> None:
    kept, study, source = taken
    with pytest.raises(NotFound, match=r"not kept where you ask.*--fhir"):
        sources_of(kept.archive, [shown(study, source.sop_uid), shown(study, "1.9.9")], [source.sop_uid, "1.9.9"])
    with pytest.raises(NotFound, match="not kept where you ask"):
        sources_of(kept.archive, [shown("0d6f1a52-7f3c-8a41-9b1e-2c5d8e7f6a90", "1.9.9")], ["1.9.9"])
