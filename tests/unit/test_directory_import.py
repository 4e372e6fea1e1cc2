"""Importing files of establishments and of professionals: what is stored, refused by line and column, and repeated."""

from pathlib import Path
from typing import Any

import pytest

from domain.check_digit import check_digit
from domain.commands.directory import Affiliate, EnrollSite
from krypton.intake.csv_import import BATCH, Kind, import_csv
from krypton.intake.directory_csv import PROFESSIONALS, SITES
from tests.fakes.region import CLINICIAN, Region

SITE_HEADER = "Code;Nom;FINESS;Titres AE"
PEOPLE_HEADER = "RPPS;Nom;Profession;Établissements"
NEW, OTHER = (ten + check_digit(ten) for ten in ("1010120999", "1010120678"))
BAD_SITES = (
    ("chx;Hôpital;;", "Code", "2 to 16 capitals"),
    ("CHX;;;", "Nom", "name is empty"),
    (";Hôpital;;", "Code", "code is empty"),
    ("CHX;Hôpital;33;", "FINESS", "9 characters"),
    ("CHX;Hôpital;3,3E+08;", "FINESS", "its digits are gone"),
    ("CHX;Hôpital;;PACS_OF_SEVENTEEN", "Titres AE", "1 to 16 printable"),
    ("CHX;Hôpital;;ONE, ONE", "Titres AE", "belongs to CHX already"),
    ("CHB;Another;;", "Code", "enrolled already"),
    ("CHX", None, "required column"),
)
BAD_PEOPLE = (
    ("1010120999;Dr Essai;radiologist;", "RPPS", "11 digits"),
    ("10101209997;Dr Essai;radiologist;", "RPPS", "check digit"),
    ("1,01012E+10;Dr Essai;radiologist;", "RPPS", "its digits are gone"),
    (f"{NEW};;radiologist;", "Nom", "name is empty"),
    (f"{NEW};Dr Essai;;", "Profession", "profession is empty"),
    (f"{NEW};Dr Essai;radiologist;NOWHERE", "Établissements", "krypton site enroll NOWHERE"),
    (f"{NEW};Dr Essai;radiologist;CHB,CHB", "Établissements", "affiliated to CHB already"),
    (f"{CLINICIAN};Dr Essai;radiologist;", "RPPS", "registered already"),
)


@pytest.fixture
def region() -> Region:
    """Three establishments and two professionals."""
    return Region()


def run(region: Region, folder: Path, kind: Kind, *rows: str, **more: Any) -> dict[str, Any]:
    file = folder / "f.csv"
    header = SITE_HEADER if kind is SITES else PEOPLE_HEADER
    file.write_bytes("\r\n".join((header, *rows, "")).encode("cp1252"))
    return import_csv(region, file, kind, "operator:desk", **more)


def test_each_row_enrolls_an_establishment_with_what_it_sends_under(region: Region, tmp_path: Path) -> None:
    rows = ("CHX;Hôpital d'essai;330000001;CHX PACS, CHX_CT", 'CHY;Clinique;="010000024";"A\nB"', "CHZ;Centre;;")
    summary = run(region, tmp_path, SITES, *rows)
    assert (summary["enrolled"], summary["known"], summary["refused_lines"]) == (3, 0, 0)
    sites = region.directory().sites
    assert (sites["CHX"].name, sites["CHX"].finess) == ("Hôpital d'essai", "330000001")
    assert (sites["CHX"].ae_titles, sites["CHY"].ae_titles) == ({"CHX PACS", "CHX_CT"}, {"A", "B"})
    assert (sites["CHY"].finess, sites["CHZ"].finess) == ("010000024", None)


def test_each_row_registers_a_professional_of_any_number_of_establishments(region: Region, tmp_path: Path) -> None:
    rows = (f"{NEW};Dr Essai;radiologist;CHB, CHP", f"{OTHER};Dr Ailleurs;physician;")
    assert run(region, tmp_path, PROFESSIONALS, *rows)["registered"] == 2
    found = region.directory().professionals
    assert (found[NEW].name, found[NEW].profession, found[NEW].sites) == ("Dr Essai", "radiologist", {"CHB", "CHP"})
    assert found[OTHER].sites == set()


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("kind", "bad", "good"),
    [(SITES, BAD_SITES, "CHG;Hôpital;;"), (PROFESSIONALS, BAD_PEOPLE, f"{OTHER};Dr Ailleurs;physician;CHB")],
    ids=["sites", "professionals"],
)
def test_bad_rows_are_named_by_line_and_column_and_cost_themselves(
    region: Region, tmp_path: Path, kind: Kind, bad: Any, good: str, check: bool
) -> None:
    summary = run(region, tmp_path, kind, *(row for row, _, _ in bad), good, check=check)
    told = [(one["line"], one["column"]) for one in summary["refused"]]
    assert told == [(line, column) for line, (_, column, _) in enumerate(bad, 2)]
    for one, (_, _, words) in zip(summary["refused"], bad, strict=True):
        assert words in one["reason"]
    assert summary[kind.to_do if check else kind.done] == 1
    assert (region.head() == region.start) is check


def test_a_list_that_is_sent_again_writes_nothing_and_what_was_added_to_it_alone(
    region: Region, tmp_path: Path
) -> None:
    rows = ("CHX;Hôpital;;CHX_PACS", "CHY;Clinique;;")
    run(region, tmp_path, SITES, *rows)
    head = region.head()
    assert run(region, tmp_path, SITES, *rows)["known"] == 2
    assert region.head() == head
    again = run(region, tmp_path, SITES, *rows, "CHZ;Centre;;")
    assert (again["enrolled"], again["known"]) == (1, 2)


def test_a_list_of_more_than_a_batch_goes_on_where_it_was_broken_off(
    region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"X-{number};Hôpital;;" for number in range(BATCH + 3)]
    many, calls = region.execute_many, list[int]()

    def broken(asked: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return many(asked)

    with monkeypatch.context() as patched:
        patched.setattr(region, "execute_many", broken)
        with pytest.raises(KeyboardInterrupt):
            run(region, tmp_path, SITES, *rows)
    again = run(region, tmp_path, SITES, *rows)
    assert (again["known"], again["enrolled"]) == (BATCH, 3)


def test_a_check_tells_what_two_rows_far_apart_both_claim(region: Region, tmp_path: Path) -> None:
    rows = [f"X-{number};Hôpital;;AE{number}" for number in range(BATCH)]
    rows += ["X-1;Another;;", "CHX;Hôpital;;AE7", rows[2]]
    checked = run(region, tmp_path, SITES, *rows, check=True)
    done = run(region, tmp_path, SITES, *rows)
    told = [[(one["line"], one["column"], one["reason"][-4:]) for one in each["refused"]] for each in (checked, done)]
    assert told[0] == told[1] == [(BATCH + 2, "Code", "(E2)"), (BATCH + 3, "Titres AE", "(E5)")]
    assert (checked["to_enroll"], checked["known"]) == (done["enrolled"], done["known"]) == (BATCH, 1)


def test_a_check_tells_a_number_that_two_rows_have(region: Region, tmp_path: Path) -> None:
    rows = [f"{NEW};Dr Essai;radiologist;CHB", f"{NEW};Dr Essai;radiologist;CHP"]
    checked = run(region, tmp_path, PROFESSIONALS, *rows, check=True)
    (refused,) = checked["refused"]
    assert (refused["line"], refused["column"], refused["reason"][-4:]) == (3, "RPPS", "(P2)")


def test_rejects_are_corrected_and_imported(region: Region, tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    run(region, tmp_path, PROFESSIONALS, f"{NEW};Dr Essai;radiologist;CHC", rejects=kept)
    corrected = tmp_path / "corrected.csv"
    corrected.write_bytes(kept.read_bytes().replace(b"CHC", b"CHB"))
    assert import_csv(region, corrected, PROFESSIONALS, "operator:desk")["registered"] == 1


def test_a_row_that_was_registered_by_hand_is_no_repetition(region: Region, tmp_path: Path) -> None:
    """What it says of name and establishments may be something else: a human looks."""
    region.ask(EnrollSite(code="CHX", name="Hôpital"))
    region.ask(Affiliate(rpps=CLINICIAN, site="CHX"))
    summary = run(region, tmp_path, SITES, "CHX;Hôpital;;")
    assert [one["reason"] for one in summary["refused"]] == [
        "establishment CHX is enrolled already: register its devices instead (E2)"
    ]
