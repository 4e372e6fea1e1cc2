"""Reads values from a rule file by path, so that every error names its place, and all errors are named at once."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Final, TypeVar

from domain.errors import (
    FieldMissing,
    NotADate,
    NothingInIt,
    OutOfRange,
    RuleBroken,
    UnknownChoice,
    UnknownField,
    WrongType,
)

LONGEST = 200  # characters of a text
GREATEST = 1e12  # of a number, in any unit: far over every dose there is, and far under what a float cannot hold
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
MISSING: Final = object()
"""Stands for the value of a field that the file lacks."""
T = TypeVar("T")
KINDS: dict[type, str] = {
    type(None): "nothing",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
}


@dataclass(frozen=True)
class Place:
    """A value in a rule file, and its path, such as ``body.rules[2].fields``."""

    path: str
    value: Any

    def given(self) -> Any:
        """The value. Raises FieldMissing."""
        if self.value is MISSING:
            raise FieldMissing(f"{self.path}: is missing: add it")
        return self.value

    def table(self, required: Collection[str]) -> dict[str, Any]:
        """The value, where it is a table. Raises WrongType, FieldMissing."""
        if not isinstance(table := self.given(), dict):
            raise WrongType(f"{self.path}: is {_kind(table)}: write a table of {', '.join(sorted(required))}")
        return table

    def items(self) -> list["Place"]:
        """The items of a list that holds something. Raises WrongType, NothingInIt, FieldMissing."""
        if not isinstance(self.given(), list):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a list")
        if not self.value:
            raise NothingInIt(f"{self.path}: is empty: write at least one")
        return [Place(f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """A text of 1 to 200 characters. Raises WrongType, NothingInIt, OutOfRange, FieldMissing."""
        if not isinstance(text := self.given(), str):
            raise WrongType(f"{self.path}: is {_kind(text)}: write a text")
        if not text.strip():
            raise NothingInIt(f"{self.path}: is empty: write a text")
        if len(text) > LONGEST:
            raise OutOfRange(f"{self.path}: is longer than {LONGEST} characters: shorten it")
        if UNWRITABLE.search(text):
            raise OutOfRange(f"{self.path}: contains a control character: remove it")
        return text

    def number(self, upto: float = GREATEST) -> float:
        """A number over 0 and not over ``upto``. Raises WrongType, OutOfRange, FieldMissing."""
        if isinstance(self.given(), bool) or not isinstance(self.value, int | float):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a number")
        if not 0 < self.value <= upto:
            raise OutOfRange(f"{self.path}: is out of range: write a number over 0 and at most {upto:g}")
        return float(self.value)

    def between(self, least: float, most: float) -> float:
        """A number from ``least`` to ``most``. Raises WrongType, OutOfRange, FieldMissing."""
        if isinstance(self.given(), bool) or not isinstance(self.value, int | float):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a number")
        if not least <= self.value <= most:
            raise OutOfRange(f"{self.path}: is out of range: write a number from {least:g} to {most:g}")
        return float(self.value)

    def day(self) -> str:
        """A day as YYYY-MM-DD, from such a text or from a date of TOML. Raises NotADate, FieldMissing."""
        text = str(self.given()) if type(self.value) is date else self.value
        try:
            if isinstance(text, str) and date.fromisoformat(text).isoformat() == text:
                return text
        except ValueError:
            pass
        raise NotADate(f"{self.path}: is not a day: write YYYY-MM-DD")

    def one_of(self, known: Iterable[Any]) -> Any:
        """One of a few values. Raises UnknownChoice, FieldMissing."""
        self.given()
        if not any(type(self.value) is type(one) and self.value == one for one in known):
            raise UnknownChoice(f"{self.path}: is none of {', '.join(map(str, known))}: write one of them")
        return self.value


class Checks:
    """Runs checks one after the other, in a ``with`` block that raises what all of them found.

    The first refusal is raised, with the ``others``.
    """

    def __init__(self) -> None:
        self._found: list[RuleBroken] = []

    def __enter__(self) -> "Checks":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, RuleBroken):
            self.add(error)
        elif error is not None:
            return
        if self._found:
            first, *others = self._found
            first.others = tuple(others)
            raise first from None

    def add(self, wrong: RuleBroken) -> None:
        """What a check found, and the others of it."""
        self._found += [wrong, *wrong.others]
        wrong.others = ()

    def __call__(self, check: Callable[[], T]) -> T | None:
        """What a check answers; None where it refuses."""
        try:
            return check()
        except RuleBroken as wrong:
            self.add(wrong)
            return None

    def holds(self, check: Callable[[], object]) -> bool:
        """Whether a check refuses nothing."""
        before = len(self._found)
        self(check)
        return len(self._found) == before

    def fields(self, place: Place, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Place]:
        """The fields of a table; one that is missing refuses when it is read. Raises WrongType, FieldMissing."""
        table, known = place.table(required), {*required, *optional}
        for name in sorted(table.keys() - known):
            said = f"no such field: remove it, or write one of {', '.join(sorted(known))}"
            self.add(UnknownField(f"{place.path}.{name}: {said}"))
        found = dict.fromkeys(required, MISSING) | {name: table[name] for name in table if name in known}
        return {name: Place(f"{place.path}.{name}", value) for name, value in found.items()}


def _kind(value: Any) -> str:
    return "a table" if isinstance(value, dict) else KINDS.get(type(value), "a date or time")
