"""Who may see how erasures stand, whose retention is over, and what is to be approved: the gate decides and records it.

It names nobody; but that somebody is erased on a court order, or when they had their last exam, is about a person.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from domain.actors import Caller
from krypton.bootstrap import Krypton
from krypton.erasing import lapsed, status
from krypton.queries.gate import permit
from krypton.queries.worklists import PAGE, listed

Document = dict[str, Any]


def erasure_of(ours: Krypton, caller: Caller, ref: str) -> list[Document]:
    """The ``erase status`` document of one identity; empty where nobody spoke of its erasure."""
    return status.of_identity(ours, UUID(permit(ours, caller, "erase.status", ref).identity))


def open_erasures(ours: Krypton, caller: Caller, *, limit: int = PAGE) -> list[Document]:
    """The ``erase status`` document of all that are open; those that are late come first."""

    def find(connection: Any, _: str | None) -> list[Document]:
        return sorted(status.open_ones(ours, connection), key=lambda one: not one["overdue"])[:limit]

    return listed(ours, caller, "erase.status", find, _whose)


def whose_is_over(
    ours: Krypton, caller: Caller, *, limit: int = PAGE, reach: lapsed.Reach = lapsed.unheard
) -> list[Document]:
    """The ``erase lapsed`` document. ``reach``: told how many more identities were looked at."""

    def find(connection: Any, _: str | None) -> list[Document]:
        return list(islice(lapsed.lapsed(ours, connection, reach), limit))

    return listed(ours, caller, "erase.lapsed", find, _whose)


def to_approve(ours: Krypton, caller: Caller, reference: str, *, limit: int = PAGE) -> list[Document]:
    """What ``erase approve-lapsed`` approves: requests under a reference, because retention is over, that wait for this
    caller; the oldest first.
    """

    def find(connection: Any, _: str | None) -> list[Document]:
        return list(islice(lapsed.waiting(ours, connection, reference, caller.actor), limit))

    return listed(ours, caller, "erase.approve-lapsed", find, _whose)


def _whose(row: Document) -> Iterable[str]:
    return [row["identity"]]
