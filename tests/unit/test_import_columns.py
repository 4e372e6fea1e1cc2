"""What columns of CSV files are called and what their cells mean, and that docs/csv.md says so."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from krypton.intake import directory_columns
from krypton.intake.columns import CellWrong, Columns, Layout, plain
from krypton.intake.identity_columns import COLUMNS, SEXES, birth_date, sex
from krypton.intake.spreadsheet import FileWrong, Row

PAGE = (Path(__file__).parents[2] / "docs/csv.md").read_text()
SECTIONS = {"identities": COLUMNS, "sites": directory_columns.SITES, "professionals": directory_columns.PROFESSIONALS}
every_layout = pytest.mark.parametrize("section", SECTIONS)
FRENCH = ("Établissement", "N° IPP", "Nom de naissance", "Prénom", "Date de naissance", "Sexe")


def columns_of(header: Sequence[str]) -> Columns:
    return Columns.of(COLUMNS, header)


# The page


def table(section: str) -> dict[str, tuple[bool, str, str]]:
    """Each field of a section's table: whether it is required, its names, and what its cells hold."""
    (text,) = re.findall(rf"^### {section.capitalize()}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    return {field: (required == "yes", names, cells) for field, required, names, cells in rows}


@every_layout
def test_the_page_lists_each_field_its_names_and_whether_it_is_required(section: str) -> None:
    layout, told = SECTIONS[section], table(section)
    assert {field: required for field, (required, _, _) in told.items()} == {
        field: field in layout.required for field in layout.names
    }
    for field, (_, names, _) in told.items():
        listed = names.partition(". ")[0].split(", ")
        assert sorted(map(plain, listed)) == sorted(map(plain, layout.names[field]))


def test_the_page_lists_the_codes_of_sex() -> None:
    told = [sorted(map(plain, codes.split(", "))) for codes in table("identities")["sex"][2].split(" · ")]
    assert told == [sorted(map(plain, codes)) for codes in SEXES.values()]


@every_layout
def test_no_name_means_two_fields(section: str) -> None:
    layout: Layout = SECTIONS[section]
    names = [plain(name) for each in layout.names.values() for name in each]
    assert len(names) == len(set(names))
    assert all(layout.fields[plain(field)] == field for field in layout.names)


# The header


@pytest.mark.parametrize(
    "header",
    [
        COLUMNS.required,
        FRENCH,
        tuple(name.upper() for name in FRENCH),
        tuple(name.replace(" ", "_").lower() for name in FRENCH),
        (" etablissement ", "n°ipp", "NOM_NAISSANCE", "1er prénom", "Né(e) le", "SEXE"),
    ],
)
def test_names_are_read_in_any_case_and_with_or_without_accents(header: tuple[str, ...]) -> None:
    assert columns_of(header).places == {field: place for place, field in enumerate(COLUMNS.required)}


def test_columns_by_other_names_are_told_and_those_without_a_name_passed_over() -> None:
    columns = columns_of((*FRENCH, "Ville", "", "reason", "Lieu de naissance"))
    assert columns.unknown == ("Ville", "Lieu de naissance")
    assert set(columns.places) == set(COLUMNS.required)


def test_nom_is_taken_as_the_birth_name_and_told() -> None:
    header = [name.removesuffix(" de naissance") if name.startswith("Nom") else name for name in FRENCH]
    assert columns_of(header).doubtful.keys() == {"Nom"}
    assert columns_of(FRENCH).doubtful == {}


def test_a_header_that_lacks_a_column_says_which_were_found() -> None:
    with pytest.raises(FileWrong, match="lacks given, birth_date, sex: found are “Site”, “IPP”, “Nom”"):
        columns_of(("Site", "IPP", "Nom", "Adresse"))


def test_a_file_without_a_header_is_not_quoted() -> None:
    """Its first row names a person."""
    with pytest.raises(FileWrong, match="may have no header") as wrong:
        columns_of(("CHB", "1", "FICTIVE", "Lea", "1980-04-12", "F"))
    assert "FICTIVE" not in str(wrong.value)


def test_two_columns_that_say_the_same_are_refused() -> None:
    with pytest.raises(FileWrong, match="“Nom”, “Nom de naissance” both say family"):
        columns_of(("Nom", *FRENCH))


# A row


def cells(*values: str) -> Row:
    return Row(2, values)


def test_a_row_gives_the_fields_that_hold_something() -> None:
    columns = columns_of((*FRENCH, "Nom d'usage", "Ville"))
    row = cells("CHB", '="007"', "FICTIVE", "", "12/04/1980", "Femme", "", "Pau")
    assert columns.read(row) == {
        "assigner": "CHB", "id": "007", "family": "FICTIVE", "birth_date": "1980-04-12", "sex": "F"
    }  # fmt: skip


def test_an_id_keeps_its_blanks_for_the_ledger_to_refuse() -> None:
    assert columns_of(FRENCH).read(cells("CHB", " 7 ", "FICTIVE", "Lea", "", ""))["id"] == " 7 "


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (cells("CHB", "7", "FICTIVE", "Lea", "1980-04-12"), "ends before the last required column"),
        (cells("CHB", "7", "FICTIVE", "Lea", "1980-04-12", "F", "", "", "moved"), "under no column's name"),
        (cells("CHB", "7", "FICTIVE", "Lea", "1980-04-12", "F", "", "moved"), "under no column's name"),
        (cells("CHB", "1,23457E+11", "FICTIVE", "Lea", "1980-04-12", "F"), "id was shortened"),
        (cells("CHB", "7", "FICTIV\udcc9", "Lea", "1980-04-12", "F"), "bytes that are no text"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_and_not_quoted(row: Row, words: str) -> None:
    with pytest.raises(CellWrong, match=words) as wrong:
        columns_of((*FRENCH, "Nom d'usage", "")).read(row)
    assert "FICTIV" not in str(wrong.value)


def test_cells_that_excel_left_out_at_the_end_are_empty() -> None:
    short = cells("CHB", "7", "FICTIVE", "Lea", "1980-04-12", "F")
    assert "used_name" not in columns_of((*FRENCH, "Nom d'usage")).read(short)


def test_empty_cells_that_excel_adds_at_the_end_are_passed_over() -> None:
    """Where another row of the sheet is longer, or a cell beside the table was formatted once."""
    row = cells("CHB", "7", "FICTIVE", "Lea", "1980-04-12", "F", "", " ", "")
    assert columns_of(FRENCH).read(row) == columns_of(FRENCH).read(cells(*row.cells[:6]))


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("1980-04-12", "1980-04-12"),
        ("12/04/1980", "1980-04-12"),
        (" 2/4/1980 ", "1980-04-02"),
        ("12.04.1980", "1980-04-12"),
        ("12-04-1980", "1980-04-12"),
        ("12/04/1980 00:00:00", "1980-04-12"),
        ("1980-04-12T00:00:00.000", "1980-04-12"),
        ("04/13/1980", "1980-13-04"),  # which the ledger refuses: the day comes first
        ("", ""),
    ],
)
def test_the_day_comes_before_the_month(cell: str, meant: str) -> None:
    assert birth_date(cell) == meant


@pytest.mark.parametrize("cell", ["12/04/80", "80-04-12", "1/2/3"])
def test_a_year_of_two_digits_is_never_guessed(cell: str) -> None:
    with pytest.raises(CellWrong, match="year of two digits"):
        birth_date(cell)


@pytest.mark.parametrize("cell", ["29323", "12 avril 1980", "1980", "12/04", "12/04/1980 08:30", "12/04-1980"])
def test_what_is_no_date_is_left_to_the_ledger_to_refuse(cell: str) -> None:
    assert birth_date(cell) == cell


@pytest.mark.parametrize(
    ("cell", "code"), [("f", "F"), ("Féminin", "F"), ("H", "M"), ("1", "M"), ("2", "F"), ("i", "I"), (" ", "")]
)
def test_french_codes_of_sex_are_read(cell: str, code: str) -> None:
    assert sex(cell) == code


@pytest.mark.parametrize("cell", ["X", "0", "3", "inconnu", "MF"])
def test_another_sex_is_left_to_the_ledger_to_refuse(cell: str) -> None:
    assert sex(cell) == cell
