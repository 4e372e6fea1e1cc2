"""How a command reaches the ledger, and whose envelope its events get."""

from uuid import UUID, uuid4

from domain.ledger import Envelope
from krypton.bootstrap import Krypton


def krypton() -> Krypton:
    """The ledger named by the environment and the current directory."""
    return Krypton.connect()


def envelope(actor: str, command_id: UUID | None) -> Envelope:
    """The envelope of one command."""
    return Envelope(actor, command_id or uuid4())
