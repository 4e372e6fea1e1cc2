"""krypton erase: requests, approves, holds and shows erasures. A policy carries them out, and what is left follows."""

from typing import Annotated
from uuid import UUID

import typer

from domain.aggregates.erasure import Erasure, Request
from domain.commands.erasures import ApproveErasure, CancelErasure, HoldErasure, ReleaseHold, RequestErasure
from krypton.bootstrap import Krypton
from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, envelope, krypton
from krypton.cli.given import Yes, confirm, line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Reason, Ref
from krypton.cli.output import document, err, table, written, written_by_many

app = command_group("Erasures: requested by one, approved by another, carried out after a delay.")
COLUMNS = ("identity", "state", "ground", "reference", "requested_by", "approved_by", "due_at", "holds", "left")
Reference = Annotated[
    str,
    typer.Option(
        "--reference",
        callback=line,
        help="Where it is written, such as a judgement's number. It stays readable: it names nobody. - reads it.",
    ),
]
MISSED = 1


@app.command()
def request(
    ref: Ref,
    ground: Annotated[str, typer.Option("--ground", help="error, court_order or end_of_retention.")],
    reference: Reference,
    died: Annotated[
        str | None,
        typer.Option("--died", callback=line, help="Day of death, YYYY-MM-DD, where it ends retention. Kept sealed."),
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask for an identity to be erased. Nothing happens until somebody else approves."""
    ours = krypton()
    command = RequestErasure(identity=ours.resolve(ref), ground=ground, reference=reference, died=died)
    ask(ours, command, who, command_id, as_json)


@app.command()
def approve(ref: Ref, yes: Yes = False, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Let it be carried out, as the second person, once the delay of its ground is over. Asks first."""
    ours = krypton()
    identity = ours.resolve(ref)
    shown = None
    if not yes:
        shown = _requested(ours, identity)
        unasked = typer.BadParameter("an erasure is never taken back, and nobody can be asked here: say --yes")
        why = f", on the ground {shown.ground}: {shown.reference}, as {shown.by} requested" if shown else ""
        confirm(f"Make all that names the person unreadable for ever, for identity {identity}{why}?", unasked)
    ask(ours, ApproveErasure(identity=identity, request=shown.id if shown else None), who, command_id, as_json)


def _requested(ours: Krypton, identity: UUID) -> Request | None:
    """The open request of an identity's erasure."""
    held = ours.ledger.find(Erasure, Erasure.create_id(ours.ledger.ids, identity))
    return held.request if held else None


@app.command()
def cancel(ref: Ref, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Take a request back, approved or not."""
    ours = krypton()
    ask(ours, CancelErasure(identity=ours.resolve(ref), reason=reason), who, command_id, as_json)


@app.command()
def hold(ref: Ref, reference: Reference, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Place a legal hold: nobody erases the identity until it is released. The person's others go on: hold each."""
    ours = krypton()
    command = HoldErasure(identity=ours.resolve(ref), reference=reference)
    answer = ours.execute(command, envelope(who.actor(), command_id))
    written(answer, as_json)
    if others := answer.result["others_not_held"]:
        err.print(f"not held, and the same person's: {', '.join(others)}: hold each that the case is about")


@app.command()
def release(
    ref: Ref, reference: Reference, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Take a legal hold away, by its reference. What was approved and is due is carried out then."""
    ours = krypton()
    ask(ours, ReleaseHold(identity=ours.resolve(ref), reference=reference), who, command_id, as_json)


@app.command()
def status(
    ref: Annotated[str | None, typer.Argument(callback=line, help="Of one; without it, all open ones.")] = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """How each open erasure stands, and what is left of it until when. Ends with 1 where a deadline is missed."""
    from krypton.erasing.status import of_identity, open_ones

    ours = krypton(None)
    found = of_identity(ours, ours.resolve(ref)) if ref else open_ones(ours)
    document(found) if as_json else table(found, (*COLUMNS, "deadline"), "Erasures")
    for one in found:
        if one["why"]:
            err.print(f"stopped: {one['identity']}: {one['why']} ({one['stopped_by']})")
        for export in one["exports"]:
            err.print(f"opened for {export['asked_by']}, not in {export['folder']} any more: have it destroyed")
    if late := [one["identity"] for one in found if one["overdue"]]:
        err.print(f"late: {', '.join(late)}: krypton policies status and policies parked say why")
        raise typer.Exit(MISSED)


@app.command()
def lapsed(
    ask_for: Annotated[bool, typer.Option("--request", help="Request the erasure of all of them.")] = False,
    reference: Annotated[
        str | None,
        typer.Option("--reference", callback=line, help="With --request: where it is written; names nobody."),
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Whose retention is over. A preview: nothing is requested without --request, and nothing erased by it."""
    from krypton.erasing import lapsed as found_by
    from krypton.progress import progress

    if ask_for and not reference:
        raise typer.BadParameter("say with --reference where it is written that they are to be erased")
    ours = krypton(None)
    with progress("identities", None) as bar:
        found = list(found_by.lapsed(ours, bar.advance))
    if not ask_for:
        document(found) if as_json else table(found, ("identity", "assigner", "last", "state"), "Retention is over")
        return
    waiting = [one for one in found if one["state"] in (None, "cancelled", "held")]
    told = found_by.summary(found_by.request(ours, waiting, reference or "", envelope(who.actor(), command_id)))
    written_by_many(told, ("identity", "reason"), as_json)
