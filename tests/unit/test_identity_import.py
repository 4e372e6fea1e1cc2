"""Importing a file of identities: what is registered, refused, kept as rejects, checked, and repeated."""

import csv
import errno
import gc
import os
import re
import stat
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.aggregates.identity import Identity
from domain.commands.identities import Correct, Register, SetStatus
from domain.errors import BadTraits, StatusNotAllowed
from domain.identity_status import Status
from domain.ports import Answer
from domain.work import Envelope
from krypton.intake.csv_import import BATCH, FileWrong, import_csv
from krypton.intake.identity_csv import IDENTITIES
from krypton.intake.seen import Seen
from krypton.intake.spans import Spans
from krypton.intake.spreadsheet import Row
from tests.fakes.ids import IDS
from tests.fakes.region import Region

TEST_OID = "1.2.250.1.213.1.4.10"
BORN = {"1": "2009-11-20", "2": "1979-03-05"}
HEADER = "Établissement;IPP;Nom de naissance;Prénom;Date de naissance;Sexe;Ville"
GOOD = ("CHB;1;FICTIVE;Léa;12/04/1980;F;Pau", "CHB;2;FICTIF;Théo;2020-01-02;M;Dax")
BAD = (
    "CHB;3;FICTIVE;Anne;30/02/1980;F;Pau",
    "CHB;4;12345!!;Anne;01/02/1980;F;Pau",
    "CHB; 5;FICTIVE;Anne;01/02/1980;F;Pau",
    "CHB;6;FICTIVE;Anne;01/02/2061;F;Pau",
    "CHB;7;FICTIVE;Anne;01/02/80;F;Pau",
    "NOWHERE;8;FICTIVE;Anne;01/02/1980;F;Pau",
    "CHB;9;FICTIVE",
)

WHY = (
    "is not a date",
    "no letter",
    "a blank at its start",
    "in the future",
    "two digits",
    "NOWHERE",
    "required column",
)


@pytest.fixture
def region() -> Region:
    """Three establishments."""
    return Region()


def written(path: Path, *rows: str, encoding: str = "cp1252") -> Path:
    path.write_bytes("\r\n".join((HEADER, *rows, "")).encode(encoding))
    return path


def run(region: Region, file: Path, **more: Any) -> dict[str, Any]:
    return import_csv(region, file, IDENTITIES, "clerk:desk", **more)


def counts(summary: dict[str, Any]) -> tuple[int, int, int]:
    return summary["registered"], summary["known"], summary["refused_lines"]


# What is registered, and what is refused


def test_a_reason_quotes_no_cell_that_is_no_code(region: Region, tmp_path: Path) -> None:
    """A row of another separator stands in one cell whole, and whose it is with it."""
    summary = run(region, written(tmp_path / "f.csv", '"CHB,1,FICTIVE,Anne";1;FICTIVE;Anne;12/04/1980;F;Pau'))
    assert counts(summary) == (0, 0, 1)
    assert "Anne" not in str(summary)
    assert summary["refused"][0]["reason"].endswith("krypton site list (S1)")


def test_good_rows_are_registered_and_bad_ones_told_with_their_lines(region: Region, tmp_path: Path) -> None:
    summary = run(region, written(tmp_path / "f.csv", GOOD[0], *BAD, GOOD[1]))
    assert counts(summary) == (2, 0, len(BAD))
    assert [one["line"] for one in summary["refused"]] == list(range(3, 3 + len(BAD)))
    reasons = [one["reason"] for one in summary["refused"]]
    for reason, words in zip(reasons, WHY, strict=True):
        assert words in reason
    columns = ["Date de naissance", "Nom de naissance", "IPP", *["Date de naissance"] * 2, "Établissement", None]
    assert [one["column"] for one in summary["refused"]] == columns
    assert [reason[-4:] for reason in reasons[:4]] == ["(I1)"] * 4
    assert "Anne" not in str(summary)
    born = [e.data["traits"]["birth_date"] for e in region.history(region.start) if e.type == "identity.registered"]
    assert born == ["1980-04-12", "2020-01-02"]


def test_columns_that_are_not_read_are_told(region: Region, tmp_path: Path) -> None:
    told: list[str] = []
    run(region, written(tmp_path / "f.csv", *GOOD), warn=told.append)
    assert told == ["not read, for their names are not known: the columns “Ville”"]


def test_a_file_is_one_transaction_a_batch_and_stores_no_refusal(region: Region, tmp_path: Path) -> None:
    rows = [f"CHB;{n};FICTIVE;Lea;{'30/02/1980' if n % 7 == 0 else '01/02/1980'};F;" for n in range(2 * BATCH)]
    stored = []
    insert = region.recorder.insert_events
    region.recorder.insert_events = lambda *a, **k: stored.append(1) or insert(*a, **k)  # type: ignore[method-assign, func-returns-value]
    assert counts(run(region, written(tmp_path / "f.csv", *rows)))[2] == len(rows[::7])
    assert len(stored) == 2


def test_a_child_under_a_parents_number_is_imported_flagged_and_is_not_qualified(
    region: Region, tmp_path: Path
) -> None:
    """I12, I4: a matricule that fits is no ground for a doubt."""
    file = tmp_path / "f.csv"
    header = "assigner,id,family,given,birth_date,sex,birth_place,ins,ins_oid"
    rows = (f"CHB,{n},FICTIVE,Zoé,{born},F,51215,279035121518989,{TEST_OID}" for n, born in BORN.items())
    file.write_text("\n".join((header, *rows)))
    assert counts(run(region, file)) == (2, 0, 0)
    child, mother = (Identity.create_id(IDS, "CHB", number) for number in BORN)
    flags = [
        {e.data["flag"] for e in region.history() if e.type == "identity.flagged" and e.aggregate_id == str(one)}
        for one in (child, mother)
    ]
    assert flags == [{"ins_doubtful"}, set()]
    refused, qualified = region.execute_many(
        [(SetStatus(identity=one, status=Status.QUAL, reason="papers seen"), Envelope()) for one in (child, mother)]
    )
    assert (type(refused), type(qualified)) == (StatusNotAllowed, Answer)


# Again


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_the_same_rows_written_otherwise_are_known(
    region: Region, tmp_path: Path, encoding: str, separator: str
) -> None:
    """The id of a row is made from what it says: another separator, order, date or column says the same."""
    run(region, written(tmp_path / "f.csv", *GOOD))
    head = region.head()
    other = tmp_path / "other.csv"
    rows = (
        "sex,given,family,id,assigner,birth_date,shoe size",
        "2,Léa,FICTIVE,1,CHB,1980-04-12,37",
        "h,Théo,FICTIF,2,CHB,2/1/2020,20",
    )
    other.write_bytes("\n".join(rows).replace(",", separator).encode(encoding))
    assert counts(run(region, other)) == (0, 2, 0)
    assert region.head() == head


def test_a_row_is_known_whatever_became_of_the_identity_since(region: Region, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", GOOD[0])
    run(region, file)
    (registered,) = (e.aggregate_id for e in region.history(region.start))
    region.ask(Correct(identity=UUID(registered), stated={"given": "Anne"}, reason="misspelt"))
    assert counts(run(region, file)) == (0, 1, 0)


def test_an_import_that_was_broken_off_goes_on_with_what_is_missing(region: Region, tmp_path: Path) -> None:
    """At the second of three batches; then again."""
    file = written(tmp_path / "f.csv", *(f"CHB;{n};FICTIVE;Lea;01/02/1980;F;" for n in range(3 * BATCH)))
    many = region.execute_many
    calls: list[int] = []

    def broken(asked: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return many(asked)

    region.execute_many = broken  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(region, file)
    assert region.head() - region.start == BATCH
    assert counts(run(region, file)) == (2 * BATCH, BATCH, 0)
    assert counts(run(region, file)) == (0, 3 * BATCH, 0)


def test_under_its_own_id_it_answers_as_the_first_time(region: Region, tmp_path: Path) -> None:
    file, own = written(tmp_path / "f.csv", *GOOD, GOOD[0]), uuid4()
    first = run(region, file, command_id=own)
    assert counts(first) == (2, 1, 0)
    assert run(region, file, command_id=own) == first


# What is no table


OPEN = 'CHB;3;FICTIVE;Ada;1980-01-02;F;"Pau'


@pytest.mark.parametrize("later", [(), ('CHB;6;FICTIVE;Eve;1980-01-02;F;"Pau"',)])
def test_a_quotation_that_is_not_closed_stops_the_import_there_and_takes_nobody_with_it(
    region: Region, tmp_path: Path, later: tuple[str, ...]
) -> None:
    """Also in a column that is not read, and where a later quotation closes it. What comes before is done, and told."""
    file = written(tmp_path / "f.csv", *GOOD, OPEN, "CHB;4;FICTIVE;Zoe;1980-01-02;F;Pau", *later)
    stopped = run(region, file)
    assert counts(stopped) == (2, 0, 0)
    assert stopped["broken"]["line"] == 4
    assert re.fullmatch(
        r"line 4 is no CSV \(.*\); nothing after it was read: correct it, .*", stopped["broken"]["reason"]
    )
    file.write_bytes(file.read_bytes().replace(b';"Pau\r', b";Pau\r"))
    assert counts(repaired := run(region, file)) == (2 + len(later), len(GOOD), 0)
    assert repaired["broken"] is None


def test_a_check_of_a_broken_file_claims_nothing_that_it_did_not_do(region: Region, tmp_path: Path) -> None:
    head = region.head()
    checked = run(region, written(tmp_path / "f.csv", GOOD[0], *BAD, OPEN), check=True, rejects=tmp_path / "kept.csv")
    assert (checked["to_register"], checked["refused_lines"], region.head()) == (1, len(BAD), head)
    assert "done" not in checked["broken"]["reason"]
    assert len((tmp_path / "kept.csv").read_text(encoding="cp1252").splitlines()) == 1 + len(BAD)


def test_a_file_that_is_cut_within_its_first_line_is_told_so(region: Region, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"\xff\xfei\0d")
    with pytest.raises(FileWrong, match="in the middle of a character"):
        run(region, tmp_path / "f.csv")


# Rejects


def test_refused_rows_are_kept_as_they_were_with_the_reason(region: Region, tmp_path: Path) -> None:
    """Also what is not read, what is no text in the file's encoding, and a line end within quotes."""
    file, kept = tmp_path / "f.csv", tmp_path / "rejects.csv"
    odd = b'CHB;10;"FICTIVE;\nde";L\xc3\xa9a;01/02/1980;F;="01"\r\nCHB;11;FICTIV\xc9;Anne;01/02/1980;F;Pau\r\n'
    file.write_bytes("\r\n".join((HEADER, *GOOD, *BAD, "")).encode() + odd)
    summary = run(region, file, rejects=kept)
    assert summary["refused_lines"] == len(BAD) + 2
    lines = kept.read_bytes().splitlines(keepends=True)
    assert lines[0] == HEADER.encode() + b";reason\r\n"
    assert lines[1].startswith(BAD[0].encode() + b";birth date is not a date")
    assert all(line.endswith((b"\r\n", b"\n")) for line in lines)
    assert b"FICTIV\xc9;Anne" in kept.read_bytes()
    with kept.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
        rows = list(csv.reader(text, delimiter=";"))
    assert rows[-2][:-1] == ["CHB", "10", "FICTIVE;\nde", "Léa", "01/02/1980", "F", '="01"']
    assert [re.sub(r" \(\w\d+\)$", "", row[-1]) for row in rows[1:]] == [
        re.sub(r" \(\w\d+\)$", "", one["reason"]) for one in summary["refused"]
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_rejects_are_corrected_and_imported(region: Region, tmp_path: Path, encoding: str) -> None:
    file, kept, more = tmp_path / "f.csv", tmp_path / "kept.csv", tmp_path / "more.csv"
    run(region, written(file, GOOD[0], "CHB;3;FICTIVÉ;Zoé;30/02/1980;F;Pau", BAD[3], encoding=encoding), rejects=kept)
    kept.write_bytes(kept.read_text(encoding=encoding).replace("30/02", "28/02").encode(encoding))
    told: list[str] = []
    assert counts(run(region, kept, rejects=more, warn=told.append)) == (1, 0, 1)
    assert told == ["not read, for their names are not known: the columns “Ville”"]
    header, left = more.read_text(encoding=encoding).splitlines()
    assert header == f"{HEADER};reason"
    assert left.startswith(f"{BAD[3]};birth date is in the future")
    traits = [e.data["traits"] for e in region.history(region.start)][-1]
    assert (traits["family"], traits["given"], traits["birth_date"]) == ("FICTIVÉ", "Zoé", "1980-02-28")


def test_a_row_of_another_shape_is_refused_again_until_it_is_corrected(region: Region, tmp_path: Path) -> None:
    """Filled up with empty cells, half a row would be taken in the second time. What stands too far right stays too."""
    halves = ("CHB;9;FICT", "CHB;10;FICTIVE;Anne;01/02/1980", "CHB;11;FICTIVE;Anne;01/02/1980;F;Pau;trop")
    file = written(tmp_path / "0.csv", *halves)
    for again in range(1, 4):
        kept = tmp_path / f"{again}.csv"
        assert counts(run(region, file, rejects=kept)) == (0, 0, 3)
        rows = kept.read_text("cp1252").splitlines()[1:]
        assert [row.startswith(half) for row, half in zip(rows, halves, strict=True)] == [True] * 3
        file = kept


def test_the_reason_of_a_row_that_excel_shortened_or_widened_stands_in_its_own_column(
    region: Region, tmp_path: Path
) -> None:
    """In another it would be taken for the name in use when the rejects are imported."""
    file, kept, header = tmp_path / "f.csv", tmp_path / "kept.csv", HEADER.replace("Ville", "Nom d'usage")
    rows = (header, "CHB;3;FICTIVE;Anne;30/02/1980;F", "CHB;4;FICTIVE;Anne;30/02/1980;F;;;", "")
    file.write_bytes("\r\n".join(rows).encode())
    run(region, file, rejects=kept)
    lines = kept.read_text().splitlines()
    assert [line[: line.rindex(";")] for line in lines[1:]] == [f"CHB;{n};FICTIVE;Anne;30/02/1980;F;" for n in (3, 4)]
    kept.write_text(kept.read_text().replace("30/02", "28/02"))
    assert counts(run(region, kept)) == (2, 0, 0)
    assert [e.data["traits"]["used_name"] for e in region.history(region.start)] == [None, None]


def test_only_the_owner_reads_rejects(region: Region, tmp_path: Path) -> None:
    """They name people."""
    kept = tmp_path / "kept.csv"
    run(region, written(tmp_path / "f.csv", *BAD), rejects=kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(tmp_path.glob("*.part")) == []


def test_where_nothing_was_refused_rejects_hold_the_header_alone(region: Region, tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("of an earlier run")
    run(region, written(tmp_path / "f.csv", *GOOD), rejects=kept)
    assert kept.read_text(encoding="cp1252") == f"{HEADER};reason\n"


def test_rejects_never_replace_the_file_itself(region: Region, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", *BAD)
    before = file.read_bytes()
    with pytest.raises(FileWrong, match="over the file itself"):
        run(region, file, rejects=tmp_path / "." / "f.csv")
    assert file.read_bytes() == before


def test_rejects_that_a_broken_off_import_left_are_not_written_over_while_they_are_read(
    region: Region, tmp_path: Path
) -> None:
    file = written(tmp_path / "kept.csv.part", *BAD)
    before = file.read_bytes()
    with pytest.raises(FileWrong, match="over the file itself"):
        run(region, file, rejects=tmp_path / "kept.csv")
    assert file.read_bytes() == before


def test_rejects_replace_no_folder_and_no_pipe(region: Region, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for there in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileWrong, match="no ordinary file"):
            run(region, written(tmp_path / "f.csv", *GOOD), rejects=there)
    assert region.head() == region.start
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_full_disk_is_told_in_a_sentence(region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileWrong, match=r"could not be written \(No space left on device\)"):
        run(region, written(tmp_path / "f.csv", *GOOD, *BAD), rejects=tmp_path / "kept.csv")


def test_rejects_that_cannot_be_kept_stop_the_import_before_it_begins(region: Region, tmp_path: Path) -> None:
    with pytest.raises(FileWrong, match="cannot be kept there"):
        run(region, written(tmp_path / "f.csv", *GOOD), rejects=tmp_path / "no such folder" / "kept.csv")
    assert region.head() == region.start


# Check


def test_a_check_says_what_an_import_would_and_writes_nothing(region: Region, tmp_path: Path) -> None:
    run(region, written(tmp_path / "before.csv", GOOD[0]))
    rows = (*GOOD, *BAD, GOOD[1], GOOD[1].replace("Théo", "Paul"))
    file, head = written(tmp_path / "f.csv", *rows), region.head()
    keys = {e.aggregate_id for e in region.history()}
    checked = run(region, file, check=True, rejects=tmp_path / "kept.csv")
    assert region.head() == head
    done = run(region, file)
    assert (checked["to_register"], checked["known"]) == (done["registered"], done["known"]) == (1, 2)
    assert [one["line"] for one in checked["refused"]] == [one["line"] for one in done["refused"]]
    assert len((tmp_path / "kept.csv").read_text(encoding="cp1252").splitlines()) == 1 + len(done["refused"])
    assert keys == {e.aggregate_id for e in region.history() if e.position <= head}


def test_a_check_tells_an_id_given_twice_in_lines_far_apart(region: Region, tmp_path: Path) -> None:
    rows = [f"CHB;{n};FICTIVE;Lea;01/02/1980;F;" for n in range(BATCH + 10)]
    rows += [rows[0], rows[1].replace("Lea", "Anne")]
    file = written(tmp_path / "f.csv", *rows)
    checked, done = run(region, file, check=True), run(region, file)
    assert [one["line"] for one in checked["refused"]] == [one["line"] for one in done["refused"]] == [BATCH + 13]
    assert "registered once (I2)" in checked["refused"][0]["reason"]
    assert checked["known"] == done["known"] == 1


# What an import remembers


@pytest.mark.parametrize("check", [False, True])
def test_rows_are_let_go_once_they_are_answered(tmp_path: Path, check: bool) -> None:
    """So memory does not grow with the file: no more rows, commands and envelopes are there at the end than before."""
    rows = (f"CHB;{n};FICTIVE;Lea;{'30/02' if n % 5 == 0 else '01/02'}/1980;F;Pau" for n in range(8 * BATCH))
    ledger = Forgetful()
    file = written(tmp_path / "f.csv", *rows)
    import_csv(ledger, file, IDENTITIES, "clerk:desk", check=check, rejects=tmp_path / "kept.csv")  # type: ignore[arg-type]
    assert len(ledger.alive) == 8
    assert ledger.alive[-1] <= ledger.alive[1] + BATCH // 10


class Forgetful:
    """A ledger that answers, keeps nothing, and counts what an import keeps."""

    ids = IDS

    def __init__(self) -> None:
        self.recorder = self
        self.position = 0
        self.alive: list[int] = []

    def max_notification_id(self) -> int:
        return self.position

    def execute_many(self, asked: Any) -> list[Any]:
        return self._answers(asked, stored=True)

    def foresee(self, asked: Any) -> list[Any]:
        return self._answers(asked, stored=False)

    def _answers(self, asked: Any, *, stored: bool) -> list[Any]:
        self.alive.append(sum(isinstance(one, Row | Register | Envelope) for one in gc.get_objects()))
        return [self._answer(command, stored) for command, _ in asked]

    def _answer(self, command: Any, stored: bool) -> Any:
        if command.stated["birth_date"] == "1980-02-30":
            return BadTraits("birth date is not a date")
        self.position += 1
        return Answer((self.position,) if stored else (), {})


def test_positions_are_kept_as_spans() -> None:
    spans = Spans()
    spans.add(5, 6, 7, 20, 21, 3, 8)
    assert list(spans) == [3, 5, 6, 7, 8, 20, 21]
    assert [n for n in range(25) if n in spans] == list(spans)


def test_ids_are_remembered_beside_memory() -> None:
    seen, one, other = Seen(), uuid4(), uuid4()
    seen.add(one)
    assert (seen.has(one), seen.has(other)) == (True, False)
    seen.close()
