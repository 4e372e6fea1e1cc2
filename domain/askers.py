"""Tells whose a command id is, so that a stored answer goes to its own caller alone (W5 of ``domain.actors``)."""

from typing import Final, NamedTuple

CONTENT: Final = "content"
"""Instead of an actor: the id is a digest of what is asked, so whoever asks the same may have the answer."""

TAKEN: Final = "the command id was used before, by somebody else or for something else: give a new one"


class Asker(NamedTuple):
    """Who used a command id first, and for which kind of command (its class; None: lost, the record was restored)."""

    actor: str
    kind: str | None

    def answers(self, other: "Asker") -> bool:
        """Whether another use of the id gets the stored answer."""
        return self == other if self.kind else other.actor in (self.actor, CONTENT)
