"""Formats docstrings for cells of Markdown tables."""

import re


def cell(text: str | None) -> str:
    """One line that ends no cell and opens no tag; code in one pair of backquotes."""
    return " ".join((text or "").split()).replace("|", "\\|").replace("``", "`").replace("<", "&lt;")


def first_sentence(docstring: str | None) -> str:
    """The first sentence of a docstring."""
    return re.split(r"(?<=[.?!]) (?=[A-Z])", cell((docstring or "").split("\n\n")[0]))[0]
