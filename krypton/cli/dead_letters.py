"""krypton dead-letters: list, show and replay records that a view could not apply."""

from typing import Annotated

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import envelope, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import document, err, facts, out, table
from krypton.views.dead_letters import letter, letters, replay_letter
from projections.declared import VIEWS

app = command_group("Dead letters: records that a view could not apply.")
Number = Annotated[int, typer.Argument(help="The letter's number, as the list prints it.")]
COLUMNS = ("id", "view", "version", "topic", "partition", "offset", "key", "reason")
REFUSED = 1


@app.command("list")
def list_letters(
    view: Annotated[str | None, typer.Option("--view", help=f"One of {', '.join(VIEWS)}.")] = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """All dead letters that were not replayed, oldest first."""
    found = letters(krypton(), view)
    if as_json:
        document(found)
        return
    table(found, COLUMNS, "Dead letters")


@app.command()
def show(number: Number, who: As = OWN, as_json: AsJson = False) -> None:
    """One dead letter: where it stands on Kafka, and why it could not be applied."""
    found = letter(krypton(), number)
    if as_json:
        document(found)
        return
    facts(found, f"Dead letter {number}")


@app.command()
def replay(number: Number, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Apply all events parked under the letter's key, in order, and unpark the key; all or nothing.

    The events are in the ledger already: nothing is written there.
    """
    from krypton.policies.letters import folded
    from projections.engine.dead_letters import ReplayFailed

    try:
        applied = replay_letter(krypton(), number, envelope(who.actor(), command_id), folded)
    except ReplayFailed as failed:
        err.print(f"refused: {failed}")
        raise typer.Exit(REFUSED) from None
    if as_json:
        document({"applied": applied, "positions": []})
        return
    out.print(f"{applied} events applied; the key is unparked")
