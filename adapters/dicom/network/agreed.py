"""What the two sides of an association have agreed on, and how long each waits for the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.dicom.network.pdu import Negotiated, Result, Roles


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What was agreed when the association was established. ``max_pdu``: most bytes that the peer takes in a PDU.

    ``roles``: those that were agreed to, by SOP class, where they are not the usual ones.
    """

    calling: str
    called: str
    address: str
    site: str
    contexts: tuple[Negotiated, ...]
    max_pdu: int
    roles: Mapping[str, Roles] = field(default_factory=dict)

    @property
    def accepted(self) -> dict[int, Negotiated]:
        """The contexts that were accepted, by id."""
        return {context.id: context for context in self.contexts if context.result is Result.ACCEPTED}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long an association waits. Seconds."""

    idle_s: float = 30.0  # between two messages
    unfinished_s: float = 30.0  # for the rest of a PDU, and for the next one of a message
