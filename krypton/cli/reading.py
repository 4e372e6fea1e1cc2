"""krypton reading: teleradiology requests from one establishment to another."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from domain.aggregates.reading import Progress
from domain.commands.readings import AcceptReading, DeclineReading, ReportReading, RequestReading
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import acting_from, ask, asker, krypton
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, OwnSite, Reason, utc
from krypton.cli.worklist import print_worklist
from krypton.queries.worklists import OPEN_READINGS, PAGE, readings_of

app = command_group("Teleradiology.")
LISTED = (
    *("state", "modalities", "date", "question", "from_site", "to_site", "requested_at", "due", "read_by"),
    *("conclusion", "decline_reason", "reading", "study"),
)
Reading = Annotated[UUID, typer.Argument(help="The reading's id, as reading request printed it.")]
By = Annotated[str | None, typer.Option("--by", help="RPPS number of the radiologist; without it, one's own.")]


@app.command()
def request(
    study: Annotated[UUID, typer.Argument(help="The study's id, as record show prints it.")],
    from_site: Annotated[str, typer.Option("--from", help="Code of the establishment that asks.")],
    to_site: Annotated[str, typer.Option("--to", help="Code of the establishment that is asked.")],
    question: Annotated[str, typer.Option("--question", callback=line, help="What is to be answered; - reads it.")],
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
        by=who.rpps,
    )
    ask(krypton(), command, who, command_id, as_json)


@app.command("list")
def list_readings(
    state: Annotated[list[Progress] | None, typer.Option("--state", help="May be given several times.")] = None,
    site: OwnSite = None,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Readings that one's establishment asked for or is asked for, oldest first: without --state, the open ones."""
    ours = krypton()
    found = readings_of(ours, acting_from(asker(ours, who, reason), site), states=state or OPEN_READINGS, limit=limit)
    print_worklist(found, LISTED, "Readings", as_json)


@app.command()
def accept(
    reading: Reading, by: By = None, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Accept a reading."""
    command = AcceptReading(reading=reading, by=who.number(by))
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def decline(
    reading: Reading, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Decline a reading, or give it back."""
    ask(krypton(), DeclineReading(reading=reading, reason=reason), who, command_id, as_json)


@app.command()
def report(
    reading: Reading,
    report_uid: Annotated[str, typer.Option("--report-uid", help="SOP Instance UID of the report.")],
    conclusion: Annotated[str, typer.Option("--conclusion", callback=line, help="Kept sealed; - reads it.")],
    by: By = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Report a reading."""
    command = ReportReading(reading=reading, by=who.number(by), report_uid=report_uid, conclusion=conclusion)
    ask(krypton(), command, who, command_id, as_json)
