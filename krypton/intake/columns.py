"""Finds the fields of a CSV file by the names of its columns, and reads its rows.

Which fields there are, and what their columns may be called, is a ``Layout``, documented in ``docs/csv.md``. Names are
compared without case, accents, and what stands between words. A name with two possible meanings is not recognised.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from krypton.intake.rejects import REASON
from krypton.intake.spreadsheet import FileWrong, Row, is_shortened, joined, unwrapped


class CellWrong(ValueError):
    """A cell that cannot be read. The message never quotes it. ``field``: which one, where it is one alone."""

    def __init__(self, said: str, field: str | None = None) -> None:
        super().__init__(said)
        self.field = field


class CellCountWrong(CellWrong):
    """A row of another shape than the header: what stands in which column is not known."""


def plain(text: str) -> str:
    """Words in small letters, without accents, and a space between them."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", bare))


@dataclass(frozen=True)
class Layout:
    """The columns of one kind of file.

    ``names``: each field, and the names that its column may have. ``required``: the columns that must be there.
    ``meaning``: what a cell says, for those that are more than text; it may raise CellWrong. ``numbers``: fields whose
    digits Excel may have taken away. ``filled``: fields that each row must hold. ``doubtful``: names of columns, and
    what is warned of one by that name.
    """

    names: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    meaning: Mapping[str, Callable[[str], str]]
    numbers: tuple[str, ...]
    filled: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, str], ...] = ()

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Each name of a column, plain, and its field. ``reason``: what an import wrote beside what it refused."""
        told = {plain(name): field for field, names in self.names.items() for name in (field, *names)}
        return {**told, REASON: REASON}

    def knows(self, name: str) -> bool:
        """Whether a column of that name is read."""
        return plain(name) in self.fields


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a row."""

    layout: Layout
    header: Sequence[str]
    places: Mapping[str, int]
    needed: int
    """Cells that a row has at least: Excel leaves out empty ones at the end."""
    nameless: tuple[int, ...]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, layout: Layout, header: Sequence[str]) -> "Columns":
        """Raises FileWrong: a required column is missing, or two say the same."""
        fields = [layout.fields.get(plain(name)) for name in header]
        found = [name for name, field in zip(header, fields, strict=True) if field]
        for field in set(filter(None, fields)):
            if len(same := [name for name, each in zip(header, fields, strict=True) if each == field]) > 1:
                raise FileWrong(f"the columns {joined(same)} both say {field}: take one out, or give it another name")
        if missing := [field for field in layout.required if field not in fields]:
            known = (
                f"found are {joined(found)}"
                if found
                else "no name in its first line is known, so it may have no header"
            )
            raise FileWrong(f"the header lacks {', '.join(missing)}: {known}; docs/csv.md lists the names")
        places = {field: place for place, field in enumerate(fields) if field}
        return cls(
            layout=layout,
            header=header,
            places={field: place for field, place in places.items() if field != REASON},
            needed=max(places[field] for field in layout.required) + 1,
            nameless=tuple(place for place, name in enumerate(header) if not name.strip()),
            unknown=tuple(name for name, field in zip(header, fields, strict=True) if field is None and name.strip()),
        )

    @property
    def doubtful(self) -> Mapping[str, str]:
        """Columns with a name that may mean something else, and what is said of them."""
        doubted = {plain(name): said for name, said in self.layout.doubtful}
        return {name: doubted[plain(name)] for name in self.header if plain(name) in doubted}

    def title(self, field: str | None) -> str | None:
        """The name of a field's column, as written; None where it has none."""
        return self.header[self.places[field]].strip() if field and field in self.places else None

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
        for field in self.layout.numbers:
            if is_shortened(cells.get(field, "")):
                raise CellWrong(
                    f"{field} was shortened to a power of ten, its digits are gone: format the column as text", field
                )
        meaning = self.layout.meaning
        said = {field: value for field, cell in cells.items() if (value := meaning.get(field, str)(cell))}
        for field in self.layout.filled:
            if field not in said:
                raise CellWrong(f"{field} is empty: fill it in", field)
        return said

    def _beyond(self, row: Row) -> list[str]:
        """Cells without a column's name above them: Excel writes empty ones, up to the longest row of the sheet."""
        named = len(self.header)
        return [row.cells[n] for n in self.nameless if n < len(row.cells)] + list(row.cells[named:])
