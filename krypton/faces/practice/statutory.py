"""Writes a group for the statutory return as CSV, in the words and units of the French texts.

The order of columns that the portal of the ASNR takes could not be had: here are the data that the texts ask for, as
the profession calls them. To change the layout, change ``HEAD``, ``FIGURES`` and ``PATIENT``: nothing else knows it.

The file has three parts, with an empty line between them: of what the group is, a line each; a line of figures for
each quantity; a line for each patient. No text of a device or of an establishment is a formula to a spreadsheet.

Source: arrêté of 24 Oct 2011, art. 2 to 4 and annexes; ASN decision 2019-DC-0667, annex 2 (units); IRSN,
"Points-clés sur le recueil des données NRD".
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from domain.dose_bands import CHILD

Row = Mapping[str, Any]
CT, RADIOLOGY, DENTAL, BREAST, NUCLEAR = (
    *("Scanographie", "Radiologie conventionnelle", "Orthopantomographie", "Mammographie", "Médecine nucléaire"),
)
DOMAINS: Final = {"CT": CT, "DX": RADIOLOGY, "PX": DENTAL, "MG": BREAST, "NM": NUCLEAR, "PT": NUCLEAR}
BY_TUBE: Final = (CT, RADIOLOGY, DENTAL, BREAST)
POPULATIONS: Final = {"adult": "Adultes", CHILD: "Enfants"}


class Column(NamedTuple):
    """``of``: domains or populations in whose files it is; none: in all. ``times``: to the unit of the title."""

    title: str
    field: str
    of: tuple[str, ...] = ()
    times: Decimal = Decimal(1)


HEAD: Final = (
    Column("Établissement", "establishment"),
    Column("N° FINESS", "finess"),
    Column("Domaine", "domain"),
    Column("Acte", "wording"),
    Column("Population", "population"),
    Column("Catégorie de poids (kg)", "weight_kg", (CHILD,)),
    Column("Appareil : constructeur", "manufacturer"),
    Column("Appareil : modèle", "model"),
    Column("Appareil : n° de série", "serial"),
    Column("Début de la période", "since"),
    Column("Fin de la période", "until"),
    Column("Premier acte", "first"),
    Column("Dernier acte", "last"),
    Column("Nombre de patients", "persons"),
    Column("Expositions écartées avant le dernier acte", "passed_over"),
)
FIGURES: Final = (
    Column("Grandeur", "quantity"),
    Column("Nombre de valeurs", "patients"),
    Column("Médiane", "median"),
    Column("Moyenne", "mean"),
    Column("25e centile", "q1"),
    Column("75e centile", "q3"),
)
TENTH: Final = Decimal("0.1")
PATIENT: Final = (  # IDSV: CTDIvol; PDL: DLP; PDS: DAP; DMG: average glandular dose
    Column("N° du patient", "number"),
    Column("Date de l’acte", "day"),
    Column("Âge (ans)", "age_years"),
    Column("Âge (mois)", "age_months", (CHILD,)),
    Column("Sexe", "sex"),
    Column("Poids (kg)", "weight_kg"),
    Column("Taille (cm)", "size_cm"),
    Column("Haute tension (kV)", "kvp", BY_TUBE),
    Column("Charge (mAs)", "exposure_mas", BY_TUBE),
    Column("Intensité (mA)", "tube_current_ma", (CT,)),
    Column("Temps de rotation (s)", "rotation_time_s", (CT,)),
    Column("Pas de l’hélice", "pitch", (CT,)),
    Column("Longueur explorée (cm)", "scan_length_mm", (CT,), TENTH),
    Column("Distance foyer-détecteur (cm)", "source_detector_mm", (RADIOLOGY,), TENTH),
    Column("Filtration (mm Al)", "filter_mm_al", (RADIOLOGY,)),
    Column("Épaisseur du sein comprimé (mm)", "compression_mm", (BREAST,)),
    Column("Médicament radiopharmaceutique", "radiopharmaceutical", (NUCLEAR,)),
    Column("IDSV (mGy)", "ctdivol_mgy", (CT,)),
    Column("Diamètre du fantôme (cm)", "phantom_cm", (CT,)),
    Column("PDL (mGy.cm)", "dlp_mgycm", (CT,)),
    Column("PDS (mGy.cm²)", "dap_mgycm2", (RADIOLOGY, DENTAL)),
    Column("Dose à l’entrée affichée, rétrodiffusé non compris (mGy)", "entrance_dose_mgy", (RADIOLOGY, BREAST)),
    Column("DMG (mGy)", "agd_mgy", (BREAST,)),
    Column("Activité administrée (MBq)", "activity_mbq", (NUCLEAR,)),
    Column("Nombre d’acquisitions de l’examen", "acquisitions"),
)


class Dialect(NamedTuple):
    """How the file is written."""

    separator: str
    decimal: str
    mark: bytes
    line_end: str


SPREADSHEET: Final = Dialect(";", ",", codecs.BOM_UTF8, "\r\n")
"""As spreadsheets read it where French is spoken."""
PLAIN: Final = Dialect(",", ".", b"", "\n")
FORMULAS: Final = tuple("=+-@＝＋－＠")
HARMLESS: Final = "'"
"""Before a text it is a text to each spreadsheet."""
APART: Final = re.compile(rf"([;,\"|] ?)(?=[{re.escape(''.join(FORMULAS))}])")
"""Within a text, where a spreadsheet that takes another separator than the file's would begin a cell."""


def written(found: Row, dialect: Dialect) -> bytes:
    """The file of a ``dose return`` document."""
    domain = DOMAINS[found["modality"]]
    held, file = {domain, found["population"]}, io.StringIO()
    lines = csv.writer(file, delimiter=dialect.separator, lineterminator=dialect.line_end)

    def cells(columns: Iterable[Column], row: Row) -> list[str]:
        return [_cell(row.get(one.field), one.times, dialect) for one in columns]

    head, patient = _held(HEAD, held), _held(PATIENT, held)
    lines.writerows(zip((one.title for one in head), cells(head, _head(found, domain)), strict=True))
    lines.writerow(())
    lines.writerow(one.title for one in FIGURES)
    titles = {one.field: one.title for one in patient}
    told = [{**one, "quantity": titles[one["quantity"]]} for one in found["figures"] if one["quantity"] in titles]
    lines.writerows(cells(FIGURES, one) for one in told)
    lines.writerow(())
    lines.writerow(one.title for one in patient)
    lines.writerows(cells(patient, {**(one["technique"] or {}), **one}) for one in found["patients"])
    return dialect.mark + file.getvalue().encode()


def _held(columns: Sequence[Column], held: set[str]) -> list[Column]:
    """Those of this domain and population."""
    return [one for one in columns if not one.of or held & {*one.of}]


def _head(found: Row, domain: str) -> Row:
    days = [one["day"] for one in found["patients"]]
    return {
        **found["device"],
        **found,
        "domain": domain,
        "wording": found["wording"] or found["act"],
        "population": POPULATIONS[found["population"]],
        "first": min(days),
        "last": max(days),
        "persons": len(found["patients"]),
        "passed_over": sum(one["exposures"] for one in found["passed_over"]),
    }


def _cell(value: Any, times: Decimal, dialect: Dialect) -> str:
    """A value as the dialect writes it; what is not known is empty, never zero."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        exact = Decimal(repr(value)) * times
        return f"{exact.normalize() + 0:f}".replace(".", dialect.decimal)
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(value)).split())
    text = APART.sub(rf"\1{HARMLESS}", text)
    return HARMLESS + text if text.startswith(FORMULAS) else text
