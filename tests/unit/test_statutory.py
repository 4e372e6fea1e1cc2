"""The file of the statutory return: as French spreadsheets read it, with nothing that a spreadsheet would compute."""

import io
from typing import Any

import pandas as pd
import pytest

from domain.dose_alerts import QUANTITIES as KNOWN
from domain.dose_return import MODALITIES
from krypton.faces.practice.statutory import DOMAINS, PLAIN, SPREADSHEET, Dialect, written

BLANK = dict.fromkeys(("sex", "age_years", "age_months", "weight_kg", "size_cm", *KNOWN))


def patient(number: int, **told: Any) -> dict[str, Any]:
    others: dict[str, Any] = {
        "phantom_cm": None,
        "entrance_dose_mgy": None,
        "technique": {},
        "radiopharmaceutical": None,
    }
    return {"number": number, "day": "2026-01-02", "acquisitions": 1, **BLANK, **others, **told}


def document(*patients: dict[str, Any], **told: Any) -> dict[str, Any]:
    device = {"name": "Salle 1", "manufacturer": "Fictif", "model": "Salle", "serial": "007", "station": "S1"}
    known: dict[str, Any] = {
        "establishment": "CH du Bac à sable",
        "finess": "330000001",
        "act": "Chest PA",
        "wording": "Thorax de face (postéro-antérieur)",
        "modality": "DX",
        "population": "adult",
        "weight_kg": None,
        "since": "2025-01-01",
        "until": "2025-12-31",
        "device": device,
        "passed_over": [{"why": "no dose", "exposures": 2}, {"why": "another", "exposures": 1}],
        "figures": [
            {"quantity": "dap_mgycm2", "patients": 2, "median": 107.5, "mean": 107.5, "q1": 1e-05, "q3": 200.0},
        ],
    }
    return {**known, "patients": list(patients), **told}


def parts(content: bytes, dialect: Dialect = SPREADSHEET) -> list[list[list[str]]]:
    """The three parts of the file, each as rows of cells."""
    text = content.removeprefix(dialect.mark).decode()
    blocks = text.split(dialect.line_end * 2)
    frames = [
        pd.read_csv(io.StringIO(one), sep=dialect.separator, header=None, dtype=str, keep_default_na=False)
        for one in blocks
    ]
    return [one.to_numpy().tolist() for one in frames]


def test_a_french_spreadsheet_reads_accents_columns_and_decimals() -> None:
    content = written(document(patient(1, dap_mgycm2=107.25, age_years=44, weight_kg=71.5, sex="F")), SPREADSHEET)
    assert content.startswith(b"\xef\xbb\xbf\xc3\x89tablissement;CH du Bac \xc3\xa0 sable\r\n")
    head, figures, rows = parts(content)
    assert ["Appareil : n° de série", "007"] in head
    assert ["Acte", "Thorax de face (postéro-antérieur)"] in head
    assert ["Expositions écartées avant le dernier acte", "3"] in head
    assert figures[1] == ["PDS (mGy.cm²)", "2", "107,5", "107,5", "0,00001", "200"]
    told = dict(zip(*rows, strict=True))
    assert (told["PDS (mGy.cm²)"], told["Poids (kg)"], told["Âge (ans)"]) == ("107,25", "71,5", "44")
    assert told["Taille (cm)"] == ""  # not known is never zero


def test_a_program_reads_the_patients_without_knowing_french() -> None:
    told = document(*(patient(n, dap_mgycm2=value) for n, value in enumerate((107.25, 99.0), 1)))
    content = written(told, PLAIN)
    assert not content.startswith(b"\xef\xbb\xbf")
    frame = pd.read_csv(io.BytesIO(content.split(b"\n\n")[-1]))
    assert frame["PDS (mGy.cm²)"].tolist() == [107.25, 99.0]
    assert frame["Date de l’acte"].tolist() == ["2026-01-02"] * 2


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "\r=", " =", "\x00=", "\u200b=", "＝"])
@pytest.mark.parametrize("dialect", [SPREADSHEET, PLAIN])
def test_no_text_is_a_formula(sign: str, dialect: Dialect) -> None:
    text = f'{sign}HYPERLINK("http://a.invalid";"x")'
    told = document(patient(1, radiopharmaceutical=text), modality="NM", establishment=text, wording=None, act=text)
    told["device"] = dict.fromkeys(told["device"], text)
    head, _, rows = parts(written(told, dialect), dialect)
    cells = [cell for block in (head, rows) for row in block for cell in row]
    assert [cell for cell in cells if cell.lstrip()[:1] in "=+-@＝" and cell] == []
    assert sum(cell.startswith("'") and "HYPERLINK" in cell for cell in cells) == 6


@pytest.mark.parametrize("separator", [";", ",", ", ", "\t", "|"])
@pytest.mark.parametrize("dialect", [SPREADSHEET, PLAIN])
def test_no_text_is_a_formula_to_a_spreadsheet_that_takes_another_separator(separator: str, dialect: Dialect) -> None:
    """One where English is spoken opens the French file, or the other way round."""
    told = document(patient(1), establishment=f"Room{separator}=cmd'/C calc'!A0")
    content = written(told, dialect).removeprefix(dialect.mark).decode()
    for other in ";,\t|":
        cells = [cell.strip('" ') for line in content.splitlines() for cell in line.split(other)]
        assert [cell for cell in cells if cell.startswith("=")] == []


def test_separators_quotes_and_line_ends_of_a_text_stay_in_its_cell() -> None:
    told = document(patient(1), establishment='CH "du;Bac",\nà sable')
    for dialect in (SPREADSHEET, PLAIN):
        assert parts(written(told, dialect), dialect)[0][0] == ["Établissement", 'CH "du;Bac", à sable']


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("population", ["adult", "child"])
def test_each_domain_has_its_columns_and_its_doses_alone(modality: str, population: str) -> None:
    of_domain = {
        "CT": {"IDSV (mGy)", "PDL (mGy.cm)"},
        "MG": {"DMG (mGy)"},
        **{one: {"PDS (mGy.cm²)"} for one in ("DX", "PX")},
        **{one: {"Activité administrée (MBq)"} for one in ("NM", "PT")},
    }
    technique = {"kvp": 120.0, "scan_length_mm": 345.0}
    figures = [dict.fromkeys(("median", "mean", "q1", "q3"), 1.0) | {"quantity": one, "patients": 1} for one in KNOWN]
    told = document(patient(1, technique=technique, weight_kg=20.0), modality=modality, population=population)
    head, told_figures, rows = parts(written(told | {"weight_kg": 20.0, "figures": figures}, SPREADSHEET))
    titles = dict(zip(*rows, strict=True))
    assert {row[0] for row in told_figures[1:]} == of_domain[modality]
    assert titles.keys() & {one for some in of_domain.values() for one in some} == of_domain[modality]
    assert titles.keys() >= {"Poids (kg)", "Taille (cm)", "Sexe", "Âge (ans)"}
    assert titles.get("Haute tension (kV)") == (None if modality in ("NM", "PT") else "120")
    assert titles.get("Longueur explorée (cm)") == ("34,5" if modality == "CT" else None)
    assert ("Âge (mois)" in titles) is (["Catégorie de poids (kg)", "20"] in head) is (population == "child")


def test_each_modality_of_a_group_has_a_domain() -> None:
    assert {*DOMAINS} == {*MODALITIES}
