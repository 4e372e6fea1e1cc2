"""Tells in which traits two statements contradict each other: birth date and sex, as far as both are known."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.matching.birth_dates import born

Traits = Mapping[str, Any]
SEX: Final = "sex"
BIRTH_DATE: Final = "birth_date"


def unlike(one: Traits, other: Traits) -> list[str]:
    """Which of the traits sex and birth_date differ. An indeterminate sex differs from neither."""
    differ = {SEX: {one.get("sex"), other.get("sex")} == {"M", "F"}, BIRTH_DATE: dates_differ(one, other)}
    return [trait for trait, does in differ.items() if does]


def in_words(traits: Iterable[str]) -> str:
    """Sex and birth date."""
    return " and ".join(trait.replace("_", " ") for trait in traits)


def dates_differ(one: Traits, other: Traits) -> bool:
    """Whether the birth dates cannot be one; what is not known of them, a placeholder too, differs from nothing."""
    a, b = born(one.get("birth_date")), born(other.get("birth_date"))
    return a is not None and b is not None and not a.may_be(b)
