"""Notices: what a policy has somebody outside be told, and where that goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Notice:
    """Something that somebody outside is to be told. Ids and codes alone: what it is about is read in Krypton.

    ``id`` is the same when it is told again; ``cause``: ledger position of the event that led to it.
    """

    id: UUID
    name: str
    policy: str
    cause: int
    body: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        told = {"notice": str(self.id), "name": self.name, "policy": self.policy, "cause": self.cause}
        return {**told, **self.body}


class Notices(Protocol):
    """Where notices go."""

    def deliver(self, notice: Notice) -> None:
        """Hand one over for good; harmless to repeat. Raises NotDelivered: then it is tried again later."""
