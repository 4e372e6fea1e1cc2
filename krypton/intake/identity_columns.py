"""Names and cell formats of the columns in an identity CSV file, as documented in ``docs/csv.md``.

Names are compared without case, accents, and what stands between words. A name with two possible meanings is not
recognised: “numéro de dossier” may be a stay's, “lieu de naissance” a town's name or its code.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from krypton.intake.spreadsheet import FileWrong, Row, is_shortened, joined, unwrapped

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
    "reason": ("reason",),
}  # fmt: skip
"""Each field, and the names that its column may have. ``reason``: what an import wrote beside what it refused."""
REQUIRED: Final = ("assigner", "id", "family", "given", "birth_date", "sex")
SEXES: Final[Mapping[str, tuple[str, ...]]] = {
    "M": ("M", "1", "H", "masculin", "homme", "male"),
    "F": ("F", "2", "féminin", "femme", "female"),
    "I": ("I", "indéterminé"),
}
"""1 and 2 as in a matricule."""


class CellWrong(ValueError):
    """A cell that cannot be read. The message names its column and never quotes it."""


class CellCountWrong(CellWrong):
    """A row of another shape than the header: what stands in which column is not known."""


def plain(text: str) -> str:
    """Words in small letters, without accents, and a space between them."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", bare))


FIELDS: Final = {plain(name): field for field, names in NAMES.items() for name in (field, *names)}
_SEX_CODES: Final = {plain(word): code for code, words in SEXES.items() for word in words}
_FAMILY_OR_USED: Final = plain("nom")


def is_known(name: str) -> bool:
    """Whether a column of that name is read."""
    return plain(name) in FIELDS


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a row."""

    places: Mapping[str, int]
    width: int
    needed: int
    """Cells that a row has at least: Excel leaves out empty ones at the end."""
    nameless: tuple[int, ...]
    unknown: tuple[str, ...]
    doubtful: str | None
    """The column “nom”, where it stands for the birth name."""

    @classmethod
    def of(cls, header: Sequence[str]) -> "Columns":
        """Raises FileWrong: a required column is missing, or two say the same."""
        fields = [FIELDS.get(plain(name)) for name in header]
        found = [name for name, field in zip(header, fields, strict=True) if field]
        for field in set(filter(None, fields)):
            if len(same := [name for name, each in zip(header, fields, strict=True) if each == field]) > 1:
                raise FileWrong(f"the columns {joined(same)} both say {field}: take one out, or give it another name")
        if missing := [field for field in REQUIRED if field not in fields]:
            known = (
                f"found are {joined(found)}"
                if found
                else "no name in its first line is known, so it may have no header"
            )
            raise FileWrong(f"the header lacks {', '.join(missing)}: {known}; docs/csv.md lists the names")
        places = {field: place for place, field in enumerate(fields) if field}
        family = header[places["family"]]
        return cls(
            places={field: place for field, place in places.items() if field != "reason"},
            width=len(header),
            needed=max(places[field] for field in REQUIRED) + 1,
            nameless=tuple(place for place, name in enumerate(header) if not name.strip()),
            unknown=tuple(name for name, field in zip(header, fields, strict=True) if field is None and name.strip()),
            doubtful=family if plain(family) == _FAMILY_OR_USED else None,
        )

    def read(self, row: Row) -> dict[str, str]:
        """The fields of a row that hold something. Raises CellWrong."""
        if row.unreadable:
            raise CellWrong(
                "it holds bytes that are no text in the encoding of the other lines: save the file as UTF-8"
            )
        if len(row.cells) < self.needed:
            raise CellCountWrong("it ends before the last required column: check its separators and quotes")
        if any(cell.strip() for cell in self._beyond(row)):
            raise CellCountWrong("something stands under no column's name: check its separators and quotes")
        cells = {field: unwrapped(row.cells[place]) for field, place in self.places.items() if place < len(row.cells)}
        for field in ("id", "ins"):
            if is_shortened(cells.get(field, "")):
                raise CellWrong(
                    f"{field} was shortened to a power of ten, its digits are gone: format the column as text"
                )
        return {field: value for field, cell in cells.items() if (value := _MEANING.get(field, str)(cell))}

    def _beyond(self, row: Row) -> list[str]:
        """Cells without a column's name above them: Excel writes empty ones, up to the longest row of the sheet."""
        return [row.cells[n] for n in self.nameless if n < len(row.cells)] + list(row.cells[self.width :])


def birth_date(cell: str) -> str:
    """``YYYY-MM-DD`` for ``DD/MM/YYYY``, with a time of midnight or without; anything else as it is, for the ledger to
    refuse. Raises CellWrong: a year of two digits.
    """
    text = re.sub(r"[ T]00:00(:00(\.0+)?)?$", "", cell.strip())
    if french := re.fullmatch(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})", text):
        return f"{french[4]}-{french[3]:0>2}-{french[1]:0>2}"
    if re.fullmatch(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{1,2}", text):
        raise CellWrong("birth date has a year of two digits, which may be of either century: write all four")
    return text


def sex(cell: str) -> str:
    """M, F or I for a code of ``SEXES``; anything else as it is, for the ledger to refuse."""
    return _SEX_CODES.get(plain(cell), cell.strip())


_MEANING: Final[Mapping[str, Callable[[str], str]]] = {
    "birth_date": birth_date,
    "sex": sex,
    "birth_place": str.strip,
    "ins": str.strip,
    "ins_oid": str.strip,
}
