"""Defines a policy: a pure reaction to ledger events that returns what is to be done.

A policy reads no clock, table or service and sees nothing personal: sealed fields stay sealed. What it returns is
written to the outbox in the transaction that moves its position; the sender executes it, now or at its time.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from domain.errors import RuleBroken
from schemas.event import LedgerEvent


class Kind(StrEnum):
    """What becomes of an entry. A lookup first queries a view, and then becomes commands or nothing."""

    COMMAND = "command"
    LOOKUP = "lookup"
    DELIVERY = "delivery"


class Due(NamedTuple):
    """One thing to do. ``does``: the command, lookup or notice by name; ``body``: only ids, codes and times.

    ``at``: not before then, µs since 1970, UTC; None: at once. ``last_alone``: where several events of one command lead
    to the same, and are read together, it is done for the last of them alone.
    """

    kind: Kind
    does: str
    body: Mapping[str, Any]
    at: int | None = None
    last_alone: bool = False


class Policy(Protocol):
    """One policy. ``version`` of its reactions: increase it when the same event is to have another effect."""

    name: str
    version: int
    topics: tuple[str, ...]

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """What is to be done about an event: always the same for the same event; empty for types it does not know."""

    def refused(self, does: str, body: Mapping[str, Any], refusal: RuleBroken) -> Iterable[Due]:
        """What the refusal of one of its commands leads to; most are final answers, and lead to nothing.

        A lookup is made once the view has read all that the ledger held at the refusal.
        """
        return ()

    def done_late(self, does: str, body: Mapping[str, Any]) -> Iterable[Due]:
        """What one of its commands leads to that failed at first: what was decided meanwhile did not count with it.

        A lookup is made as after a refusal.
        """
        return ()
