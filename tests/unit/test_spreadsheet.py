"""Tables as spreadsheets write them: which encoding and separator, and what is told apart from them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from krypton.intake.identity_columns import COLUMNS
from krypton.intake.spreadsheet import FileWrong, Row, Sheet, opened

HEADER = "Établissement;IPP;Nom de naissance;Prénom"
WRITTEN = f"{HEADER}\r\nCHB;1;FICTIVÉ;Zoé\r\n"
Read = Callable[[bytes], tuple[Sheet, list[Row]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The header and the rows of a file with these bytes."""

    def read(content: bytes) -> tuple[Sheet, list[Row]]:
        file = tmp_path / "people.csv"
        file.write_bytes(content)
        with opened(file, COLUMNS.knows) as sheet:
            return sheet, list(sheet.rows)

    return read


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("separator", [";", "\t", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_excel_writes_is_read(read: Read, encoding: str, separator: str, line_end: str) -> None:
    content = WRITTEN.replace(";", separator).replace("\r\n", line_end).encode(encoding)
    sheet, rows = read(content)
    assert sheet.header == ("Établissement", "IPP", "Nom de naissance", "Prénom")
    assert [row.cells for row in rows] == [("CHB", "1", "FICTIVÉ", "Zoé")]


def test_big_endian_utf_16_is_read(read: Read) -> None:
    assert read(b"\xfe\xff" + WRITTEN.encode("utf-16-be"))[1][0].cells[3] == "Zoé"


def test_a_separator_within_quotes_and_in_other_columns_does_not_mislead(read: Read) -> None:
    """More commas than semicolons stand in the header; the names tell."""
    sheet, rows = read(b'assigner;id;family;"a, b, c, d, e, f"\nCHB;1;"DURAND;\nPETIT";x\n')
    assert sheet.writing.separator == ";"
    assert rows == [Row(3, ("CHB", "1", "DURAND;\nPETIT", "x"))]


def test_excels_own_first_line_names_the_separator(read: Read) -> None:
    sheet, rows = read(b"sep=,\r\nassigner,id\r\nCHB,1\r\n")
    assert (sheet.header, rows) == (("assigner", "id"), [Row(3, ("CHB", "1"))])


def test_empty_rows_are_passed_over_and_counted_as_lines(read: Read) -> None:
    assert read(b"\nassigner;id\n\n;\n ; \nCHB;1\n")[1] == [Row(6, ("CHB", "1"))]


def test_one_line_in_another_encoding_is_a_row_that_cannot_be_read(read: Read) -> None:
    """As Windows-1252 the others would be taken for other names: FICTIVÃ‰."""
    _, rows = read(WRITTEN.encode() + "CHB;2;FICTIVÉ;Léa\r\n".encode("cp1252"))
    assert [row.unreadable for row in rows] == [False, True]


@pytest.mark.parametrize("encoding", ["mac-roman", "cp850"])
@pytest.mark.parametrize("text", [WRITTEN, "assigner;id\nCHB;Zoé\n", "assigner;id\nCHB;Hélène\n"])
def test_accents_of_other_systems_are_not_taken_for_others(read: Read, encoding: str, text: str) -> None:
    """Zoé of a Macintosh would be ZoŽ."""
    with pytest.raises(FileWrong, match="neither UTF-8 nor Windows-1252"):
        read(text.encode(encoding))


def test_names_of_windows_alone_are_read(read: Read) -> None:
    _, rows = read("assigner;id\nCHB;CŒURET\nCHB;D’ŽIŽEK\nCHB;Dvořák Škoda\n".replace("ř", "r").encode("cp1252"))
    assert [row.cells[1] for row in rows] == ["CŒURET", "D’ŽIŽEK", "Dvorák Škoda"]


def test_utf_32_and_half_characters_are_refused(read: Read) -> None:
    with pytest.raises(FileWrong, match="UTF-32"):
        read(WRITTEN.encode("utf-32"))
    with pytest.raises(FileWrong, match="line 3 ends in the middle of a character"):
        read((WRITTEN + "CHB;2;FIC").encode("utf-16")[:-1])


def test_a_header_of_many_columns_is_read_by_its_own_separator(read: Read) -> None:
    """By another one it would be a cell that is too long."""
    columns = [*(f"column {n}" for n in range(20_000)), "assigner", "id"]
    sheet, rows = read((";".join(columns) + "\n" + ";" * 20_000 + "CHB;1\n").encode())
    assert (len(sheet.header), [row.cells[-2:] for row in rows]) == (20_002, [("CHB", "1")])


def test_a_cell_without_end_is_no_csv_and_its_line_is_named(read: Read) -> None:
    with pytest.raises(FileWrong, match=r"line 2 is no CSV \(a cell has over 131,072 characters\)"):
        read(b"assigner;id\nCHB;" + b"X" * 200_000 + b"\n")


@pytest.mark.parametrize(
    ("start", "words"),
    [(b"", "it is empty"), (b"PK\x03\x04\x14", "a workbook of Excel"), (b"\xd0\xcf\x11\xe0\xa1", "save it as CSV")],
)
def test_what_is_no_csv_file_at_all_is_told_as_what_it_is(read: Read, start: bytes, words: str) -> None:
    with pytest.raises(FileWrong, match=words):
        read(start)


def test_a_quotation_that_is_never_closed_is_told_so(read: Read) -> None:
    with pytest.raises(FileWrong, match="a quotation is opened there and never closed"):
        read(b'assigner;id\nCHB;"1\nCHB;2\n')


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """It cannot be read twice."""
    with pytest.raises(FileWrong, match="no pipe"), opened(tmp_path, COLUMNS.knows):
        pass
