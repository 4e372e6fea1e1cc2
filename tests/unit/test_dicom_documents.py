"""Reports among the instances: which they are, and which are refused."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from adapters.dicom.attributes import read_instance
from adapters.dicom.documents import Document, document_of
from adapters.dicom.refusal import NothingToRecord
from tests import real_files
from tests.fakes.dicom import ENCAPSULATED_PDF, instance, part10, report, structured

ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"
DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.67"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"


def document(dataset: Dataset) -> Document | None:
    sent = structured(part10(dataset))
    return document_of(read_instance(sent.header), sent.tree)


def real(name: str) -> Document:
    sent = structured(Path(real_files.folder(), name).read_bytes())
    found = document_of(read_instance(sent.header), sent.tree)
    assert found is not None
    return found


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.88.11", ENHANCED_SR])
def test_a_written_report_is_one_with_its_title(sop_class: str) -> None:
    """Enhanced or not: without dose, a report all the same."""
    found = document(report(sop_class))
    assert found is not None
    assert (found.report.kind, found.report.title, found.dose) == ("SR", "Compte rendu d'imagerie", None)


def test_key_object_notes_are_told_apart() -> None:
    """They point, and report nothing."""
    found = document(report(KEY_OBJECTS))
    assert found is not None
    assert found.report.kind == "KOS"


def test_an_encapsulated_pdf_has_its_document_title() -> None:
    """PS3.3 C.24.2."""
    found = document(instance(SOPClassUID=ENCAPSULATED_PDF, DocumentTitle="Compte rendu"))
    assert found is not None
    assert (found.report.kind, found.report.title) == ("PDF", "Compte rendu")


def test_an_image_is_no_document() -> None:
    """Whatever it shows."""
    assert document(instance()) is None


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.88.11", ENHANCED_SR, KEY_OBJECTS])
def test_a_structured_report_without_any_content_is_refused(sop_class: str) -> None:
    """There is nothing to read in it."""
    with pytest.raises(NothingToRecord, match="empty report, no dose and no text: store it when it is written"):
        document(report(sop_class, content=0))


def test_a_dose_report_without_dose_is_refused() -> None:
    """No study with zero dose comes of it."""
    with pytest.raises(NothingToRecord, match="dose report without"):
        document(report(DOSE_SR))


def test_the_real_enhanced_report_without_dose_is_refused() -> None:
    """Case 5: a viewer stored it before it was written."""
    with pytest.raises(NothingToRecord, match="no dose and no text"):
        real("ESR_non-dose.dcm")


def test_an_enhanced_report_with_dose_is_a_dose_report() -> None:
    """Case 8: older scanners write no other."""
    found = real("CT-ESR-GE_Optima.dcm")
    assert found.dose is not None
    assert (found.report.kind, len(found.dose.exposures)) == ("DOSE", 6)


def test_the_devices_own_check_is_passed_on_in_canonical_units() -> None:
    """Case 7: configured for both quantities; the first event has no CTDIvol forward estimate."""
    found = real("CT-RDSR-Toshiba_DoseCheck.dcm")
    assert found.dose is not None
    keys = ("check_dlp_mgycm", "forward_dlp_mgycm", "check_ctdivol_mgy", "forward_ctdivol_mgy")
    checks = [tuple(exposure[key] for key in keys) for exposure in found.dose.exposures]
    assert checks == [(100.0, 251.2, 10.0, None), (100.0, 502.4, 10.0, 10.6)]


def test_a_check_that_the_site_has_not_configured_is_not_passed_on() -> None:
    """Its levels mean nothing."""
    found = real("CT-RDSR-Siemens_Flash-TAP-SS.dcm")
    assert found.dose is not None
    assert {exposure["check_dlp_mgycm"] for exposure in found.dose.exposures} == {None}


def test_unknown_doses_stay_unknown() -> None:
    """Case 14: present without a value is null, never zero."""
    found = real("DX-RDSR-Canon_CXDI.dcm")
    assert found.dose is not None
    assert (found.dose.exposures[0]["dap_mgycm2"], found.dose.exposures[0]["dose_rp_mgy"]) == (107.0, None)
