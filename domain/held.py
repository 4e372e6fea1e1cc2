"""What is held of a pair of identities now, as later decisions need it (``domain.aggregates.link``)."""

from enum import StrEnum
from typing import Final

HUMAN: Final = "human"
"""Stands for the rule where a human said it."""


class Held(StrEnum):
    """The state of a pair."""

    OPEN = "open"
    MERGED = "merged"
    BARRED = "barred"
