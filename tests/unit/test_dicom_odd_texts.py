"""What a device writes into its texts, followed to the rows of the record and dose views: nothing there is refused."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from sqlalchemy import Text

from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from domain.texts import CONTROL
from projections.declared import VIEWS
from projections.engine.projection import Projection
from projections.versions.copy_out import INDEXED
from tests.fakes.dicom import SITE, enrolled, instance, part10, report
from tests.fakes.ledger import MemoryLedger
from tests.fakes.views import folded, of_topics
from tests.unit.test_dose_report import ct, item, number

DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.67"
NUL = "NUL"  # where a NUL is written: pydicom would not
LONG = Random(6).randbytes(3_000).hex()
SHOWN = ("patient_record", "cumulative_dose", "identity_index")


def odd_image(junk: str) -> Dataset:
    """An image whose optional texts all hold junk, in value representations that allow it."""
    dataset = instance()
    texts = ("AccessionNumber", "StudyDescription", "Modality", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
    for keyword in (*texts, "PatientSex", "StudyDate", "StudyTime"):
        dataset.pop(keyword, None)
    for keyword in (*texts, "PatientSex", "StudyDate", "StudyTime"):
        dataset.add_new(keyword, "UT", f"1{junk}2")
    return dataset


def odd_dose_report(junk: str) -> Dataset:
    """A dose report whose every text holds junk."""
    dataset = report(DOSE_SR)
    event = ct(item("125203", "TEXT", TextValue=f"1{junk}2"), number("113838", "3", "mGy.cm"), event=None)
    uid = item("113769", "UIDREF")
    uid.add_new("UID", "UT", f"1{junk}2")
    event.ContentSequence.append(uid)
    dataset.ContentSequence = Sequence([event])
    for keyword in ("Manufacturer", "DeviceSerialNumber", "StationName"):
        dataset.add_new(keyword, "UT", f"1{junk}2")
    dataset.ConceptNameCodeSequence[0].add_new("CodeMeaning", "UT", f"1{junk}2")
    return dataset


@pytest.fixture(params=[f"{NUL}{NUL}", f" {NUL} ", LONG], ids=["within", "beside a space", "long"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryLedger:
    """Holds what such a site sent."""
    ours, sent = enrolled(), tmp_path / "sent"
    sent.mkdir()
    for name, dataset in (("image", odd_image(request.param)), ("dose", odd_dose_report(request.param))):
        (sent / f"{name}.dcm").write_bytes(part10(dataset).replace(NUL.encode(), b"\0\0\0"))
    summary = ingest_paths([sent], SITE, ours, spool_at(tmp_path / "spool"), lambda _: None).as_dict()
    assert (summary["refused"], summary["dose_reports"]) == ([], 1)
    return ours


def rows_of(view: Projection, ledger: MemoryLedger) -> list[tuple[Any, dict[str, Any]]]:
    """All rows of the view, each with its table."""
    made = folded(view, of_topics(view, ledger.history()))
    return [
        (table, {**dict(zip(table.primary_key.columns.keys(), key, strict=True)), **row})
        for table in view.tables.sorted_tables
        for key, row in made.table(table.name).items()
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_no_row_holds_a_control_character(ledger: MemoryLedger, name: str) -> None:
    """PostgreSQL refuses a NUL in a text and in a document: the study would never be seen."""
    rows = rows_of(VIEWS[name].make(), ledger)
    assert rows
    written = json.dumps([row for _, row in rows], ensure_ascii=False).replace("\\u00", "\x00")
    assert not CONTROL.search(written)


@pytest.mark.parametrize("name", SHOWN)
def test_no_indexed_text_is_too_long_for_its_index(ledger: MemoryLedger, name: str) -> None:
    """PostgreSQL would refuse the row; in a rebuild, the index."""
    for table, row in rows_of(VIEWS[name].make(), ledger):
        indexed = {*table.primary_key.columns, *(c for index in table.indexes for c in index.columns)}
        assert [c.name for c in indexed if isinstance(c.type, Text) and len(row[c.name] or "") > INDEXED] == []
