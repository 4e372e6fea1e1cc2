"""What names people on disk is read by its owner alone: the DICOM folder, and an export's unsealed fields."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from krypton.auditing import export_files
from krypton.erasing.exports import UNSEALED
from krypton.services.dicom import spool_of

OTHERS = 0o077


@pytest.fixture(autouse=True)
def lax_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_nobody_else_enters_the_dicom_folder(tmp_path: Path) -> None:
    ours: Any = SimpleNamespace(settings=SimpleNamespace(instances=tmp_path / "home" / "dicom"))
    with spool_of(ours):
        assert not (tmp_path / "home" / "dicom").stat().st_mode & OTHERS


def test_nobody_else_reads_the_unsealed_fields_of_an_export(tmp_path: Path) -> None:
    export_files.write(tmp_path, {UNSEALED: b"{}", "events.jsonl": b"{}"}, {})
    assert not (tmp_path / UNSEALED).stat().st_mode & OTHERS
    assert (tmp_path / "events.jsonl").stat().st_mode & OTHERS
