"""krypton dose export: a new file, its owner's alone; nothing is asked where it cannot be written."""

import io
import json
import stat
from pathlib import Path

import pytest
from pydicom import dcmread

from krypton.cli.main import run
from krypton.queries import dose_sources
from krypton.queries.dose_sources import Source
from tests.fakes.dose_sr import RDSR
from tests.fakes.doses_shown import ALL, STUDY
from tests.fakes.written_doses import AS_AUDITOR, Asking, asking

EXPORT = ("dose", "export", "CHB|1", *AS_AUDITOR)
FORMS = ("--fhir", "--dicom")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asking:
    """Whose dose was asked for."""
    monkeypatch.setattr(
        dose_sources, "sources_of", lambda _, __, wanted: {uid: Source(RDSR, uid, "1.2.3.4") for uid in wanted}
    )
    return asking(monkeypatch, tmp_path, ALL)


@pytest.mark.parametrize("form", FORMS)
def test_the_document_is_a_new_file_of_its_owner_alone(tmp_path: Path, asked: Asking, form: str) -> None:
    out = tmp_path / "doses"
    assert run([*EXPORT, STUDY, form, str(out)]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    written = out.read_bytes()
    if form == "--fhir":
        assert json.loads(written)["resourceType"] == "Bundle"
    else:
        assert dcmread(io.BytesIO(written)).SOPClassUID.name == "Patient Radiation Dose SR Storage"
    assert asked.asked == [("CHB|1", "dose.export")]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_there_stays_and_nobody_is_asked_about(tmp_path: Path, asked: Asking, form: str) -> None:
    out = tmp_path / "doses"
    out.write_text("mine")
    assert run([*EXPORT, STUDY, form, str(out)]) == 2
    assert (out.read_text(), asked.asked) == ("mine", [])


@pytest.mark.parametrize("form", FORMS)
def test_a_study_without_a_dose_is_said_and_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    out = tmp_path / "doses"
    assert run([*EXPORT, "9.9", form, str(out)]) != 0
    assert "no dose of that study" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("forms", [(), ("--fhir", "a", "--dicom", "b")], ids=["none", "both"])
def test_one_form_is_asked_for_or_nobody_is_asked_about(
    forms: tuple[str, ...], asked: Asking, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*EXPORT, STUDY, *forms]) == 2
    assert asked.asked == []
    assert "--fhir OUT or --dicom OUT" in " ".join(capsys.readouterr().err.split())
