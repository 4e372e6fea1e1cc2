"""krypton consent: consents, oppositions and one-time codes."""

from datetime import datetime
from typing import Annotated

import typer

from domain.commands.consents import Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.consent_code import derive
from domain.consent_statements import EVERYONE, Scope
from krypton.cli.calling import ASKED, OWN, As
from krypton.cli.calling import Why as Purpose
from krypton.cli.connection import ask, asker, envelope, krypton, stating
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Ref, utc
from krypton.cli.output import document, facts, out, table, when, written
from krypton.queries.person import consents_of

app = command_group("Consents, oppositions and one-time codes.")
Party = Annotated[str, typer.Option("--to", help="rpps:<number> or site:<code>.")]
Opposed = Annotated[str, typer.Option("--to", help="rpps:<number>, site:<code> or everyone.")]
Why = Annotated[str | None, typer.Option("--reason", callback=line, help="Why; kept sealed. - reads it.")]
Of = Annotated[Scope, typer.Option("--scope", help="consult, or feed (which needs a legitimate reason).")]


@app.command()
def code(ref: Ref, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Make a one-time code that the person hands to a professional; shown here and stored nowhere."""
    from adapters.vault.derived import Purpose as For

    ours = krypton()
    identity = ours.resolve(ref)
    by = envelope(stating(ours, who, identity), command_id)
    made = derive(by.command_id, ours.secret(For.CONSENT_CODES))
    answer = ours.execute(IssueCode(identity=identity, code=made), by)
    if answer.result["identity"] != str(identity):  # it was this caller's own, for somebody else
        raise typer.BadParameter("it is the id of another command: leave it out", param_hint="--command-id")
    if as_json:
        document({"positions": list(answer.positions), **answer.result, "code": made})
        return
    written(answer)
    out.print(f"code {made[:5]}-{made[5:]}, for one use until {when(answer.result['expires_at'])}")


@app.command()
def grant(
    ref: Ref,
    to: Party,
    until: Annotated[datetime | None, typer.Option("--until", help="When it ends: ISO 8601, UTC.")] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="study:<uid>, author:rpps:<number> or period:<day>/<day>; may be repeated."),
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Consent to consultation by a professional or an establishment."""
    ours = krypton()
    command = Grant(
        identity=ours.resolve(ref),
        party=to,
        expires_at=utc(until),
        exclusions=exclude or [],
    )
    ask(ours, command, who, command_id, as_json)


@app.command()
def revoke(
    ref: Ref,
    to: Party,
    reason: Why = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a consent."""
    ours = krypton()
    command = Revoke(identity=ours.resolve(ref), party=to, reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def oppose(
    ref: Ref,
    to: Opposed = EVERYONE,
    scope: Of = Scope.CONSULT,
    reason: Why = None,
    lift: Annotated[bool, typer.Option("--lift", help="Withdraw the opposition instead.")] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Oppose consultation or feeding, or lift an opposition."""
    ours = krypton()
    kind = LiftOpposition if lift else Oppose
    command = kind(identity=ours.resolve(ref), party=to, scope=scope, reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def show(ref: Ref, who: As = OWN, reason: Purpose = ASKED, as_json: AsJson = False) -> None:
    """Show the consents and oppositions of the person, from all their identities."""
    ours = krypton()
    found = consents_of(ours, asker(ours, who, reason, ref), ref)
    if as_json:
        document(found)
        return
    facts({"person": found["person"], **found["standing"]})
    table(found["statements"], ("since", "kind", "scope", "party", "state", "expires_at", "reason"), "Statements")
