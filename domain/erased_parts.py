"""What follows once somebody is erased."""

from collections.abc import Collection
from typing import Final

PARTS: Final = ("key", "instances", "answers", "exports", "views")
"""The key is destroyed; instances and exports opened are deleted; command answers and rows of views lose what they say
of the person.
"""


def left(followed: Collection[str]) -> tuple[str, ...]:
    """What is still to follow."""
    return tuple(part for part in PARTS if part not in followed)
