"""The DICOM conformance statement says what the service does: its tables are held to the code."""

import re
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import (
    EnhancedXRayRadiationDoseSRStorage,
    PatientRadiationDoseSRStorage,
    RadiopharmaceuticalRadiationDoseSRStorage,
    XRayRadiationDoseSRStorage,
)
from pynetdicom import AE, PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.sop_class import Verification

from adapters.dicom import dose_report, storage
from adapters.dicom.attributes import READS
from adapters.dicom.dose_exposure import QUANTITIES
from adapters.dicom.sr_tree import LONGEST
from adapters.dicom.storage import Status
from adapters.inbox.batches import Limits
from domain.traits import LONGEST_ID
from krypton.settings import Settings

PAGE = Path(__file__).parents[2].joinpath("docs/dicom-conformance.md").read_text()
PLAIN = " ".join(PAGE.split())
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line[:1] == "|"]


def test_each_attribute_read_is_in_the_table_with_its_tag() -> None:
    read = {
        (keyword, f"({Tag(tag_for_keyword(keyword) or 0):08X})", "yes" if required else "no")
        for keyword, required in READS.values()
    }
    told = {(row[0], row[1].replace(",", ""), row[2]) for row in ROWS if len(row) == 4 and row[1].startswith("(")}
    assert told == read


def test_each_status_is_in_the_table() -> None:
    told = {row[1].strip("`") for row in ROWS if len(row) == 3 and row[1].startswith("`0x")}
    assert told == {f"0x{status:04X}" for status in Status}


def test_each_quantity_is_in_the_table_with_its_code_and_field() -> None:
    told = {(row[1], re.findall(r"`(\w+)`", row[2])[0]) for row in ROWS if len(row) == 3 and row[1].startswith("DCM ")}
    assert told == {(codes[0].replace(":", " "), name) for codes, _, name in QUANTITIES.values()}


def test_the_dose_classes_are_those_that_are_read() -> None:
    assert {
        XRayRadiationDoseSRStorage,
        EnhancedXRayRadiationDoseSRStorage,
        RadiopharmaceuticalRadiationDoseSRStorage,
        PatientRadiationDoseSRStorage,
    } == dose_report._DOSE_CLASSES
    for sop_class in dose_report._DOSE_CLASSES:
        assert sop_class in PAGE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AE title", f"`{Settings.dicom_ae}` (`KRYPTON_DICOM_AE`)"),
        ("port", f"{Settings.dicom_port} (`KRYPTON_DICOM_PORT`)"),
        ("maximum PDU size received", f"{storage.MAX_PDU} bytes"),
        ("associations at once", str(storage.MOST_ASSOCIATIONS)),
        ("implementation class UID", PYNETDICOM_IMPLEMENTATION_UID),
        ("implementation version name", f"`{PYNETDICOM_IMPLEMENTATION_VERSION}`"),
    ],
)
def test_the_associations_table_is_true(name: str, value: str) -> None:
    assert (name, value) in ROWS


def test_the_time_outs_are_the_librarys() -> None:
    ours = AE()
    assert (ours.acse_timeout, ours.dimse_timeout, ours.network_timeout) == (30, 30, 60)
    assert (
        "time-outs",
        "30 s for an association to be negotiated and for a message, 60 s without network traffic",
    ) in ROWS


def test_verification_is_accepted_in_the_four_syntaxes_named() -> None:
    ours = AE()
    ours.add_supported_context(Verification)
    (context,) = ours.supported_contexts
    (told,) = (row[1] for row in ROWS if row[0].startswith("Verification, "))
    assert told.split(", ") == [syntax.name.split(":")[0] for syntax in context.transfer_syntax or ()]


def test_when_a_batch_closes_is_as_told() -> None:
    limits = Limits()
    told = (
        f"has ended ({limits.linger_s:g} s), when nothing came for {limits.quiet_s:g} s (`KRYPTON_BATCH_QUIET_S`), "
        f"after {limits.longest_s:g} s, or at {limits.items:,} instances"
    )
    assert told in PLAIN


def test_the_longest_texts_are_as_told() -> None:
    assert f"Optional texts are cut at {LONGEST:,} characters" in PLAIN
    assert f"above {LONGEST_ID} characters" in PLAIN
