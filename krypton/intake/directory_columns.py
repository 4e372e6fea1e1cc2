"""The columns of CSV files of establishments and of professionals, as documented in ``docs/csv.md``.

A cell may hold several AE titles, or codes of several establishments. “Établissement” alone is not recognised in a file
of establishments: it may be a name or a code.
"""

import re
from typing import Final

from krypton.intake.columns import Layout

BETWEEN: Final = re.compile(r"[,;\\\r\n]")
"""What stands between several values of a cell: a comma, a semicolon, a line end, or a backslash as in DICOM."""
AS_ONE: Final = "\\"
"""What stands between them once the cell is read: no AE title holds one (PS3.5 6.2), and no code."""


def several(cell: str) -> str:
    """The values of a cell, without blanks around them."""
    return AS_ONE.join(filter(None, map(str.strip, BETWEEN.split(cell))))


def each(values: str | None) -> tuple[str, ...]:
    """The values that ``several`` put together."""
    return tuple(values.split(AS_ONE)) if values else ()


SITES: Final = Layout(
    names={
        "code": ("code", "site", "code site", "code établissement"),
        "name": ("name", "nom", "nom de l'établissement", "nom établissement", "raison sociale"),
        "finess": ("finess", "n° finess", "numéro finess", "finess géographique", "n° finess géographique"),
        "ae_titles": ("ae titles", "ae title", "aet", "titre ae", "titres ae"),
    },
    required=("code", "name"),
    filled=("code", "name"),
    numbers=("finess",),
    meaning={"code": str.strip, "name": str.strip, "finess": str.strip, "ae_titles": several},
)
PROFESSIONALS: Final = Layout(
    names={
        "rpps": ("rpps", "n° rpps", "numéro rpps", "identifiant rpps"),
        "name": ("name", "nom", "nom complet", "nom et prénom", "prénom et nom"),
        "profession": ("profession", "libellé profession", "métier"),
        "sites": ("sites", "site", "code site", "établissement", "établissements", "code établissement"),
    },
    required=("rpps", "name", "profession"),
    filled=("rpps", "name", "profession"),
    numbers=("rpps",),
    meaning={"rpps": str.strip, "name": str.strip, "profession": str.strip, "sites": several},
)
