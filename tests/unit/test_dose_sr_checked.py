"""What other people's checkers say of a Patient Radiation Dose SR: dicom3tools' dciodvfy, dcmtk's dsrdump."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from tests.fakes.dose_sr import RDSR, written
from tests.fakes.doses_shown import ALL, CASES

NO_CLASS = "Error - Information Object Not found"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed: Debian's dicom3tools")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dciodvfy_finds_no_error_in_its_modules(case: dict[str, Any], tmp_path: Path) -> None:
    """Debian's has no table of this class: it is asked as the X-Ray Radiation Dose SR, which has the same modules
    (PS3.3 tables A.35.8-1 and A.35.18-1).
    """
    assert errors(case, tmp_path, as_class=None) in ([], [NO_CLASS])
    assert errors(case, tmp_path, as_class=RDSR) == []


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed: Debian's dicom3tools")
def test_dciodvfy_would_find_one(tmp_path: Path) -> None:
    assert errors(ALL, tmp_path, as_class=RDSR, without="ContentDate") != []


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dsrdump is not installed: Debian's dcmtk")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dsrdump_reads_it_whole_and_finds_no_error(case: dict[str, Any], tmp_path: Path) -> None:
    """It refuses relations and value types that the class does not allow."""
    file = tmp_path / "report.dcm"
    file.write_bytes(written(case))
    done = subprocess.run(["dsrdump", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))] == []
    assert "Patient Radiation Dose SR Document" in done.stdout
    assert done.stdout.count("<contains NUM:") >= 1


def errors(case: dict[str, Any], folder: Path, *, as_class: str | None, without: str = "") -> list[str]:
    file = folder / "report.dcm"
    report = dcmread(io.BytesIO(written(case)))
    if as_class:
        report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = as_class
    if without:
        delattr(report, without)
    report.save_as(file)
    said = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]
