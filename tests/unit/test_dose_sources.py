"""The dose reports that a study's doses are from, found where they are kept, whatever their last reading goes by."""

import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ComprehensiveSRStorage as COMPREHENSIVE

from adapters.dicom.rdsr.report import read_dose_report
from domain.dose_reports import READ_AGAIN
from domain.errors import NotFound
from krypton.faces.dose.standards import given
from krypton.queries.dose_sources import Source, sources_of
from tests.fakes.dicom import instance, part10, structured
from tests.fakes.dicom import report as sr
from tests.fakes.dose_sr import RDSR
from tests.fakes.doses_shown import exposure, report
from tests.fakes.doses_shown import shown as shown_dose
from tests.fakes.images import Kept
from tests.fakes.web import Queries
from tests.unit.test_dose_report import MGY_CM, ct, item, number, uid


def shown(study: str, uid: str, superseded_by: str | None = None) -> dict[str, Any]:
    return {"study": study, "report_uid": uid, "superseded_by": superseded_by, "not_understood": []}


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


def test_what_was_read_again_is_its_own_report_though_it_took_the_place_of_others_too(
    taken: tuple[Kept, str, Source],
) -> None:
    kept, study, source = taken
    other = sr(COMPREHENSIVE, SeriesInstanceUID="1.2.3.8")
    read_again = {**shown(study, "2.25.1"), "not_understood": [f"{READ_AGAIN}{source.sop_uid}"]}
    reports = [shown(study, str(other.SOPInstanceUID), "2.25.1"), shown(study, source.sop_uid, "2.25.1"), read_again]
    assert sources_of(kept.archive, reports, ["2.25.1"]) == {"2.25.1": source}


def test_a_report_that_is_kept_elsewhere_is_none_and_that_is_said(taken: tuple[Kept, str, Source]) -> None:
    kept, study, source = taken
    with pytest.raises(NotFound, match=r"not kept where you ask.*--fhir"):
        sources_of(kept.archive, [shown(study, source.sop_uid), shown(study, "1.9.9")], [source.sop_uid, "1.9.9"])
    with pytest.raises(NotFound, match="not kept where you ask"):
        sources_of(kept.archive, [shown("0d6f1a52-7f3c-8a41-9b1e-2c5d8e7f6a90", "1.9.9")], ["1.9.9"])


def test_a_study_that_came_in_is_given_out_with_its_report_and_reads_the_same(
    kept: Kept, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the device's file to ours: what our reader finds in both."""
    sent = instance(SOPClassUID=RDSR, Modality="SR", SOPInstanceUID="1.9.1", SeriesInstanceUID="1.2.3.9")
    sent.update(item("113701", "CONTAINER", ct(uid("113769", "1.8.1"), number("113838", "417.3", MGY_CM))))
    study = kept.take_in([sent])
    (id_,) = queries.seen[study].studies
    (read,) = read_dose_report(structured(part10(sent)).tree).exposures
    row = exposure("1.8.1", "CT", "CT", "1.9.1", study_uid=study, dlp_mgycm=read.dlp_mgycm)
    known = shown_dose([row], [report("1.9.1") | {"study": id_, "study_uid": study}])
    monkeypatch.setattr(given, "dose_of", lambda *_, **__: known)
    ours: Any = SimpleNamespace(
        archive=kept.archive, ledger=SimpleNamespace(clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    )
    caller: Any = None
    written = given.dose_report_of(ours, caller, "CHA|L1", study)
    (used,) = dcmread(io.BytesIO(written)).CurrentRequestedProcedureEvidenceSequence
    (series,) = used.ReferencedSeriesSequence
    named = [
        (str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)) for one in series.ReferencedSOPSequence
    ]
    assert (used.StudyInstanceUID, series.SeriesInstanceUID, named) == (study, "1.2.3.9", [(RDSR, "1.9.1")])
    assert read_dose_report(structured(written).tree).report_totals == {"restated:dlp_mgycm": 417.3}
