"""Reads values from a rule file by path, so that every error names its place."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from domain.errors import FieldMissing, NothingInIt, OutOfRange, UnknownChoice, UnknownField, WrongType

NAME = re.compile(r"[a-z][a-z0-9-]{1,63}")
LONGEST = 200  # characters of a text
GREATEST = 1e12  # of a number, in any unit: far over every dose there is, and far under what a float cannot hold
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
KINDS: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}


@dataclass(frozen=True)
class Place:
    """A value in a rule file, and its path, such as ``body.rules[2].fields``."""

    path: str
    value: Any

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, "Place"]:
        """The fields of a table. Raises WrongType, UnknownField, FieldMissing."""
        if not isinstance(self.value, dict):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a table of {', '.join(sorted(required))}")
        known = {*required, *optional}
        if unknown := sorted(self.value.keys() - known):
            raise UnknownField(
                f"{self.path}.{unknown[0]}: no such field: remove it, or write one of {', '.join(sorted(known))}"
            )
        if missing := sorted(set(required) - self.value.keys()):
            raise FieldMissing(f"{self.path}.{missing[0]}: is missing: add it")
        return {name: Place(f"{self.path}.{name}", value) for name, value in self.value.items()}

    def items(self) -> list["Place"]:
        """The items of a list that holds something. Raises WrongType, NothingInIt."""
        if not isinstance(self.value, list):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a list")
        if not self.value:
            raise NothingInIt(f"{self.path}: is empty: write at least one")
        return [Place(f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """A text of 1 to 200 characters. Raises WrongType, NothingInIt, OutOfRange."""
        if not isinstance(self.value, str):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a text")
        if not self.value.strip():
            raise NothingInIt(f"{self.path}: is empty: write a text")
        if len(self.value) > LONGEST:
            raise OutOfRange(f"{self.path}: is longer than {LONGEST} characters: shorten it")
        if UNWRITABLE.search(self.value):
            raise OutOfRange(f"{self.path}: contains a control character: remove it")
        return self.value

    def name(self) -> str:
        """A name to be kept with decisions; ``human`` stands for people. Raises also OutOfRange."""
        if not NAME.fullmatch(self.text()) or self.value == "human":
            raise OutOfRange(
                f"{self.path}: is not a rule name: write 2 to 64 lower-case letters, digits or hyphens, but not human"
            )
        return self.text()

    def number(self, upto: float = GREATEST) -> float:
        """A number over 0 and not over ``upto``. Raises WrongType, OutOfRange."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise WrongType(f"{self.path}: is {_kind(self.value)}: write a number")
        if not 0 < self.value <= upto:
            raise OutOfRange(f"{self.path}: is out of range: write a number over 0 and at most {upto:g}")
        return float(self.value)

    def one_of(self, known: Iterable[Any]) -> Any:
        """One of a few values. Raises UnknownChoice."""
        if not any(type(self.value) is type(one) and self.value == one for one in known):
            raise UnknownChoice(f"{self.path}: is none of {', '.join(map(str, known))}: write one of them")
        return self.value

    def distinct(self, known: Iterable[Any]) -> set[Any]:
        """Several of a few values, none twice. Raises also WrongType, NothingInIt, OutOfRange."""
        found: set[Any] = set()
        for item in self.items():
            if item.one_of(known) in found:
                raise OutOfRange(f"{item.path}: is named twice: remove one")
            found.add(item.value)
        return found


def _kind(value: Any) -> str:
    return "a table" if isinstance(value, dict) else KINDS.get(type(value), "a date or time")
