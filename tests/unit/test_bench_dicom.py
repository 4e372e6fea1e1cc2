"""The benchmark beside Orthanc and storescp: what it compares, and that Krypton takes all that storescu sends."""

import shutil

import pytest

from bench import dicom_beside
from bench.dicom_beside import Load, compared, lacking


def test_krypton_is_given_in_times_of_the_others_in_the_same_round() -> None:
    """The third round ran while the machine was slow: the middle of the ratios is not the ratio of the middle."""
    measured = {
        "4 kB from 1: storescp/s": [500.0, 500.0, 50.0],
        "4 kB from 1: Orthanc/s": [400.0, 200.0, 20.0],
        "4 kB from 1: Krypton/s": [300.0, 300.0, 30.0],
    }
    assert compared(measured) == {
        "4 kB from 1: storescp/s": 500.0,
        "4 kB from 1: Orthanc/s": 200.0,
        "4 kB from 1: Krypton/s": 300.0,
        "4 kB from 1: times storescp": 0.6,
        "4 kB from 1: times Orthanc": 1.5,
    }


def test_without_orthanc_nothing_is_said_of_it() -> None:
    assert compared({"4 kB from 1: Krypton/s": [300.0]}) == {"4 kB from 1: Krypton/s": 300.0}


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None if program == "Orthanc" else f"/usr/bin/{program}")
    assert lacking() == ["Orthanc"]


@pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not installed")
def test_storescu_sends_to_whatever_is_installed() -> None:
    figures = dicom_beside.run(loads=(Load("4 kB", 2_500, 3),), rounds=1)
    assert figures["4 kB from 1: Krypton/s"] > 0
    assert figures["4 kB from 4: Krypton/s"] > 0
