"""Tells in which traits two statements contradict each other: birth date and sex, as far as both are known."""

from collections.abc import Mapping
from typing import Any

from domain.matching.birth_dates import born

Traits = Mapping[str, Any]


def unlike(one: Traits, other: Traits) -> list[str]:
    """Which of sex and birth date differ, in words. An indeterminate sex differs from neither."""
    differ = {"sex": {one.get("sex"), other.get("sex")} == {"M", "F"}, "birth date": dates_differ(one, other)}
    return [trait for trait, does in differ.items() if does]


def dates_differ(one: Traits, other: Traits) -> bool:
    """Whether the birth dates cannot be one; what is not known of them, a placeholder too, differs from nothing."""
    a, b = born(one.get("birth_date")), born(other.get("birth_date"))
    return a is not None and b is not None and not a.may_be(b)
