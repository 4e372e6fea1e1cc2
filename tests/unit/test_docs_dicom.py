"""The DICOM conformance statement says what the service does: its tables are held to the code."""

import re
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    EnhancedXRayRadiationDoseSRStorage,
    PatientRadiationDoseSRStorage,
    RadiopharmaceuticalRadiationDoseSRStorage,
    XRayRadiationDoseSRStorage,
)

from adapters.archive.search import INSTANCES, SERIES
from adapters.dicom.attributes import READS
from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.network.admission import Slots
from adapters.dicom.network.agreed import Patience
from adapters.dicom.network.contexts import UNCOMPRESSED
from adapters.dicom.network.dimse import Operation, Refusal
from adapters.dicom.network.knocking import Waits
from adapters.dicom.rdsr.concepts import DOSES
from adapters.dicom.rdsr.report import DOSE_CLASSES
from adapters.dicom.rdsr.tolerances import TOLERANCES
from adapters.dicom.receiver import MAX_PDU
from adapters.dicom.store import Status
from adapters.dicom.values import LONGEST
from adapters.inbox.batches import Limits
from adapters.retrieval import commitment, finding, giving, service
from domain.traits import LONGEST_ID
from krypton.queries import study_search
from krypton.queries.conditions import PATIENT, STUDY
from krypton.services import priors
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
    assert told == {f"0x{status:04X}" for status in (*Status, *Refusal)}


def test_each_quantity_is_in_the_table_with_its_code_and_field() -> None:
    told = {(row[1], re.findall(r"`(\w+)`", row[2])[0]) for row in ROWS if len(row) == 3 and row[1].startswith("DCM ")}
    assert told == {(codes[0].replace(":", " "), name) for codes, _, _, name in DOSES.values()}


def test_each_tolerance_is_in_the_table() -> None:
    told = {row[0].strip("`"): row[1] for row in ROWS if len(row) == 2 and row[0].strip("`") in TOLERANCES}
    assert told == TOLERANCES


def test_the_dose_classes_are_those_that_are_read() -> None:
    assert {
        XRayRadiationDoseSRStorage,
        EnhancedXRayRadiationDoseSRStorage,
        RadiopharmaceuticalRadiationDoseSRStorage,
        PatientRadiationDoseSRStorage,
    } == DOSE_CLASSES
    for sop_class in DOSE_CLASSES:
        assert sop_class in PAGE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AE title", f"`{Settings.dicom_ae}` (`KRYPTON_DICOM_AE`)"),
        ("port", f"{Settings.dicom_port} (`KRYPTON_DICOM_PORT`)"),
        ("listening address", f"`{Settings.dicom_host}` (`KRYPTON_DICOM_HOST`; `0.0.0.0` for the hospital's network)"),
        ("maximum PDU size received", f"{MAX_PDU} bytes"),
        (
            "associations at once",
            f"{Slots.in_all}; {Slots.of_an_ae_title} of one AE title; {Slots.from_an_address} from one address",
        ),
        ("implementation class UID", CLASS_UID),
        ("implementation version name", f"`{VERSION_NAME}`"),
    ],
)
def test_the_associations_table_is_true(name: str, value: str) -> None:
    assert (name, value) in ROWS


def test_the_time_outs_are_as_told() -> None:
    told = (
        f"{Waits.request_s:g} s from the connection to the end of its request, {Patience.unfinished_s:g} s for the "
        f"rest of a PDU or of a message, {Patience.idle_s:g} s between messages"
    )
    assert ("time-outs", told) in ROWS


def test_verification_is_accepted_in_the_four_syntaxes_named() -> None:
    (told,) = (row[1] for row in ROWS if row[0].startswith("Verification, "))
    assert told.split(", ") == [UID(syntax).name.split(":")[0] for syntax in UNCOMPRESSED]


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


def test_the_keys_of_searches_are_in_the_table() -> None:
    told = {row[0]: row[1] for row in ROWS if len(row) == 2}
    levels = {"studies": (*PATIENT, *STUDY), "series": SERIES, "instances": INSTANCES}
    for level, known in levels.items():
        said = re.findall(r"\w+", told[level].replace(" with ", ".").replace(" or ", ", "))
        assert {part for keyword in known for part in keyword.split(".")} == {*said}


@pytest.mark.parametrize(
    ("heading", "statuses"),
    [
        ("status of C-FIND", {*finding.Status}),
        ("status of C-MOVE, C-GET", {*giving.Status}),
        ("status of N-ACTION", {*commitment.Status, service.BROKEN[Operation.N_ACTION]}),
    ],
)
def test_each_status_of_a_retrieval_is_in_its_table(heading: str, statuses: set[int]) -> None:
    after = PAGE.split(f"| {heading} |")[1].split("\n\n")[0]
    first = [line.strip("| ").partition(" | ")[0] for line in after.splitlines()]
    assert {int(code, 16) for cell in first for code in re.findall(r"`(0x\w{4})`", cell)} == statuses


def test_the_bounds_of_a_retrieval_are_as_said() -> None:
    assert f"At most {finding.MOST} answers" in PLAIN
    assert f"more than {study_search.MOST:,} studies" in PLAIN
    assert (priors.MOST, "up to ten studies of other establishments" in PLAIN) == (10, True)
    assert f"or more than {commitment.MOST:,}" in PLAIN
    assert (
        f"{commitment.MOST_OF_ONE:,} requests of the establishment wait for their report, or {commitment.MOST:,}"
        in PAGE
    )
    assert commitment.KEPT_S == 7 * 24 * 3600
