"""How a command reaches the ledger, under whose envelope, and how its answer is printed."""

from uuid import UUID, uuid4

from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.cli.output import written


def krypton() -> Krypton:
    """The ledger named by the environment and the current directory."""
    return Krypton.connect()


def envelope(actor: str, command_id: UUID | None) -> Envelope:
    """The envelope of one command."""
    return Envelope(actor, command_id or uuid4())


def ask(ours: Krypton, command: Command, actor: str, command_id: UUID | None, as_json: bool) -> None:
    """Ask the ledger, and print the positions written and the ids made."""
    written(ours.execute(command, envelope(actor, command_id)), as_json)
