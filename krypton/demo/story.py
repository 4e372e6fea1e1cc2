"""The demo's script: what is sent, asked and shown, and why."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from krypton.demo.hospital import send
from krypton.demo.stage import Stage
from streams.broker.topics import PARTITIONS

NUMBER = "4018119567876617"  # one patient number that real devices gave to four people
BORDEAUX, PAU = f"CHU-BDX|{NUMBER}", "CH-PAU|phy12345"
RPPS = "10101201233"
FROM_BORDEAUX = (
    "CT-RDSR-Siemens-Multi-1.dcm",
    "CT-RDSR-Siemens-Multi-2.dcm",
    "CT-RDSR-Siemens-Multi-3.dcm",
    "CT-RDSR-Toshiba_DoseCheck.dcm",
    "DX-RDSR-Canon_CXDI.dcm",
    "RF-RDSR-Eurocolumbus.dcm",
)
FROM_PAU = (
    "CT-RDSR-Siemens-Continued-1.dcm",
    "CT-RDSR-Siemens-Continued-2.dcm",
    "RF-Pat-Orientation-Modifier-Missing.dcm",
    "ESR_non-dose.dcm",
)


def tell(stage: Stage, port: int, reports: Path, images: Sequence[Path]) -> None:
    """All chapters in order."""
    hospitals_join(stage)
    hospitals_send(stage, port, reports, images)
    one_number_four_people(stage)
    one_person(stage)
    two_again(stage)
    consent_and_access(stage)
    order(stage)
    topics(stage)


def hospitals_join(stage: Stage) -> None:
    """Directory."""
    stage.step("Two hospitals join", "Only enrolled AE titles may send; anybody else is refused, and that is recorded.")
    stage.show("site", "enroll", "CHU-BDX", "--name", "CHU de Bordeaux (demo)", "--ae-title", "BDX_PACS")
    stage.show("site", "enroll", "CH-PAU", "--name", "CH de Pau (demo)", "--ae-title", "PAU_PACS")
    radiologist = ("--name", "Dr Exemple", "--profession", "radiologist")
    stage.quietly("professional", "register", RPPS, *radiologist, "--site", "CHU-BDX")


def hospitals_send(stage: Stage, port: int, reports: Path, images: Sequence[Path]) -> None:
    """DICOM in."""
    stage.step(
        "Both send real files over DICOM", "One event per study, never one per image; each file is on disk first."
    )
    for ae_title, files in (
        ("BDX_PACS", [*(reports / name for name in FROM_BORDEAUX), *images]),
        ("PAU_PACS", [reports / name for name in FROM_PAU]),
    ):
        taken, refused = send(ae_title, "127.0.0.1", port, "KRYPTON", files)
        stage.note(f"{ae_title}: {taken} of {len(files)} files taken{''.join(f'; refused {r}' for r in refused)}")
    stage.note("One report of Pau is empty: nothing is recorded, and its sender is told why.")
    stage.recorded()
    stage.quietly("wait")
    stage.show("record", "show", BORDEAUX)


def one_number_four_people(stage: Stage) -> None:
    """Collisions."""
    stage.step(
        "One number, four people",
        "Names and birth dates that cannot be one person's never mix: each newcomer is another identity, flagged.",
    )
    stage.show("identity", "show", f"{BORDEAUX}#2")
    stage.show("dose", "show", BORDEAUX)
    stage.note(
        "Three cumulative reports of one study: each irradiation event counts once, 236.09 and not 320.82 mGy·cm."
    )
    stage.show("dose", "alerts", "--as", f"rpps:{RPPS}")


def one_person(stage: Stage) -> None:
    """Merge."""
    stage.step("A clerk holds two identities one person", "A merge is a statement; no study and no dose is moved.")
    stage.show("dose", "show", PAU)
    merge = ("identity", "merge", BORDEAUX, PAU, "--reason", "same person, papers seen")
    stage.show(*merge, expect=1)
    stage.note("The two devices state another birth date; the clerk compares the papers and says so.")
    stage.show(*merge, "--even-though", "birth-date")
    stage.quietly("wait")
    stage.show("dose", "show", PAU)


def two_again(stage: Stage) -> None:
    """Unmerge."""
    stage.step("It was wrong: unmerge", "Never too late, whatever came in since; each has its own again, at once.")
    stage.show("identity", "unmerge", BORDEAUX, PAU, "--reason", "two people after all")
    stage.quietly("wait")
    stage.show("dose", "show", PAU)
    stage.show("audit", "history", PAU)


def consent_and_access(stage: Stage) -> None:
    """Consent, access."""
    stage.step(
        "Who may look",
        "Outside the care team consent is collected, here by a one-time code; a denial is on record too.",
    )
    asked = ("access", "open", PAU, "--as", f"rpps:{RPPS}", "--reason", "second opinion")
    stage.show(*asked, expect=1)
    code = stage.ask("consent", "code", PAU)["code"]
    stage.show(*asked, "--code", code)
    stage.quietly("wait")
    stage.show("audit", "accesses", PAU)


def order(stage: Stage) -> None:
    """Order."""
    stage.step("An exam is ordered", "The order follows the person, wherever the exam is made.")
    placed = stage.ask(
        "order",
        "place",
        PAU,
        "--site",
        "CHU-BDX",
        "--as",
        f"rpps:{RPPS}",
        "--modality",
        "CT",
        "--question",
        "follow-up of a nodule",
    )
    stage.show("order", "present", placed["order"], "--site", "CH-PAU")
    stage.show(
        "order",
        "schedule",
        placed["order"],
        "--site",
        "CH-PAU",
        "--at",
        f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}T09:30:00",
        "--accession",
        "PAU0001",
    )
    stage.quietly("wait")
    stage.show("record", "show", PAU)


def topics(stage: Stage) -> None:
    """Kafka."""
    stage.step("What is on Kafka", "Immutable, kept for ever, readable by any Kafka client; names are sealed.")
    stage.show("views", "status")
    stage.show("topics")
    stage.note(
        f"{len(PARTITIONS)} topics, {sum(PARTITIONS.values())} partitions; docs/topics.md describes every event."
    )
