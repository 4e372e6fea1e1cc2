"""What humans and rules may say of pairs of people, for tests of who is one person."""

from typing import Final

from domain.held import HUMAN

PEOPLE: Final = "abcdefg"
RULE: Final = "strict"
SAID: Final = {
    "merged": ("link.merged", HUMAN),
    "by rule": ("link.merged", RULE),
    "open": ("link.unmerged", HUMAN),
    "barred": ("link.barred", HUMAN),
}
"""By a short name: the event's type, and who says it."""
