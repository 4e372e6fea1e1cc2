"""What a policy is: a pure reaction to ledger events, which says what is to be done about each.

A policy reads no clock, table or service, and sees nothing personal: sealed fields stay sealed. What it says goes to
the outbox, in the transaction that notes that the event was read; the sender does it, now or at its time.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from schemas.event import LedgerEvent


class Kind(StrEnum):
    """What becomes of an entry. A lookup asks a view first, and becomes commands, or nothing."""

    COMMAND = "command"
    LOOKUP = "lookup"
    DELIVERY = "delivery"


class Due(NamedTuple):
    """One thing to be done. ``does``: the command, lookup or notice by its name; ``body``: ids, codes and times alone.

    ``at``: not before then, µs since 1970, UTC; None: at once.
    """

    kind: Kind
    does: str
    body: Mapping[str, Any]
    at: int | None = None


class Policy(Protocol):
    """One policy. ``version`` is that of its reactions: raise it when the same event is to lead to something else."""

    name: str
    version: int
    topics: tuple[str, ...]

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """What is to be done about an event: always the same for the same one; nothing for types it does not know."""
