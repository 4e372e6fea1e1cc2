"""The columns of a CSV file of identities, as documented in ``docs/csv.md``, and what their cells say.

“Numéro de dossier” is not recognised, for it may be a stay's; nor is “lieu de naissance”, a town's name or its code.
"""

import re
from collections.abc import Mapping
from typing import Final

from krypton.intake.columns import CellWrong, Layout, plain

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "assigner": ("assigner", "assigning authority", "établissement", "code établissement", "site"),
    "id": ("id", "local id", "patient id", "ipp", "n° ipp", "numéro ipp", "identifiant", "identifiant patient"),
    "family": (
        "family", "family name", "birth name", "nom", "nom de naissance", "nom naissance", "nom de famille",
        "nom patronymique", "nom de jeune fille",
    ),
    "given": (
        "given", "given name", "first name", "prénom", "prénom de naissance", "premier prénom", "1er prénom",
        "premier prénom de naissance",
    ),
    "birth_date": (
        "birth date", "birthdate", "date of birth", "date de naissance", "date naissance", "né(e) le", "ddn",
    ),
    "sex": ("sex", "sexe"),
    "birth_place": (
        "birth place", "code lieu de naissance", "code du lieu de naissance", "code insee naissance",
        "code insee de naissance", "code insee du lieu de naissance", "code commune de naissance",
    ),
    "ins": ("ins", "matricule ins", "numéro ins", "matricule"),
    "ins_oid": ("ins oid", "oid ins", "oid"),
    "used_name": ("used name", "nom utilisé", "nom d'usage", "nom usuel", "nom marital", "nom d'épouse"),
    "first_names": ("first names", "prénoms", "prénoms de naissance", "liste des prénoms", "tous les prénoms"),
}  # fmt: skip
SEXES: Final[Mapping[str, tuple[str, ...]]] = {
    "M": ("M", "1", "H", "masculin", "homme", "male"),
    "F": ("F", "2", "féminin", "femme", "female"),
    "I": ("I", "indéterminé"),
}
"""1 and 2 as in a matricule."""
_SEX_CODES: Final = {plain(word): code for code, words in SEXES.items() for word in words}


def birth_date(cell: str) -> str:
    """``YYYY-MM-DD`` for ``DD/MM/YYYY``, with a time of midnight or without; anything else as it is, for the ledger to
    refuse. Raises CellWrong: a year of two digits.
    """
    text = re.sub(r"[ T]00:00(:00(\.0+)?)?$", "", cell.strip())
    if french := re.fullmatch(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})", text):
        return f"{french[4]}-{french[3]:0>2}-{french[1]:0>2}"
    if re.fullmatch(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{1,2}", text):
        raise CellWrong(
            "birth date has a year of two digits, which may be of either century: write all four", "birth_date"
        )
    return text


def sex(cell: str) -> str:
    """M, F or I for a code of ``SEXES``; anything else as it is, for the ledger to refuse."""
    return _SEX_CODES.get(plain(cell), cell.strip())


COLUMNS: Final = Layout(
    names=NAMES,
    required=("assigner", "id", "family", "given", "birth_date", "sex"),
    numbers=("id", "ins"),
    meaning={
        "birth_date": birth_date,
        "sex": sex,
        "birth_place": str.strip,
        "ins": str.strip,
        "ins_oid": str.strip,
    },
    doubtful=(("nom", "is read as the birth name: call it “nom utilisé” if it is the name in use"),),
)
