"""krypton reading: studies that one establishment asks another to read."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from domain.commands.readings import AcceptReading, DeclineReading, ReportReading, RequestReading
from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Reason, utc

app = command_group("Teleradiology.")
Reading = Annotated[UUID, typer.Argument(help="The reading's id, as reading request printed it.")]
By = Annotated[str | None, typer.Option("--by", help="RPPS number of the radiologist; without it, one's own.")]


@app.command()
def request(
    study: Annotated[UUID, typer.Argument(help="The study's id, as record show --json prints it.")],
    from_site: Annotated[str, typer.Option("--from", help="Code of the establishment that asks.")],
    to_site: Annotated[str, typer.Option("--to", help="Code of the establishment that is asked.")],
    question: Annotated[str, typer.Option("--question", help="What is to be answered; kept sealed.")],
    due: Annotated[datetime | None, typer.Option("--due", help="ISO 8601, UTC.")] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask another establishment to read a study."""
    command = RequestReading(
        study=study,
        from_site=from_site,
        to_site=to_site,
        question=question,
        due=utc(due),
    )
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def accept(
    reading: Reading, by: By = None, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """A radiologist takes the study to read."""
    command = AcceptReading(reading=reading, by=who.number(by))
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def decline(
    reading: Reading, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """The establishment asked does not read it."""
    ask(krypton(), DeclineReading(reading=reading, reason=reason), who, command_id, as_json)


@app.command()
def report(
    reading: Reading,
    report_uid: Annotated[str, typer.Option("--report-uid", help="SOP Instance UID of the report.")],
    conclusion: Annotated[str, typer.Option("--conclusion", help="Kept sealed.")],
    by: By = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """The study was read."""
    command = ReportReading(reading=reading, by=who.number(by), report_uid=report_uid, conclusion=conclusion)
    ask(krypton(), command, who, command_id, as_json)
