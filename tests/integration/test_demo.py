"""``make demo``: it tells its whole story by itself, and leaves nothing running."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from krypton.demo.__main__ import running
from krypton.errors import ServiceUnavailable
from tests.fakes.ports import free_port

LONGEST_S = 900  # it promises three minutes on a machine that does nothing else
pytestmark = pytest.mark.timeout(LONGEST_S + 60)
INHERITED = {  # of somebody's own ledger, in the shell that starts the demo
    "KRYPTON_KAFKA_USER": "somebody",
    "KRYPTON_KAFKA_PASSWORD_FILE": "/nowhere",
    "KRYPTON_DICOM_AE": "THEIRS",
    "KRYPTON_DATABASE": "postgresql://theirs@127.0.0.1:1/none",
}


class Told(NamedTuple):
    """What the demo did."""

    code: int
    out: str
    left: list[str]


def processes_in(folder: Path) -> Iterator[psutil.Process]:
    """All whose working or state folder is in there."""
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join([process.cwd(), *process.cmdline()]):
                yield process
        except psutil.Error:  # another user's, or gone
            continue


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """The demo, run in an empty folder. It fetches what tests fetch, into the same caches, and nothing else.

    Not in pytest's folder, which other runs close to PostgreSQL's account.
    """
    folder = Path(tempfile.mkdtemp(prefix="krypton-demo-"))
    done = subprocess.run(
        [sys.executable, "-m", "krypton.demo"],
        cwd=folder,
        env={**os.environ, **INHERITED},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    left = [" ".join(process.cmdline()) for process in processes_in(folder)]
    yield Told(done.returncode, done.stdout + done.stderr, left)
    shutil.rmtree(folder)


@pytest.mark.live
def test_it_ends_well_whatever_the_shell_was_set_to(told: Told) -> None:
    assert told.code == 0, told.out
    assert "Traceback" not in told.out


@pytest.mark.live
def test_it_leaves_no_process(told: Told) -> None:
    assert told.left == []


@pytest.mark.live
def test_doses_join_by_a_merge_and_part_again_by_an_unmerge(told: Told) -> None:
    """Three cumulative reports count once; the merge moves nothing."""
    of_pau, merged, parted = totals(told, "CH-PAU|phy12345")
    (of_bordeaux,) = totals(told, "CHU-BDX|4018119567876617")
    assert of_bordeaux == 236.09
    assert merged == pytest.approx(of_pau + of_bordeaux)
    assert parted == of_pau


def totals(told: Told, ref: str) -> list[float]:
    """Total DLP, in mGy·cm, of each time that the dose of that REF is shown."""
    shown = re.split(r"^\$ krypton ", told.out, flags=re.MULTILINE)
    tables = [text for text in shown if text.startswith(f"dose show '{ref}'")]
    return [
        float(found[1]) for text in tables if (found := re.search(r"^ *DLP mGy·cm +([\d.]+) *$", text, re.MULTILINE))
    ]


@pytest.mark.live
def test_a_file_that_is_not_taken_is_named_with_the_reason_in_words(told: Told) -> None:
    said = " ".join(told.out.split())
    assert "PAU_PACS: 3 of 4 files taken; refused ESR_non-dose.dcm: " in said
    assert "no dose" in said


def test_a_process_that_never_listens_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path)]
    with pytest.raises(ServiceUnavailable, match="krypton run did not come up"), running(command, free_port(), 0.3):
        pass
    assert list(processes_in(tmp_path)) == []
