"""krypton access: requests to see a record, and the review of emergency accesses left open."""

from typing import Annotated
from uuid import UUID

import typer

from domain.commands.accesses import CloseEmergency, OpenAccess, ReviewEmergency
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, envelope, krypton
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, Ref
from krypton.cli.output import document, err, out, places, table, written
from krypton.faces.told_of import with_person
from krypton.queries.worklists import PAGE, emergencies_to_review

app = command_group("Requests to see a record.")
review = command_group("Emergency accesses that nobody closed.")
app.add_typer(review, name="review")
REFUSED = 1
TO_REVIEW = (
    *("access", "rpps", "site", "opened_at", "lapsed_at", "reason", "person", "reviewed_at", "reviewed_by"),
    "review_note",
)


@app.command("open")
def open_access(
    ref: Ref,
    reason: Why = ASKED,
    code: Annotated[
        str | None, typer.Option("--code", callback=line, help="One-time code that the person gave; - reads it.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="Where they act from, if they work for several.")] = None,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="Break the glass; shown during the whole access.")
    ] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask to see a person's record. A denial is on record too, and exits with 1."""
    ours = krypton()
    by = envelope(who.actor(), command_id)
    ask = OpenAccess(
        identity=ours.resolve(ref),
        rpps=who.number(None),
        reason=reason,
        site=site or who.site,
        code=code,
        emergency=emergency,
        access=by.command_id,
    )
    answer = ours.execute(ask, by)
    denied = answer.result["decision"] == "denied"
    if as_json:
        document({"positions": list(answer.positions), **answer.result})
    elif not denied:
        written(answer)
    else:
        out.print(places(answer.positions))
    if denied:
        err.print(f"refused: {answer.result['why']} ({answer.result['rule']})")
        raise typer.Exit(REFUSED)


@app.command()
def close(
    access: Annotated[UUID, typer.Argument(help="The emergency access, as access open printed it.")],
    note: Annotated[str | None, typer.Option("--note", callback=line, help="Kept sealed; - reads it.")] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """End an emergency access."""
    ask = CloseEmergency(access=access, rpps=who.number(None), note=note)
    written(krypton().execute(ask, envelope(who.actor(), command_id)), as_json)


@review.command("list")
def review_list(
    site: Annotated[str | None, typer.Option("--site", help="Opened from that establishment.")] = None,
    access: Annotated[
        UUID | None, typer.Option("--access", help="That one alone, as a notice names it; reviewed or not.")
    ] = None,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Emergency accesses that ran out and wait for a review, oldest first: who opened them, why and to whom."""
    ours = krypton()
    found = emergencies_to_review(ours, asker(ours, who, reason), site=site, limit=limit, access=access)
    if as_json:
        document(found)
        return
    table(with_person(found), TO_REVIEW, "To review" if access is None else "Emergency access")


@review.command("done")
def review_done(
    access: Annotated[UUID, typer.Argument(help="The access, as access review list prints it.")],
    note: Annotated[str, typer.Option("--note", callback=line, help="What was found; kept sealed. - reads it.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that an emergency access was reviewed, and what was found; it is off the list then."""
    ask = ReviewEmergency(access=access, by=who.actor(), note=note)
    written(krypton().execute(ask, envelope(who.actor(), command_id)), as_json)
