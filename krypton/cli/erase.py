"""krypton erase: requests, approves, holds and shows erasures. A policy carries them out, and what is left follows."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.aggregates.erasure import Erasure
from domain.commands.erasures import ApproveErasure, CancelErasure, HoldErasure, ReleaseHold, RequestErasure
from domain.erasure_requests import Request
from krypton.bootstrap import Krypton
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, envelope, krypton
from krypton.cli.given import Yes, confirm, line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, Reason, Ref
from krypton.cli.output import document, err, table, written, written_by_many
from krypton.queries.worklists import PAGE

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
Seen = Annotated[
    int | None,
    typer.Option(
        "--seen",
        min=0,
        help="The ledger position that erase status told (position): refused where something came since. Without it, "
        "the one of the question, or with --yes whatever is there.",
    ),
]
Check = Annotated[bool, typer.Option("--check", help="Say how many, and who would be refused; write nothing.")]
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
def approve(
    ref: Ref, seen: Seen = None, yes: Yes = False, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Let it be carried out, as the second person, once the delay of its ground is over. Asks first."""
    ours = krypton()
    identity = ours.resolve(ref)
    shown = None
    if not yes:
        seen = ours.ledger.work([]).head if seen is None else seen  # before the request is read
        shown = _requested(ours, identity)
        unasked = typer.BadParameter("an erasure is never taken back, and nobody can be asked here: say --yes")
        why = f", on the ground {shown.ground}: {shown.reference}, as {shown.by} requested" if shown else ""
        what = f"identity {identity} as of ledger position {seen}{why}"
        confirm(f"Make all that names the person unreadable for ever, for {what}?", unasked)
    command = ApproveErasure(identity=identity, request=shown.id if shown else None, seen=seen)
    ask(ours, command, who, command_id, as_json)


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
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """How each open erasure stands, and what is left of it until when. Ends with 1 where a deadline is missed."""
    from krypton.erasing.shown import erasure_of, open_erasures

    ours = krypton(None)
    caller = asker(ours, who, reason, ref)
    found = erasure_of(ours, caller, ref) if ref else open_erasures(ours, caller, limit=limit)
    document(found) if as_json else table(found, (*COLUMNS, "deadline"), "Erasures")
    for one in found:
        _explain(one)
    if late := [one["identity"] for one in found if one["overdue"]]:
        err.print(f"late: {', '.join(late)}: krypton policies status and policies parked say why")
        raise typer.Exit(MISSED)


def _explain(one: Mapping[str, Any]) -> None:
    """What stops an erasure, what it waits for, and what is to be done by hand."""
    if one["why"]:
        err.print(f"stopped: {one['identity']}: {one['why']} ({one['stopped_by']})")
    if one["came"]:
        err.print(f"came since the approval: {one['identity']}: {', '.join(one['came'])}")
    for wait in one["waits"]:
        err.print(f"views are left: {one['identity']}: they wait for {wait['for']}: {wait['do']}")
    for export in one["exports"]:
        err.print(f"opened for {export['asked_by']}, not to be closed in {export['folder']}: have it destroyed")
    if elsewhere := one.get("opened_exports", {}).get("elsewhere"):
        err.print(
            f"opened exports of other machines: {elsewhere}; audit accesses says who asked: run erase status there "
            "too, or have them destroyed"
        )


@app.command()
def lapsed(limit: Limit = PAGE, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Whose retention is over. A preview: nothing is requested, and nothing erased."""
    from krypton.erasing.shown import whose_is_over
    from krypton.progress import progress

    ours = krypton(None)
    caller = asker(ours, who, reason)
    with progress("identities", None) as bar:
        found = whose_is_over(ours, caller, limit=limit, reach=bar.advance)
    document(found) if as_json else table(found, ("identity", "assigner", "last", "state"), "Retention is over")


@app.command("request-lapsed")
def request_lapsed(
    reference: Reference,
    check: Check = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Request the erasure of all whose retention is over. Nothing happens until somebody else approves.

    It may be ended and given again: it goes on with who is left. With the same --command-id its answer is that of all.
    """
    from krypton.erasing import many
    from krypton.erasing.lapsed import to_request
    from krypton.progress import progress

    ours, by = krypton(None), envelope(who.actor(), command_id)
    with progress("identities", None) as bar:
        found = to_request(ours, many.asked_before(ours, by), bar.advance)
        told = many.request(ours, found, reference, by, check=check)
    written_by_many(told, ("identity", "reason"), as_json)


@app.command("approve-lapsed")
def approve_lapsed(
    reference: Reference,
    limit: Limit = PAGE,
    check: Annotated[bool, typer.Option("--check", help="Show them, and approve nothing.")] = False,
    yes: Yes = False,
    who: As = OWN,
    reason: Why = ASKED,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Approve many that were requested under one reference because retention is over: those it shows. Asks first."""
    from krypton.erasing import many
    from krypton.erasing.shown import to_approve

    ours = krypton(None)
    found = to_approve(ours, asker(ours, who, reason), reference.strip(), limit=limit)
    if not as_json:
        table(found, ("identity", "requested_by", "last", "request"), "To be approved: retention is over")
    elif check:
        document(found)
    if check or not (found or as_json):
        return
    if found and not yes:
        unasked = typer.BadParameter("an erasure is never taken back, and nobody can be asked here: say --yes")
        confirm(f"Make all that names these {len(found)} unreadable for ever?", unasked)
    told = many.approve(ours, found, envelope(who.actor(), command_id))
    written_by_many(told, ("identity", "reason"), as_json)
    if len(found) == limit:
        err.print(f"no more than {limit} at a time: ask again for the others")
