"""``krypton identity import``: many identities from CSV, what is refused and said, and an import that was killed."""

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from krypton.services.supervisor import krypton_command
from tests.integration.live_cli import Region, region
from tests.waiting import until

__all__ = ["region"]
pytestmark = pytest.mark.live
HEADER = "assigner,id,family,given,birth_date,sex"


def registered(region: Region, after: int) -> int:
    """How many identities were registered after a position."""
    recorder = region.krypton.ledger.recorder
    return len(recorder.select_notifications(after + 1, 1_000_000, topics=("identity.registered",)))


def imported(region: Region, *words: object, refused: bool = False) -> dict[str, Any]:
    """The document of an import; whether lines were refused is its exit code too."""
    said = region.run("identity", "import", *words, "--json")
    assert said.code == int(refused), said.err
    summary: dict[str, Any] = json.loads(said.out)
    return summary


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good lines among bad ones of every kind, and an empty one, which still counts as a line."""
    lines = [
        HEADER + ",ins",
        "CHB,IMP-1,FICTIVE,Anne,1970-01-01,F,",
        "CHB,IMP-2,FICTIVE,Ben,1970-02-30,M,",
        "",
        "NOWHERE,IMP-3,FICTIVE,Cid,1970-01-01,M,",
        "CHB,IMP-4",
        "CHB,IMP-5,FICTIVE,Dan,1970-01-01,M,279035121518988",
        "CHB,IMP-6,FICTIVE,Eve,1970-01-01,F,,moved",
        '"CHB",IMP-7,"FICTIVE, dite ESSAI",Zoé,1970-01-01,F,',
    ]
    path = tmp_path_factory.mktemp("import") / "people.csv"
    path.write_bytes(
        "\n".join(lines).encode() + "\nCHB,IMP-8,FICTIVÉ,Léa,1970-01-01,F,\nCHB,IMP-9,X\0,Y,,,\n".encode("latin-1")
    )
    return path


def test_good_lines_are_registered_and_bad_ones_named_by_their_number(region: Region, file: Path) -> None:
    summary = imported(region, file, refused=True)
    assert {k: summary[k] for k in ("lines", "registered", "known")} == {"lines": 9, "registered": 2, "known": 0}
    reasons = {refused["line"]: refused["reason"] for refused in summary["refused"]}
    assert list(reasons) == [3, 5, 6, 7, 8, 10, 11]
    assert reasons[3].startswith("birth date is not a date")
    assert reasons[3].endswith("(I1)")
    assert "no establishment NOWHERE is enrolled" in reasons[5]
    assert reasons[6].startswith("it ends before the last required column")
    assert reasons[7].endswith("fetch it again from INSi (I5)")
    assert reasons[8].startswith("something stands under no column's name")
    assert reasons[10].endswith("save the file as UTF-8")
    assert reasons[11] == "family: holds a control character, take it out (I1)"


def test_importing_again_writes_nothing(region: Region, file: Path) -> None:
    before = region.head
    summary = imported(region, file, refused=True)
    assert (summary["registered"], summary["known"]) == (0, 2)
    assert region.head == before


def test_a_check_writes_nothing_and_keeps_what_would_be_refused(region: Region, file: Path, tmp_path: Path) -> None:
    before, kept = region.head, tmp_path / "kept.csv"
    summary = imported(region, file, "--check", "--rejects", kept, refused=True)
    assert (summary["to_register"], summary["known"], summary["refused_lines"]) == (0, 2, 7)
    assert len(kept.read_bytes().splitlines()) == 8
    assert region.head == before


def test_an_import_with_an_id_answers_as_the_first_time(region: Region, tmp_path: Path) -> None:
    path = tmp_path / "again.csv"
    line = "CHB,IMP-20,FICTIVE,Gil,1970-01-01,M\n"
    path.write_text(f"{HEADER}\n{line}{line}")
    ask = ("identity", "import", path, "--command-id", uuid4())
    first = region.ask(*ask)
    assert (first["registered"], first["known"], first["positions"]) == (1, 1, [region.head])
    assert region.ask(*ask) == first
    assert region.show(*ask).splitlines()[-1] == f"written at {region.head}"


def test_a_file_of_excel_in_france_is_imported(region: Region, tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    header = "Établissement;N° IPP;Nom de naissance;Prénom;Date de naissance;Sexe;Ville"
    path.write_bytes(f"{header}\r\nCHB;IMP-30;FICTIVÉ;Zoé;12/04/1980;F;Pau\r\n".encode("cp1252"))
    said = region.run("identity", "import", path, "--json")
    assert (said.code, json.loads(said.out)["registered"]) == (0, 1)
    assert said.told == "warning: not read, for their names are not known: the columns “Ville”"
    region.settle()
    traits = region.ask("identity", "show", "CHB|IMP-30")["traits"]
    assert (traits["family"], traits["given"], traits["birth_date"]) == ("FICTIVÉ", "Zoé", "1980-04-12")


def test_an_import_that_was_killed_goes_on_where_it_was(region: Region, tmp_path: Path) -> None:
    """Killed while it writes; run again, each line is one identity and no more."""
    path, count = tmp_path / "many.csv", 8_000
    rows = (f"CHB,KILL-{n},FICTIVE,Lea,1970-01-01,F" for n in range(count))
    path.write_text("\n".join((HEADER, *rows, "")))
    before = region.head
    killed = subprocess.Popen(krypton_command("identity", "import", str(path)), env=region.env, stdout=subprocess.PIPE)
    until(lambda: registered(region, before), "lines are registered")
    killed.kill()
    killed.communicate()
    done = registered(region, before)
    assert 0 < done < count
    summary = imported(region, path)
    assert (summary["known"], summary["registered"]) == (done, count - done)
    assert imported(region, path)["known"] == count
    assert registered(region, before) == count


def test_what_was_imported_is_shown(region: Region, file: Path) -> None:
    region.settle()
    traits = region.ask("identity", "show", "CHB|IMP-7")["traits"]
    assert (traits["family"], traits["given"]) == ("FICTIVE, dite ESSAI", "Zoé")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"assigner,id,family\nCHB,1,X\n", "the header lacks given, birth_date, sex: found are “assigner”, “id”"),
        (b"", "it is empty"),
        (HEADER.encode() + b"\nCHB,1," + b"X" * 200_000 + b",G,,\n", "line 2 is no CSV"),
    ],
)
def test_a_file_that_is_none_is_wrong_usage(region: Region, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    before = region.head
    assert words in " ".join(region.complaint(2, "identity", "import", path).split())
    assert region.head == before


def test_progress_is_no_part_of_the_document(region: Region, file: Path) -> None:
    """Nor a line of its own where the work is short; on a busy machine it may not be."""
    said = region.run("identity", "import", file, "--json")
    assert json.loads(said.out)["lines"] == 9
    assert all(line.startswith("identities: ") for line in said.err.splitlines())
