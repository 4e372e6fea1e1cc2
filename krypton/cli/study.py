"""krypton study: reassigns or withdraws a study recorded under the wrong identity."""

from typing import Annotated
from uuid import UUID

import typer

from domain.commands.studies import ReassignStudy, WithdrawStudy
from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, krypton
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Reason

app = command_group("Studies.")
Study = Annotated[UUID, typer.Argument(help="The study's id, as record show --json prints it.")]


@app.command()
def reassign(
    study: Study,
    to: Annotated[str, typer.Option("--to", callback=line, help="REF of the identity that it belongs to; - reads it.")],
    reason: Reason,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Reassign a study to another identity; its doses follow."""
    ours = krypton()
    command = ReassignStudy(study=study, to_identity=ours.resolve(to), reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def withdraw(
    study: Study, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Hide a study from readers; its events and its dose stay."""
    ask(krypton(), WithdrawStudy(study=study, reason=reason), who, command_id, as_json)
